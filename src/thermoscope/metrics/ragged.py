"""Rows of different lengths in one flat array, and what measures need of them: n-grams, unique counts, sums.

K is the number of values in all, N the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermoscope.metrics.counting import loops_for

Array = NDArray[Any]


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
        flat = np.fromiter(chain.from_iterable(rows), dtype=dtype, count=int(lengths.sum()))
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
        values = np.empty(starts[-1], dtype=self.values.dtype)
        loops_for(int(starts[-1])).gather(np.ascontiguousarray(self.values), np.asarray(first), starts, values)
        return Ragged(values, starts)

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


def mix(tokens: Ragged) -> Ragged:
    """64 well-mixed bits of each value: token ids as n-grams are counted on."""
    mixed = np.empty(len(tokens.values), dtype=np.uint64)
    loops_for(len(tokens.values)).mix_all(np.ascontiguousarray(tokens.values), mixed)
    return Ragged(mixed, tokens.starts)


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
