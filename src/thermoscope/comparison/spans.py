"""Where in a text something stands: ranges of tokens as ranges of characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from thermoscope.segments import first_border, last_border


def start_of(ends: Sequence[int], token: int) -> int:
    """The character at which a token begins; ``ends`` are the numbers of characters that are there with each token."""
    return int(ends[token - 1]) if token else 0


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The range of whole characters, as one sees them, without white space at its ends: marks stand at words."""
    start, end = first_border(text, start), last_border(text, end)
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def place_of(text: str, ends: Sequence[int], token: int) -> int:
    """Where a token's mark stands: at the visible character, as one sees it, that the token begins or is part of."""
    at = last_border(text, min(start_of(ends, token), len(text)))
    return trimmed(text, at, len(text))[0]


def repeated_ranges(text: str, ends: Sequence[int], repeated: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of tokens [first, last) as ranges of characters; those without a visible character are left out."""
    ranges = [trimmed(text, start_of(ends, first), int(ends[last - 1])) for first, last in repeated]
    return [(a, b) for a, b in ranges if a < b]
