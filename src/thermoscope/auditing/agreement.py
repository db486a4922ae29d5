"""Whether two settings draw from the same distributions, where there are no log-probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

#: How often draws are shuffled between the settings.
PERMUTATIONS = 2000


def agreement(words: Sequence[Sequence[bytes]]) -> float:
    """The mean rate at which two draws of a prompt agree, unbiased."""
    rates = []
    for row in words:
        n = len(row)
        if n > 1:
            rates.append(sum(c * (c - 1) for c in Counter(row).values()) / (n * (n - 1)))
    return float(np.mean(rates)) if rates else float("nan")


def same_distribution(
    one: Sequence[Sequence[bytes]], other: Sequence[Sequence[bytes]], *, permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """The p-value of "both settings draw from the same distributions", from the difference of the agreement rates.

    Draws are permuted between the settings within each prompt, so that the test is exact.
    """
    pooled, cut = [], []
    for a, b in zip(one, other, strict=True):
        names = {word: n for n, word in enumerate(dict.fromkeys([*a, *b]))}
        pooled.append(np.array([names[word] for word in (*a, *b)]))
        cut.append(len(a))
    rng = np.random.default_rng(seed)
    seen = _difference(pooled, cut)
    as_far = 0
    for _ in range(permutations):
        as_far += abs(_difference([rng.permutation(row) for row in pooled], cut)) >= abs(seen) - 1e-12
    return (as_far + 1) / (permutations + 1)


def _difference(pooled: Sequence[np.ndarray], cut: Sequence[int]) -> float:
    total = 0.0
    for row, at in zip(pooled, cut, strict=True):
        for part, sign in ((row[:at], 1), (row[at:], -1)):
            n = len(part)
            if n > 1:
                counts = np.bincount(part)
                total += sign * float((counts * (counts - 1)).sum()) / (n * (n - 1))
    return total / max(len(pooled), 1)
