"""Words: the tokens of texts that come without a tokenizer.

A word is a run of letters, digits, marks, joiners and underscores; every other character that is not white space
stands alone, and so do Chinese characters and kana, which are written without spaces. Everything is done on arrays
of code points, many texts at a time.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

import numpy as np

from thermoscope.metrics.ragged import Array, Ragged, mix, starts_of

_SPACE, _WORD, _ALONE = 0, 1, 2
#: Scripts that are written without spaces between words: kana, and Chinese characters in the planes where they are.
_NO_SPACES = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
#: Characters that are read at a time.
_CHUNK = 2**18
#: An odd number: invertible modulo 2^64, so that hashes of substrings come from one running sum.
_BASE = 0xD6E8FEB86659FD93


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
    values, ends, counts = [], [], []
    at = 0
    while at < len(rows):
        upto, size = at, 0
        while upto < len(rows) and (upto == at or size + len(rows[upto]) <= _CHUNK):
            size += len(rows[upto])
            upto += 1
        lengths = np.fromiter(map(len, rows[at:upto]), dtype=np.int64, count=upto - at)
        v, e, c = _chunk("".join(rows[at:upto]), lengths)
        values.append(v)
        ends.append(e.astype(np.int32))  # no text has 2^31 characters
        counts.append(c)
        at = upto
    if not rows:
        return Ragged(np.zeros(0, dtype=np.uint64), np.zeros(1, dtype=np.int64)), np.zeros(0, dtype=np.int32)
    return Ragged(np.concatenate(values), starts_of(np.concatenate(counts))), np.concatenate(ends)


def _chunk(joined: str, lengths: Array) -> tuple[Array, Array, Array]:
    """Tokens of some texts, joined: fingerprints (K,), ends within the own text (K,), counts per text (N,)."""
    starts = starts_of(lengths)
    if not joined:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64), np.zeros(len(lengths), dtype=np.int64)
    points = (
        np.frombuffer(joined.encode("ascii"), dtype=np.uint8)
        if joined.isascii()
        else np.frombuffer(joined.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32)
    )
    kinds = _kinds(points)
    # a token begins where a character follows one of another kind or a border of texts, or stands alone
    begins = np.empty(len(points), dtype=bool)
    begins[0] = True
    np.not_equal(kinds[1:], kinds[:-1], out=begins[1:])
    begins |= kinds == _ALONE
    begins[starts[:-1][lengths > 0]] = True
    border = np.append(np.flatnonzero(begins), len(points))
    spoken = kinds[border[:-1]] != _SPACE
    first, after = border[:-1][spoken], border[1:][spoken]
    text = np.searchsorted(starts, first, side="right") - 1
    counts = np.bincount(text, minlength=len(lengths))
    return _fingerprints(points, first, after), after - starts[text], counts


def _fingerprints(points: Array, first: Array, after: Array) -> Array:
    """A 64-bit fingerprint of the characters ``points[first:after]`` of every token, its length included."""
    powers, inverse = _powers(len(points))
    sums = np.empty(len(points) + 1, dtype=np.uint64)
    sums[0] = 0
    # characters are mixed so that words which differ by a shift of letters don't meet
    np.cumsum(_mixed_points(points) * powers[: len(points)], out=sums[1:])
    values = (sums[after] - sums[first]) * inverse[first]
    return mix(values + (after - first).astype(np.uint64))


def _mixed_points(points: Array) -> Array:
    if points.dtype == np.uint8:
        table: Array = _ASCII[points]
        return table
    return mix(points)


_ASCII = mix(np.arange(128))


@lru_cache(maxsize=1)
def _powers_of(size: int) -> tuple[Array, Array]:
    def running(base: int) -> Array:
        powers = np.full(size, base, dtype=np.uint64)
        powers[0] = 1
        return np.cumprod(powers, dtype=np.uint64)

    return running(_BASE), running(pow(_BASE, -1, 2**64))


def _powers(size: int) -> tuple[Array, Array]:
    """Powers of the base and of its inverse modulo 2^64, at least ``size`` of them."""
    return _powers_of(max(_CHUNK, size))


def _kinds(points: Array) -> Array:
    """(K,) what each character is: white space, part of a word, or alone."""
    if points.dtype == np.uint8:
        ascii_kinds: Array = _table()[:128][points]
        return ascii_kinds
    kinds = _table()[np.minimum(points, 0xFFFF)]
    beyond = np.flatnonzero(points > 0xFFFF)
    if len(beyond):
        found, places = np.unique(points[beyond], return_inverse=True)
        kinds[beyond] = np.array([_kind(int(point)) for point in found], dtype=np.uint8)[places]
    return kinds


@lru_cache
def _table() -> Array:
    """Kinds of the first 65,536 code points."""
    return np.array([_kind(point) for point in range(0x10000)], dtype=np.uint8)


def _kind(point: int) -> int:
    if any(low <= point <= high for low, high in _NO_SPACES):
        return _ALONE
    c = chr(point)
    if c.isspace():
        return _SPACE
    if c in "_\u200c\u200d" or unicodedata.category(c)[0] in "LMN":
        return _WORD
    return _ALONE
