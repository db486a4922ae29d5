"""What ran for a spectrum, and the command that makes it again."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.decode.spectrum import Spectrum
from thermoscope.experiment.provenance import WhatRan, model_words, option_words, versions, with_prompt
from thermoscope.models.base import Model


def what_ran(model: Model, spectra: Sequence[Spectrum]) -> WhatRan:
    """The resolved circumstances of the spectra of one prompt."""
    first = spectra[0]
    return WhatRan(
        settings=(first.params,),
        seeds=tuple(spectrum.seed for spectrum in spectra),
        max_new_tokens=first.max_new_tokens,
        stop=first.stop,
        model=model.name,
        revision=model.revision,
        dtype=model.dtype,
        device=model.device,
        notes=model.notes,
        versions=versions(),
        command=spectrum_command(spectra),
    )


def spectrum_command(spectra: Sequence[Spectrum]) -> str:
    """The ``thermoscope spectrum`` command for these spectra, in one line for the shell."""
    first = spectra[0]
    words = ["thermoscope", "spectrum", "--low", repr(first.low), "--high", repr(first.high)]
    words += option_words(first.params, leave_out=("temperature",))
    for spectrum in spectra:
        words += ["--seed", str(spectrum.seed)]
    words += ["--max-new-tokens", str(first.max_new_tokens), "--resolution", repr(first.resolution)]
    if first.max_leaves is not None:
        words += ["--max-leaves", str(first.max_leaves)]
    words += [f"--stop={text}" for text in first.stop]
    words += model_words(first.model, first.revision, first.device, first.dtype)
    return with_prompt(words, first.prompt)
