"""Interpolated modified Kneser-Ney n-grams over token ids: the baseline that the model must beat.

Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling", section 3:
three discounts per order from the counts of counts, the highest order on raw counts, the lower ones
on continuation counts (in how many contexts an n-gram was seen), all interpolated down to uniform.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class _Table:
    """Sorted keys and what belongs to each of them."""

    keys: np.ndarray
    values: np.ndarray

    def get(self, keys: np.ndarray) -> np.ndarray:
        """Value of each key, 0 where there is none."""
        at = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        if not len(self.keys):
            return np.zeros(len(keys))
        return np.where(self.keys[at] == keys, self.values[at], 0)


def pack(ids: np.ndarray, n: int, vocab_size: int) -> np.ndarray:
    """Pack each run of n ids of (N,) into one uint64, the last id in the lowest place: (N - n + 1,)."""
    count = max(len(ids) - n + 1, 0)
    keys = np.zeros(count, np.uint64)
    for offset in range(n):
        keys = keys * np.uint64(vocab_size) + ids[offset : offset + count].astype(np.uint64)
    return keys


def discounts(counts: np.ndarray) -> np.ndarray:
    """Discounts for counts of 0, 1, 2 and 3 or more: (4,), Chen and Goodman's equation 26.

    Where a count of counts is missing (tiny texts) the discount is half the count, at most 1.5.
    """
    n1, n2, n3, n4 = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    fallback = np.array([0.0, 0.5, 1.0, 1.5])
    if not (n1 and n2 and n3):
        return fallback
    y = n1 / (n1 + 2 * n2)
    found = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return np.where((found > 0) & (found <= [1, 1, 2, 3]), found, fallback)


class KneserNey:
    """An n-gram model trained on one sequence of ids.

    Parameters
    ----------
    ids : (N,) integer array, documents on end, each closed by `end`
    order : the n of the n-grams; vocab_size ** order must stay below 2 ** 64
    end : the id that closes a document; no n-gram reaches over it into the next document

    Raises
    ------
    ValueError
        If the packed n-grams would not fit into 64 bits.
    """

    def __init__(self, ids: np.ndarray, vocab_size: int, order: int = 5, end: int = 0):
        if vocab_size**order >= 2**64:
            raise ValueError(f"vocab_size ** order must be below 2 ** 64: got {vocab_size} ** {order}; lower the order")
        self.vocab_size, self.order, self.end = vocab_size, order, end
        self._probability: list[_Table] = []  # by order: discounted share of each seen n-gram
        self._backoff: list[_Table] = []  # by order: mass left to the lower order, for each context
        keys, counts = np.unique(self._ngrams(ids), return_counts=True)
        tables = [(keys, counts)]
        for n in range(order - 1, 0, -1):
            # continuation counts: how many different ids were seen before each n-gram
            shorter = tables[-1][0] % np.uint64(vocab_size**n)
            tables.append(np.unique(shorter, return_counts=True))
        for keys, counts in reversed(tables):
            self._add_order(keys, counts)

    def _ngrams(self, ids: np.ndarray) -> np.ndarray:
        """Packed n-grams of the full order that end at each id; before a document stand n - 1 `end`s."""
        last = np.flatnonzero(ids == self.end)
        starts = np.concatenate([[0], last[last < len(ids) - 1] + 1])
        pad = self.order - 1
        padded = np.insert(ids, np.repeat(starts, pad), self.end)
        # the id at position i of the text stands at i + pad * (documents begun by then)
        at = np.arange(len(ids)) + pad * np.searchsorted(starts, np.arange(len(ids)), side="right")
        return pack(padded, self.order, self.vocab_size)[at - pad]

    def _add_order(self, keys: np.ndarray, counts: np.ndarray) -> None:
        discount = discounts(counts)[np.minimum(counts, 3)]
        contexts, first = np.unique(keys // np.uint64(self.vocab_size), return_index=True)
        totals = np.add.reduceat(counts, first).astype(float)
        removed = np.add.reduceat(discount, first)
        total_of_key = np.repeat(totals, np.diff([*first, len(keys)]))
        self._probability.append(_Table(keys, (counts - discount) / total_of_key))
        self._backoff.append(_Table(contexts, removed / totals))

    def probability(self, keys: np.ndarray) -> np.ndarray:
        """Probability of the last id of each packed n-gram of the full order given the ids before it."""
        result = np.full(len(keys), 1 / self.vocab_size)
        for n in range(1, self.order + 1):
            ngram = keys % np.uint64(self.vocab_size**n) if n < self.order else keys
            context = ngram // np.uint64(self.vocab_size)
            backoff = self._backoff[n - 1]
            seen = backoff.get(context)
            known = seen > 0  # a context that was never seen says nothing: the lower order stands
            mixed = self._probability[n - 1].get(ngram) + seen * result
            result = np.where(known, mixed, result)
        return result

    def nll(self, ids: np.ndarray) -> np.ndarray:
        """Negative log-probability in nats of every id of (N,), its documents closed by `end`: (N,)."""
        return -np.log(self.probability(self._ngrams(ids)))
