"""What fields may hold: lists of pairs, texts, numbers; and each field once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from thermoscope.errors import InputError
from thermoscope.settings.values import number_of

#: The bias of a token that may not be drawn: its probability is 0 in any number format; ours are finite.
BANNED = -1e4
#: The most tokens that a list may name.
MOST_TOKENS = 2**19


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


def token_ids(value: Any) -> list[int] | None:
    """Token ids in a list, or in a text with commas between them; None if it is anything else."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list):
        return None
    if len(words) > MOST_TOKENS:
        raise InputError(f"a list of tokens may have {MOST_TOKENS:,}; got {len(words):,}; no vocabulary has so many")
    ids = [token for word in words if (token := _token_id(word)) is not None]
    return ids if len(ids) == len(words) else None


def _token_id(word: Any) -> int | None:
    if isinstance(word, str) and word.strip().isdecimal() and len(word) < 20:
        return int(word)
    return word if isinstance(word, int) and not isinstance(word, bool) and word >= 0 else None


def single_tokens(value: Any) -> list[int] | None:
    """Token ids of a list of lists of one each; None if one is longer."""
    if not isinstance(value, list) or not all(isinstance(ids, list) and len(ids) == 1 for ids in value):
        return None
    return token_ids([ids[0] for ids in value])


def is_texts(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_number(word: str) -> bool:
    """Whether a word is a number."""
    return isinstance(number_of(word), int | float)
