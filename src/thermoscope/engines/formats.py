"""The forms in which engines keep settings (JSON, a Python call, flags, a Modelfile), taken apart into fields."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from thermoscope.engines.native import LLAMA_CPP, LLAMA_FLAGS
from thermoscope.errors import InputError
from thermoscope.settings.values import number_of

#: Where an engine's file keeps its settings, where not at the top.
_INSIDE = {"sampling_params": "sglang", "parameters": "tgi", "generationConfig": "gemini", "options": "ollama"}


@dataclass(frozen=True, slots=True)
class Form:
    """A text taken apart.

    Attributes
    ----------
    fields
        The settings by the engine's own names.
    engine
        The engine whose form it is; None if several use it.
    beside
        Fields that stand beside the settings, where these are one field of a larger object.
    """

    fields: dict[str, Any]
    engine: str | None = None
    beside: tuple[str, ...] = ()


def take_apart(text: str) -> Form:
    """Take a text apart.

    Raises
    ------
    InputError
        It has none of the forms, or breaks the rules of its form.
    """
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            data = json.loads(stripped, object_pairs_hook=_once)
        except InputError:
            raise
        except (ValueError, RecursionError) as error:
            raise InputError(f"the settings must be JSON: {error}; mend the file") from None
        for key, engine in _INSIDE.items():
            if isinstance(data.get(key), dict):
                return Form(data[key], engine, tuple(name for name in data if name != key))
        return Form(data)
    if re.match(r"(\w+\.)*SamplingParams\s*\(", stripped):
        return Form(_call(stripped), "vllm")
    if re.search(r"^\s*PARAMETER\s", text, flags=re.MULTILINE | re.IGNORECASE):
        return Form(_modelfile(text), "ollama")
    if re.search(r"(^|\s)--?[a-z]", stripped):
        return Form(_flags(stripped), "llama.cpp")
    got = repr(stripped[:30]) if stripped else "an empty file"
    raise InputError(f"settings must be a JSON object, SamplingParams(...), flags or a Modelfile; got {got}")


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields by name; one that is there twice would hide one of its values."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise InputError(f"the settings have the field {name!r} more than once; keep one")
        fields[name] = value
    return fields


def _call(text: str) -> dict[str, Any]:
    try:
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        pairs = [(keyword.arg, ast.literal_eval(keyword.value)) for keyword in call.keywords]
    except (SyntaxError, ValueError, AssertionError, RecursionError):
        raise InputError("SamplingParams(...) must be one call with plain values by name; mend the file") from None
    if call.args or any(name is None for name, _ in pairs):
        raise InputError("SamplingParams(...) must have its values by name; write temperature=0.7")
    return _once((str(name), value) for name, value in pairs)


def _modelfile(text: str) -> dict[str, Any]:
    pairs: list[tuple[str, Any]] = []
    stops: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.split(None, 2)
        if not parts or parts[0].upper() != "PARAMETER":
            continue
        if len(parts) < 3:
            what = " ".join(parts)
            raise InputError(
                f"line {number}: a PARAMETER must have a name and a value; got {what!r}; "
                "write PARAMETER temperature 0.7, or take the line out"
            )
        name, value = parts[1].lower(), parts[2].strip()
        if name == "stop":  # as many as one likes
            stops.append(value)
        else:
            pairs.append((name, number_of(value)))
    return _once([*pairs, *([("stop", stops)] if stops else [])])


def _flags(text: str) -> dict[str, Any]:
    try:
        words = shlex.split(text.replace("\\\n", " "))
    except ValueError as error:
        raise InputError(f"the flags can't be read: {error}; mend the file") from None
    pairs: list[tuple[str, Any]] = []
    biases: list[list[Any]] = []
    breakers: list[str] | None = None
    while words:
        word = words.pop(0)
        if not word.startswith("-") or _is_number(word):
            continue  # the program, or the value of a flag that says nothing about sampling
        flag, _, value = word.partition("=")
        if not value and words and (not words[0].startswith("-") or _is_number(words[0])):
            value = words.pop(0)
        field = _field_of(flag.lstrip("-"))
        if not value and field in _SAMPLING:
            raise InputError(f"{flag} must have a value; got none; write it after the flag, or take the flag out")
        if field == "logit_bias":
            match = re.fullmatch(r"(\d+)([+-].+)", value)
            if match is None:
                raise InputError(f"--logit-bias must be TOKEN+BIAS; got {value!r}; write 198-5")
            biases.append([int(match[1]), number_of(match[2])])
        elif field == "dry_sequence_breakers":  # each adds one; none takes all away
            breakers = [] if value == "none" else [*(breakers or ()), value]
        else:
            pairs.append((field, value.split(";") if field == "samplers" else number_of(value)))
    if biases:
        pairs.append(("logit_bias", biases))
    if breakers is not None:
        pairs.append(("dry_sequence_breakers", breakers))
    return _once(pairs)


#: llama.cpp's fields that are about sampling; each of their flags takes a value.
_SAMPLING = {*LLAMA_CPP.names.values(), *LLAMA_CPP.neutral, "samplers"}
#: Flags whose field has another name.
_FIELD_OF_FLAG = {flag: LLAMA_CPP.names[name] for name, flag in LLAMA_FLAGS.items()} | {
    "c": "ctx_size", "n": "n_predict", "m": "model", "p": "prompt", "s": "seed", "l": "logit_bias",
    "dry-sequence-breaker": "dry_sequence_breakers",
}  # fmt: skip


def _field_of(flag: str) -> str:
    return _FIELD_OF_FLAG.get(flag, flag.replace("-", "_"))


def _is_number(word: str) -> bool:
    return isinstance(number_of(word), int | float)
