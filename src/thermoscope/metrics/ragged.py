"""Rows of different lengths in one flat array, and what measures need of them: n-grams, unique counts, sums.

K is the number of values in all, N the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: Values that are sorted at a time: what stays in a processor's cache.
_BLOCK = 2**17
#: Odd multipliers, one per place of an n-gram: digits of e, of pi, of the golden ratio and of the square root of 2.
_PLACES = np.array(
    [0xB7E151628AED2A6B, 0x243F6A8885A308D3, 0x9E3779B97F4A7C15, 0x6A09E667F3BCC909], dtype=np.uint64
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ragged:
    """Row i is ``values[starts[i]:starts[i + 1]]``.

    Attributes
    ----------
    values
        (K,) of any type.
    starts
        (N + 1,) int64, from 0 to K, never falling.
    """

    values: Array
    starts: Array

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]], dtype: Any) -> Ragged:
        """From a list of lists."""
        lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
        flat = np.fromiter((value for row in rows for value in row), dtype=dtype, count=int(lengths.sum()))
        return cls(flat, starts_of(lengths))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Array:
        """(N,) how many values each row has."""
        return np.diff(self.starts)

    def row(self, i: int) -> Array:
        """The values of one row."""
        return self.values[self.starts[i] : self.starts[i + 1]]

    def spans(self, first: Array, lengths: Array) -> Ragged:
        """New rows: row i begins ``first[i]`` values into the flat array and has ``lengths[i]`` values."""
        starts = starts_of(lengths)
        if len(lengths) and np.array_equal(first, first[0] + starts[:-1]):  # they follow each other: nothing to move
            return Ragged(self.values[first[0] : first[0] + starts[-1]], starts)
        index = np.arange(starts[-1]) + np.repeat(first - starts[:-1], lengths)
        return Ragged(self.values[index], starts)

    def cut(self, length: int | None) -> Ragged:
        """Every row's first ``length`` values; all of them for None."""
        if length is None or not len(self) or int(self.lengths.max()) <= length:
            return self
        return self.spans(self.starts[:-1], np.minimum(self.lengths, length))

    def take(self, rows: Array) -> Ragged:
        """Some rows, in the order given."""
        return self.spans(self.starts[:-1][rows], self.lengths[rows])

    def joined(self, counts: Array) -> Ragged:
        """Neighbouring rows made one: the first ``counts[0]`` of them, the next ``counts[1]``, ..."""
        return Ragged(self.values, self.starts[starts_of(counts)])


def starts_of(lengths: Array) -> Array:
    """(N + 1,) where rows of these lengths start, and where the last ends."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def mix(values: Array) -> Array:
    """64 well-mixed bits of each value (the finalizer of SplitMix64; Steele, Lea and Flood 2014)."""
    mixed = values.astype(np.uint64)  # a copy, to be changed in place
    for start in range(0, len(mixed), _BLOCK):
        x = mixed[start : start + _BLOCK]
        x += np.uint64(0x9E3779B97F4A7C15)
        x ^= x >> np.uint64(30)
        x *= np.uint64(0xBF58476D1CE4E5B9)
        x ^= x >> np.uint64(27)
        x *= np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return mixed


def ngrams(mixed: Ragged, n: int) -> Ragged:
    """The n-grams of every row as 64-bit fingerprints; n is at most 4.

    Two different n-grams have one fingerprint with a probability of about 2^-64: among a million of them a single
    such pair is expected once in 10^7 tries.

    Parameters
    ----------
    mixed
        Token ids after ``mix``.
    """
    if n == 1:
        return mixed
    values, lengths = mixed.values, np.maximum(mixed.lengths - n + 1, 0)
    count = max(len(values) - n + 1, 0)
    grams = np.empty(count, dtype=np.uint64)
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        np.multiply(values[start:stop], _PLACES[0], out=grams[start:stop])
        for place in range(1, n):
            grams[start:stop] += values[start + place : stop + place] * _PLACES[place]
    keep = np.ones(count, dtype=bool)
    for back in range(1, n):  # n-grams that would begin in the last n - 1 places of a row reach into the next
        last = mixed.starts[1:] - back
        last = last[(last >= mixed.starts[:-1]) & (last < count)]
        keep[last] = False
    return Ragged(grams[keep], starts_of(lengths))


def sorted_blocks(rows: Ragged) -> Iterator[tuple[Array, Array, Array]]:
    """Blocks of rows with about the same length, each row sorted: (row numbers (R,), lengths (R,), values (R, W)).

    Behind a row's own values stands the largest number of its type. Empty rows are left out.
    """
    lengths = rows.lengths
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    at = 0
    while at < len(order):
        # as many rows as fit a block, none more than a quarter longer than the first
        widest = max(int(lengths[order[at]]) * 5 // 4, 8)
        upto = int(np.searchsorted(lengths[order], widest, side="right"))
        upto = max(at + 1, min(upto, at + max(1, _BLOCK // widest)))
        numbers = order[at:upto]
        own = lengths[numbers]
        width = int(own[-1])
        if own[0] == width and np.array_equal(numbers, np.arange(numbers[0], numbers[0] + len(numbers))):
            start = int(rows.starts[numbers[0]])
            block = rows.values[start : start + len(numbers) * width].reshape(len(numbers), width).copy()
        else:
            places = np.arange(width)
            index = rows.starts[numbers][:, None] + np.minimum(places, own[:, None] - 1)
            block = rows.values[index]
            block[places >= own[:, None]] = np.iinfo(block.dtype).max
        block.sort(axis=1)
        yield numbers, own, block
        at = upto


def unique_counts(rows: Ragged) -> Array:
    """(N,) how many different values each row has."""
    counts = np.zeros(len(rows), dtype=np.int64)
    for numbers, lengths, block in sorted_blocks(rows):
        new = block[:, 1:] != block[:, :-1]
        if lengths[0] != block.shape[1]:
            new &= np.arange(1, block.shape[1]) < lengths[:, None]
        counts[numbers] = 1 + np.count_nonzero(new, axis=1)
    return counts


def row_sums(rows: Ragged) -> Array:
    """(N,) float64 sum of each row; 0 for an empty one."""
    sums = np.zeros(len(rows))
    there = rows.lengths > 0
    if there.any():
        sums[there] = np.add.reduceat(rows.values.astype(np.float64, copy=False), rows.starts[:-1][there])
    return sums


def ratio(part: Array, whole: Array) -> Array:
    """``part / whole`` with NaN where ``whole`` is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
