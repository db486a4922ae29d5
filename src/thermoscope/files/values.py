"""Values of a file as text: messages too, none of them changed or guessed at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from thermoscope.checks import check_text
from thermoscope.errors import InputError, PromptError
from thermoscope.files.parsing import TWICE
from thermoscope.files.paths import leaves
from thermoscope.words import quoted


def as_text(value: Any, place: str) -> str:
    """A single value as text: as it is written, true and false as JSON writes them; "" for null.

    Raises
    ------
    InputError
        It is an object, a list, bytes, stands twice, or is not Unicode.
    """
    if value is TWICE:
        raise InputError(f"{place}: there are two values of this name; rename one")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        kind = "an object" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else "bytes"
        inside = f"; name a field in it, such as {quoted(next(iter(value)))}" if value and kind == "an object" else ""
        raise InputError(f"{place}: must be a text or a number; it is {kind}{inside}")
    check_text(place, value, InputError)
    return str(value)


def texts_at(value: Any, place: str) -> list[str | None]:
    """The texts of a value: one, or those of a list of completions; None for null. Messages give their content."""
    return [None if item is None else as_text(_content(item), place) for item in leaves(value)]


def prompt_at(value: Any, place: str) -> str:
    """A prompt: a text, or a list of messages as the text that stands for it.

    Raises
    ------
    InputError
        It is neither.
    """
    if not is_messages(value):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return as_text(value, place)
    from thermoscope.models.chat import written

    messages = [{"role": str(m["role"]), "content": as_text(_content(m), place)} for m in value]
    try:
        return written(messages)
    except PromptError as error:
        raise InputError(f"{place}: {error}") from None


def is_messages(value: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    """Whether a value is a list of chat messages."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and {"role", "content"} <= item.keys() for item in value)
    )


def _content(value: Any) -> Any:
    """A message's content, parts of text joined; any other value as it is."""
    if not isinstance(value, Mapping) or "content" not in value:
        return value
    content = value["content"]
    if isinstance(content, Sequence) and not isinstance(content, str):
        parts = [text for part in content if isinstance(part, Mapping) and isinstance(text := part.get("text"), str)]
        if len(parts) == len(content):
            return "".join(parts)
    return content


def as_label(value: Any, place: str) -> str:
    """A setting as text: an object or a list as JSON."""
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, default=lambda _: "?", sort_keys=True)
    return as_text(value, place)
