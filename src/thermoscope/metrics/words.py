"""Words: the tokens of texts that come without a tokenizer.

A word is a run of letters, digits, marks, joiners and underscores; every other character that is not white space
stands alone, and so do Chinese characters and kana, which are written without spaces. Everything is done on arrays
of code points, many texts at a time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from thermoscope.cpu.plain_texts import ALONE, SPACE, WORD
from thermoscope.metrics.counting import loops_for
from thermoscope.metrics.ragged import Array, Ragged, starts_of

#: Scripts that are written without spaces between words: kana, and Chinese characters in the planes where they are.
_NO_SPACES = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
_ALONE = re.compile(f"[{''.join(f'{chr(low)}-{chr(high)}' for low, high in _NO_SPACES)}]")
#: Characters that are read at a time.
_CHUNK = 2**18


def word_tokens(texts: Any) -> tuple[Ragged, Array]:
    """Tokens of every text as 64-bit fingerprints of their characters, and where each ends.

    Parameters
    ----------
    texts : sequence of str, or pyarrow string array
        The texts.

    Returns
    -------
    tokens
        Ragged of uint64, one row per text.
    ends
        (K,) int32, for each token the number of characters of its text up to its end.
    """
    rows = texts.to_pylist() if hasattr(texts, "to_pylist") else list(texts)
    if not rows:
        return Ragged(np.zeros(0, dtype=np.uint64), np.zeros(1, dtype=np.int64)), np.zeros(0, dtype=np.int32)
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    left, counts = int(lengths.sum()), np.empty(len(rows), dtype=np.int64)
    tokens, ends = np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int32)
    at = found = 0
    while at < len(rows):
        upto, size = at, 0
        while upto < len(rows) and (upto == at or size + lengths[upto] <= _CHUNK):
            size += int(lengths[upto])
            upto += 1
        if found + size > len(tokens):  # what is not written to takes no memory: as if all were like what was read
            room = found + size + (left * found * 5 // (4 * (int(lengths[:at].sum()) or 1)))
            tokens, ends = _roomier(tokens[:found], room), _roomier(ends[:found], room)
        found += _cut(rows[at:upto], tokens[found:], ends[found:], counts[at:upto])
        left -= size
        at = upto
    return Ragged(tokens[:found], starts_of(counts)), ends[:found]


def what_words_are(texts: Sequence[str]) -> str:
    """What the tokens of some texts are called: words, or where a script has no spaces characters."""
    if any(_ALONE.search(text) for text in texts):
        return "words, and single characters of scripts that have no spaces between words"
    return "words"


def _roomier(values: Array, room: int) -> Array:
    """The same values with room for more behind them."""
    larger: Array = np.empty(room, values.dtype)
    larger[: len(values)] = values
    return larger


def _cut(rows: Sequence[str], tokens: Array, ends: Array, counts: Array) -> int:
    """Words of some texts, into ``tokens`` and ``ends``, how many each has, into ``counts``; and how many in all."""
    starts = starts_of(np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)))
    joined = "".join(rows)
    points = (
        np.frombuffer(joined.encode("ascii"), dtype=np.uint8)
        if joined.isascii()
        else np.frombuffer(joined.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)
    )
    return int(loops_for(len(points)).cut_words(points, _kinds(points), starts, tokens, ends, counts))


def _kinds(points: Array) -> Array:
    """What each character is, by its code point, for all that are there."""
    if points.dtype == np.uint8:
        return _ascii()
    highest = int(points.max(initial=0)) >> 16
    if highest == 0:
        return _plane(0)
    there = np.zeros(highest + 1, dtype=bool)
    there[points >> 16] = True
    return np.concatenate([_plane(i) if is_there else np.zeros(2**16, np.uint8) for i, is_there in enumerate(there)])


@lru_cache
def _ascii() -> Array:
    return np.array([_kind(point) for point in range(128)], dtype=np.uint8)


@lru_cache
def _plane(number: int) -> Array:
    """Kinds of the 65,536 code points of a plane."""
    return np.array([_kind(point) for point in range(number << 16, (number + 1) << 16)], dtype=np.uint8)


def _kind(point: int) -> int:
    if any(low <= point <= high for low, high in _NO_SPACES):
        return ALONE
    c = chr(point)
    if c.isspace():
        return SPACE
    if c in "_\u200c\u200d" or unicodedata.category(c)[0] in "LMN":
        return WORD
    return ALONE
