"""Where in a text something stands: ranges of tokens as ranges of characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def start_of(ends: Sequence[int], token: int) -> int:
    """The character at which a token begins; ``ends`` are the numbers of characters that are there with each token."""
    return int(ends[token - 1]) if token else 0


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without white space at its ends, so that marks stand at words."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def repeated_ranges(text: str, ends: Sequence[int], repeated: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of tokens [first, last) as ranges of characters; those without a visible character are left out."""
    ranges = [trimmed(text, start_of(ends, first), int(ends[last - 1])) for first, last in repeated]
    return [(a, b) for a, b in ranges if a < b]
