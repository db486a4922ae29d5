"""What ran: everything that a result depends on, and the command that makes it again."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from thermoscope._version import __version__
from thermoscope.models.base import Model
from thermoscope.params import ORDERS, STAGES, SamplingParams


@dataclass(frozen=True, slots=True)
class WhatRan:
    """The resolved circumstances of a result.

    Attributes
    ----------
    settings
        Every setting with all its parameters, its order of stages and its id.
    seeds
        The seeds.
    max_new_tokens
        The limit on new tokens after the prompt.
    stop
        Stop strings.
    model, revision, dtype, device
        What made the logits: name, commit or hash of the weights, type of the arithmetic, place.
    notes
        What had to be switched off for this model.
    versions
        Of Python and the libraries that numbers depend on.
    command
        The command line that makes the result again.
    """

    settings: tuple[SamplingParams, ...]
    seeds: tuple[int, ...]
    max_new_tokens: int
    stop: tuple[str, ...]
    model: str
    revision: str | None
    dtype: str
    device: str
    notes: tuple[str, ...]
    versions: dict[str, str]
    command: str

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        record["settings"] = [setting.to_record() for setting in self.settings]
        return record


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    import numpy
    import tokenizers
    import torch
    import transformers

    return {
        "thermoscope": __version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def compare_command(
    model: Model,
    prompt: str,
    settings: Sequence[SamplingParams],
    seeds: Sequence[int],
    max_new_tokens: int,
    stop: Sequence[str],
) -> str:
    """The ``thermoscope compare`` command for these settings, which differ in temperature alone.

    It is one line for bash, zsh and other shells that know ``$'...'`` (POSIX 2024).
    """
    words = ["thermoscope", "compare"]
    for setting in settings:
        words += ["-t", repr(setting.temperature)]
    fixed = settings[0]
    for name in (n for names in STAGES.values() for n in names if n != "temperature"):
        if (value := getattr(fixed, name)) is not None:
            words += [f"--{name.replace('_', '-')}", repr(value)]
    if fixed.order != SamplingParams().order:
        named = [name for name, order in ORDERS.items() if order == fixed.order]
        words += ["--order", named[0] if named else ",".join(fixed.order)]
    words += common_words(model, seeds, max_new_tokens, stop)
    if prompt == "-" or "\0" in prompt:  # what no argument can say goes through standard input
        written = prompt.replace("\\", "\\\\").replace("\0", r"\0000")
        return f"printf '%b\\n' {quote(written)} | {' '.join(map(quote, [*words, '--', '-']))}"
    return " ".join(map(quote, [*words, "--", prompt]))


class RunsOn(Protocol):
    """What says on which model something ran, and how: a model, or a run's plan."""

    @property
    def device(self) -> str:
        """Where it runs."""

    @property
    def dtype(self) -> str:
        """Type of its arithmetic."""

    @property
    def revision(self) -> str | None:
        """The commit or the hash of its weights."""


def common_words(
    ran: RunsOn, seeds: Sequence[int], max_new_tokens: int, stop: Sequence[str], model: str | None = None
) -> list[str]:
    """The options for seeds, length, stop strings and model that every command has; ``model`` is its name."""
    consecutive = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    if consecutive:
        words = ["--seed", str(seeds[0])] + (["--seeds", str(len(seeds))] if len(seeds) > 1 else [])
    else:
        words = [word for seed in seeds for word in ("--seed", str(seed))]
    words += ["--max-new-tokens", str(max_new_tokens), *(f"--stop={text}" for text in stop)]
    name = model if model is not None else str(getattr(ran, "name", ""))
    if name != "bundled":
        words += ["--model", name]
        if ran.revision and not ran.revision.startswith("sha256:"):
            words += ["--revision", ran.revision]
    return [*words, "--device", ran.device, "--dtype", ran.dtype]


def product_words(settings: Sequence[SamplingParams]) -> list[str]:
    """The options of settings that are every combination of some values: -t, the fixed ones, --vary."""
    words = ["-t", ",".join(dict.fromkeys(repr(setting.temperature) for setting in settings))]
    for name in (n for names in STAGES.values() for n in names if n != "temperature"):
        values = dict.fromkeys(getattr(setting, name) for setting in settings)
        if len(values) > 1:
            words += ["--vary", f"{name}={','.join('off' if v is None else repr(v) for v in values)}"]
        elif (value := next(iter(values))) is not None:
            words += [f"--{name.replace('_', '-')}", repr(value)]
    order = settings[0].order
    if order != SamplingParams().order:
        named = [name for name, known in ORDERS.items() if order == known]
        words += ["--order", named[0] if named else ",".join(order)]
    return words


def quote(word: str) -> str:
    """A word for the shell; with what can't be printed it is written in octal, so that the command is one line."""
    if word.isprintable():
        return shlex.quote(word)
    octal = {byte: f"\\{byte:03o}" for byte in range(256)}
    written = (
        {"\\": "\\\\", "'": "\\047", "\n": "\\n", "\t": "\\t"}.get(c)
        or (c if c.isprintable() else "".join(octal[byte] for byte in c.encode(errors="surrogateescape")))
        for c in word
    )
    return f"$'{''.join(written)}'"
