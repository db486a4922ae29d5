"""What ran: everything that a result depends on, and the command that makes it again."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from thermoscope._version import __version__
from thermoscope.models.base import Model
from thermoscope.settings.grid import combinations_of, varied
from thermoscope.settings.orders import order_name
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.values import typed

if TYPE_CHECKING:
    from thermoscope.sources.base import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatRan:
    """The resolved circumstances of a result; ``ran.facts`` puts them into words.

    Attributes
    ----------
    command
        The command line that makes the result again.
    versions
        Of Python and the libraries that numbers depend on.
    settings
        Every setting with all its parameters, its order of stages and its id; none where texts were only read.
    temperatures
        The range of temperatures, where all of it was explored; else None.
    seeds
        The seeds.
    max_new_tokens
        The limit on new tokens after the prompt; None where there is none.
    stop
        Stop strings.
    model, revision, dtype, device
        What made the logits: name, commit or hash of the weights, type of the arithmetic, place; None without a model.
    notes
        What had to be switched off for this model.
    model_settings
        What the model's own generation_config.json says about sampling, which is used only where it is asked for.
    shared_noise
        Whether all settings share their random noise; texts from an endpoint are independent samples.
    details
        What else the result depends on, by name, in words.
    """

    command: str
    versions: dict[str, str]
    settings: tuple[SamplingParams, ...] = ()
    temperatures: tuple[float, float] | None = None
    seeds: tuple[int, ...] = ()
    max_new_tokens: int | None = None
    stop: tuple[str, ...] = ()
    model: str | None = None
    revision: str | None = None
    dtype: str | None = None
    device: str | None = None
    notes: tuple[str, ...] = ()
    model_settings: str | None = None
    shared_noise: bool = True
    details: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record = {one.name: getattr(self, one.name) for one in fields(self)}
        record["settings"] = [setting.to_record() for setting in self.settings]
        return record


def what_ran(model: Model | Source | None, command: str, **how: Any) -> WhatRan:
    """What ran on a model, or without one.

    Parameters
    ----------
    model
        What made the logits, or None.
    command
        The command line that makes the result again.
    how
        The other attributes of ``WhatRan`` that apply.
    """
    on: dict[str, Any] = {}
    if model is not None:
        on = {name: getattr(model, name) for name in ("revision", "dtype", "device", "notes")} | {"model": model.name}
    here = model is not None and model.dtype is not None
    return WhatRan(command=command, versions=versions(model=here), **on, **how)


def versions(*, model: bool = True) -> dict[str, str]:
    """Versions of what the numbers depend on: of the libraries under a model as well, or without a model."""
    found = {"thermoscope": __version__}
    if model:
        import torch  # whose own word says how it was built

        found |= {"torch": torch.__version__} | {name: version(name) for name in ("transformers", "tokenizers")}
    return found | {"numpy": version("numpy"), "python": platform.python_version()}


def compare_command(
    model: Model | Source,
    prompt: str,
    settings: Sequence[SamplingParams],
    seeds: Sequence[int],
    max_new_tokens: int,
    stop: Sequence[str],
    more: Sequence[str] = (),
) -> str:
    """The ``thermoscope compare`` command for these settings.

    ``more`` are further options.

    It is one line for bash, zsh and other shells that know ``$'...'`` (POSIX 2024).
    """
    words = ["thermoscope", "compare", *setting_words(settings)]
    words += common_words(model, seeds, max_new_tokens, stop)
    return with_prompt([*words, *more], prompt)


def inspect_command(
    model: Model, prompt: str, settings: Sequence[SamplingParams], step: int, seed: int, tokens: int
) -> str:
    """The ``thermoscope inspect`` command for one distribution, at one temperature or several, in one line."""
    words = ["thermoscope", "inspect", *(word for setting in settings for word in ("-t", repr(setting.temperature)))]
    words += option_words(settings[0], leave_out=("temperature",))
    words += ["--at-step", str(step), "--seed", str(seed), "--tokens", str(tokens)]
    return with_prompt(
        [*words, *model_words(model.name, model.revision, model.device, model.dtype, model.chat_words)], prompt
    )


@dataclass(frozen=True, slots=True)
class EngineFile:
    """An engine's file that a setting was read from: its path (None: standard input), its text, what it was said to be.

    ``engine`` is None where whose format it is was told by the file.
    """

    path: str | None
    text: str
    engine: str | None


def export_command(
    source: SamplingParams | EngineFile,
    engine: str | None,
    model: Model | None = None,
    prompts: Sequence[str] = (),
    *,
    strict: bool = False,
    measured: bool = True,
    named: bool = False,
) -> str:
    """The ``thermoscope export`` command for a setting, or for a file that one is read from.

    ``engine`` is what it is written for, None where it is read alone; ``model`` what it was measured on.
    Where the model was ``named``, a file was read with what it says, so that the bundled one is named as well.
    """
    words = ["thermoscope", "export"]
    if isinstance(source, EngineFile):
        words.append(f"--from={'-' if source.path is None else source.path}")
        words += [] if source.engine is None else ["--format", source.engine]
    else:
        words += one_setting_words(source)
    words += [] if engine is None else ["--to", engine]
    words += ["--strict"] * strict + ["--no-measure"] * (not measured) + [f"--prompt={prompt}" for prompt in prompts]
    if model is not None:
        words += ["--model", model.name] * (named and model.name == "bundled")
        words += model_words(model.name, model.revision, model.device, model.dtype, model.chat_words)
    command = " ".join(map(quote, words))
    if isinstance(source, EngineFile) and source.path is None:
        return f"printf %s {quote(source.text)} | {command}"
    return command


def one_setting_words(setting: SamplingParams) -> list[str]:
    """The options for one setting, its temperature among them."""
    return ["-t", repr(setting.temperature), *option_words(setting, leave_out=("temperature",))]


def setting_words(settings: Sequence[SamplingParams]) -> list[str]:
    """The options for settings: the values that they are every combination of, or one by one."""
    values = combinations_of(settings)
    if values is None or any(s.name for s in settings) or varied(values, settings[0]) != tuple(settings):
        return [word for setting in settings for word in ("--setting", _setting_word(setting))]
    fixed, words = settings[0], []
    if list(values) == ["temperature"]:
        for temperature in values["temperature"]:
            words += ["-t", repr(temperature)]
    else:
        if "temperature" not in values:
            words += ["-t", repr(fixed.temperature)]
        for name, each in values.items():
            words += ["--vary", f"{name}={','.join(_value_word(name, value) for value in each)}"]
    return words + option_words(fixed, leave_out=("temperature", *values))


def _setting_word(setting: SamplingParams) -> str:
    """One setting as ``--setting`` takes it: ``name: temperature=0.7 top_p=0.9``."""
    said = [f"temperature={setting.temperature!r}"]
    said += [f"{name}={typed(value)}" for name, value in setting.given.items() if name != "temperature"]
    if setting.order != SamplingParams().order:
        said.append(f"order={order_name(setting.order) or ','.join(setting.order)}")
    return (f"{setting.name}: " if setting.name else "") + " ".join(said)


def _value_word(name: str, value: Any) -> str:
    """The value of a parameter as ``--vary`` takes it."""
    if name == "order":
        return order_name(value) or ">".join(value)
    return "off" if value is None else typed(value)


def option_words(setting: SamplingParams, *, leave_out: Sequence[str]) -> list[str]:
    """The options that give a setting, but for some of its parameters (``order`` may be one)."""
    words = []
    for name, value in setting.given.items():
        if name not in leave_out:
            words += [f"--{name.replace('_', '-')}", typed(value)]
    if "order" not in leave_out and setting.order != SamplingParams().order:
        words += ["--order", order_name(setting.order) or ",".join(setting.order)]
    return words


def model_words(
    name: str, revision: str | None, device: str | None, dtype: str | None, chat: Sequence[str] = ()
) -> list[str]:
    """The options that load a model as it was loaded, and give prompts to it in the same way (``chat``)."""
    words = []
    if name != "bundled":
        words += ["--model", name]
        if revision and not revision.startswith("sha256:"):
            words += ["--revision", revision]
    chosen = device is None or name.startswith("vllm/")  # vLLM chooses its device itself
    words += [] if chosen else ["--device", str(device)]
    words += [] if dtype is None else ["--dtype", dtype]
    return [*words, *chat]


def with_prompt(words: Sequence[str], prompt: str) -> str:
    """The words and the prompt as one line for the shell."""
    if prompt == "-" or "\0" in prompt:  # what no argument can say goes through standard input
        written = prompt.replace("\\", "\\\\").replace("\0", r"\0000")
        form = "%b\\n" if prompt.endswith(("\n", "\r")) else "%b"  # a last line end is taken for the pipe's
        return f"printf '{form}' {quote(written)} | {' '.join(map(quote, [*words, '--', '-']))}"
    return " ".join(map(quote, [*words, "--", prompt]))


class RunsOn(Protocol):
    """What says on which model something ran, and how: a model, an endpoint, or a run's plan."""

    @property
    def device(self) -> str | None:
        """Where it runs; None where that is not known."""

    @property
    def dtype(self) -> str | None:
        """Type of its arithmetic; None where that is not known."""

    @property
    def revision(self) -> str | None:
        """The commit or the hash of its weights."""

    @property
    def chat_words(self) -> tuple[str, ...]:
        """The options that give prompts in the same way."""


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
    return words + model_words(name, ran.revision, ran.device, ran.dtype, ran.chat_words)


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
