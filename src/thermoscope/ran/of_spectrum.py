"""What ran for a spectrum, and the command that makes it again."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.engines.model_config import own_settings
from thermoscope.language.saying import phrase, together
from thermoscope.models.base import Model
from thermoscope.ran import provenance
from thermoscope.ran.effective import idle_parameters
from thermoscope.ran.provenance import WhatRan, model_words, option_words, with_prompt
from thermoscope.sampling.effects import Effects
from thermoscope.spectra.spectrum import Spectrum


def what_ran(
    model: Model, spectra: Sequence[Spectrum], at: float | None = None, effects: Effects | None = None
) -> WhatRan:
    """The resolved circumstances of the spectra of one prompt.

    ``at`` is the temperature that is shown alone, ``effects`` what ``spectrum`` noted of the setting's stages.
    """
    first = spectra[0]
    idle = [] if effects is None else idle_parameters([first.params], effects.idle)
    return provenance.what_ran(
        model,
        spectrum_command(spectra, at, model.chat_words),
        settings=(first.params,),
        temperatures=(first.low, first.high),
        seeds=tuple(spectrum.seed for spectrum in spectra),
        max_new_tokens=first.max_new_tokens,
        stop=first.stop,
        model_settings=own_settings(model),
        details={phrase("resolution"): f"{first.resolution:g}"}
        | ({phrase("no effect"): together(idle, " ")} if idle else {}),
    )


def recorded(spectra: Sequence[Spectrum]) -> WhatRan:
    """What the spectra themselves record of how they were made; versions are not among it."""
    first = spectra[0]
    return WhatRan(
        command=spectrum_command(spectra),
        versions={},
        settings=(first.params,),
        temperatures=(first.low, first.high),
        seeds=tuple(spectrum.seed for spectrum in spectra),
        max_new_tokens=first.max_new_tokens,
        stop=first.stop,
        model=first.model,
        revision=first.revision,
        dtype=first.dtype,
        device=first.device,
        details={"resolution": f"{first.resolution:g}"},
    )


def spectrum_command(spectra: Sequence[Spectrum], at: float | None = None, chat: Sequence[str] = ()) -> str:
    """The ``thermoscope spectrum`` command for these spectra, in one line for the shell.

    ``chat`` are the options that say how the prompt is given to the model.
    """
    first = spectra[0]
    words = ["thermoscope", "spectrum", "--low", repr(first.low), "--high", repr(first.high)]
    words += [] if at is None else ["--at", repr(at)]
    words += option_words(first.params, leave_out=("temperature",))
    for spectrum in spectra:
        words += ["--seed", str(spectrum.seed)]
    words += ["--max-new-tokens", str(first.max_new_tokens), "--resolution", repr(first.resolution)]
    if first.max_leaves is not None:
        words += ["--max-leaves", str(first.max_leaves)]
    words += [f"--stop={text}" for text in first.stop]
    words += model_words(first.model, first.revision, first.device, first.dtype, chat)
    return with_prompt(words, first.prompt)
