"""N-grams of texts, counted once for all measures that need them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermoscope.metrics.counting import loops_for
from thermoscope.metrics.ragged import Array, Ragged, row_sums, starts_of

#: n-grams are counted up to this n.
LONGEST = 4


@dataclass(frozen=True, slots=True)
class Ngrams:
    """The n-grams of N texts in G groups, in numbers; row n - 1 is that of n.

    Attributes
    ----------
    groups
        (G,) number of texts of each group.
    all
        (4, N) how many n-grams each text has.
    different
        (4, N) how many different ones each text has.
    different_in_groups
        (4, G) how many different ones the texts of each group have together.
    elsewhere
        (N,) in how many other texts of its group each of a text's different 4-grams stands, summed.
    """

    groups: Array
    all: Array
    different: Array
    different_in_groups: Array
    elsewhere: Array

    @classmethod
    def of(cls, mixed: Ragged, groups: Array) -> Ngrams:
        """Count them.

        Parameters
        ----------
        mixed
            Token ids after ``ragged.mix``, the texts of a group beside each other.
        groups
            (G,) number of texts of each group.
        """
        all_ = np.array([ngram_counts(mixed, n) for n in range(1, LONGEST + 1)])
        edges = starts_of(groups)
        different, elsewhere = all_.copy(), np.zeros(len(mixed), dtype=np.int64)
        in_groups = np.diff(np.pad(all_.cumsum(axis=1), ((0, 0), (1, 0)))[:, edges], axis=1)
        loops_for(len(mixed.values)).count(mixed.values, mixed.starts, edges, different, in_groups, elsewhere)
        return cls(groups, all_, different, in_groups, elsewhere)

    def in_groups(self, values: Array) -> Array:
        """(G,) sums of a value of each text."""
        return row_sums(Ragged(values, starts_of(self.groups)))


def ngram_counts(mixed: Ragged, n: int) -> Array:
    """(N,) how many n-grams each text has."""
    counts: Array = np.maximum(mixed.lengths - n + 1, 0)
    return counts
