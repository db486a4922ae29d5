"""Characters as people see them, and words, in any script (Unicode Standard Annex 29).

Most scripts have spaces between words. Chinese, Japanese, Thai, Lao, Khmer and Burmese have none, and only a dictionary
knows where their words end: there each character counts as one, a run of katakana as one.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

_PIECES = re.compile(r"\S+")
#: What a decoder writes for bytes that are no character (yet).
PARTIAL = "\ufffd"


def complete(text: str) -> str:
    """The text without the signs for a part of a character at its end: it was cut within that character."""
    return text.rstrip(PARTIAL)


def first_border(text: str, at: int) -> int:
    """The first place from ``at`` on where no character, as one sees it, is cut in two."""
    borders = _borders(text)
    return at if borders is None else borders[bisect_left(borders, at)]


def last_border(text: str, at: int) -> int:
    """The last place up to ``at`` where no character, as one sees it, is cut in two."""
    borders = _borders(text)
    return at if borders is None else borders[bisect_right(borders, at) - 1]


@lru_cache(maxsize=256)
def word_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where each word of a text begins and ends; punctuation belongs to the word that it stands at."""
    return tuple(span for piece in _PIECES.finditer(text) for span in _cut(piece.group(), piece.start()))


def _cut(piece: str, at: int) -> Iterator[tuple[int, int]]:
    """Words of what stands between two spaces, which in most scripts is one."""
    start = 0
    for border in () if piece.isascii() else _word_borders(piece):
        if _begins_word(piece[border - 1], piece[border]):
            yield at + start, at + border
            start = border
    yield at + start, at + len(piece)


def _word_borders(piece: str) -> Iterator[int]:
    """Where the annex has a border between words inside a piece of text; never inside a character."""
    import regex

    whole = set(_borders(piece) or ())
    borders = (found.start() for found in regex.finditer(r"(?w)\b", piece))
    return (border for border in borders if 0 < border < len(piece) and border in whole)


def _begins_word(before: str, after: str) -> bool:
    """Whether a word ends between two characters at a border of the annex.

    Punctuation stays at the word before it, opening brackets and quotation marks at the word behind them.
    """
    without_spaces = _is(_NO_SPACES, before) or _is(_NO_SPACES, after)
    if _is(_OPENS, before):
        return False
    if _is(_OPENS, after):
        return without_spaces
    return _is(_WORDLY, after) and (without_spaces or not _is(_PUNCTUATION, before))


@lru_cache(maxsize=4096)
def _is(kind: str, character: str) -> bool:
    import regex

    return regex.match(kind, character) is not None


#: Scripts that are written without spaces, with their punctuation.
_NO_SPACES = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u3001-\u30ff\uff01-\uffef]"
_OPENS, _PUNCTUATION, _WORDLY = r"[\p{Ps}\p{Pi}]", r"\p{P}", r"[\w\p{Extended_Pictographic}\p{Regional_Indicator}]"


@lru_cache(maxsize=256)
def _borders(text: str) -> Sequence[int] | None:
    """Where characters, as one sees them, begin and end; None if every place is such a one."""
    if text.isascii():
        return None
    import regex

    return (0, *(character.end() for character in regex.finditer(r"\X", text)))
