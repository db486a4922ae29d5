"""What ran for a spectrum, and the command that makes it again."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.decode.spectrum import Spectrum
from thermoscope.experiment.provenance import WhatRan, _quote, versions
from thermoscope.models.base import Model
from thermoscope.params import ORDERS, STAGES, SamplingParams


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
    for name in (n for names in STAGES.values() for n in names if n != "temperature"):
        value = getattr(first.params, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", repr(value)]
    if first.params.order != SamplingParams().order:
        named = [name for name, order in ORDERS.items() if order == first.params.order]
        words += ["--order", named[0] if named else ",".join(first.params.order)]
    for spectrum in spectra:
        words += ["--seed", str(spectrum.seed)]
    words += ["--max-new-tokens", str(first.max_new_tokens), "--resolution", repr(first.resolution)]
    if first.max_leaves is not None:
        words += ["--max-leaves", str(first.max_leaves)]
    words += [f"--stop={text}" for text in first.stop]
    if first.model != "bundled":
        words += ["--model", first.model]
        if first.revision and not first.revision.startswith("sha256:"):
            words += ["--revision", first.revision]
    words += ["--device", first.device, "--dtype", first.dtype]
    if first.prompt == "-" or "\0" in first.prompt:  # what no argument can say goes through standard input
        written = first.prompt.replace("\\", "\\\\").replace("\0", r"\0000")
        return f"printf '%b\\n' {_quote(written)} | {' '.join(map(_quote, [*words, '--', '-']))}"
    return " ".join(map(_quote, [*words, "--", first.prompt]))
