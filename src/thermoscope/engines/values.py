"""What fields may hold: lists of pairs, texts, numbers; and each field once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from thermoscope.errors import InputError
from thermoscope.settings.values import number_of


def once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields by name; one that is there twice would hide one of its values."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise InputError(f"the settings have the field {name!r} more than once; keep one")
        fields[name] = value
    return fields


def pairs(value: Any) -> bool:
    """Whether a value is a list of lists of two."""
    return isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)


def is_texts(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_number(word: str) -> bool:
    """Whether a word is a number."""
    return isinstance(number_of(word), int | float)
