"""Whether two settings draw from the same distributions, where there are no log-probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Compared:
    """Two settings by their agreement rates.

    Attributes
    ----------
    p
        The p-value of "both settings draw from the same distributions".
    visible
        Differences of the rates that are smaller than this have a p-value above the error rate.
    """

    p: float
    visible: float


def compared(
    one: Sequence[Sequence[bytes]],
    other: Sequence[Sequence[bytes]],
    *,
    alpha: float = 0.01,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Compared:
    """Hold the agreement rates of two settings against each other.

    Draws are permuted between the settings within each prompt, so that the test is exact.

    Parameters
    ----------
    one, other
        What was drawn at each prompt under each setting.
    alpha
        The error rate that ``visible`` is for.
    permutations, seed
        How many, and of which random numbers.
    """
    pooled, cut = [], []
    for a, b in zip(one, other, strict=True):
        names = {word: n for n, word in enumerate(dict.fromkeys([*a, *b]))}
        pooled.append(np.array([names[word] for word in (*a, *b)]))
        cut.append(len(a))
    rng = np.random.default_rng(seed)
    seen = abs(_difference(pooled, cut))
    sizes = np.array([abs(_difference([rng.permutation(row) for row in pooled], cut)) for _ in range(permutations)])
    p = float((sizes >= seen - 1e-12).sum() + 1) / (permutations + 1)
    return Compared(p, float(np.quantile(sizes, 1 - alpha)))


def tempered_agreement(words: Sequence[Sequence[bytes]], temperature: float) -> float:
    """The agreement rate at another temperature, as the frequencies of draws at T=1 foretell it."""
    rates = []
    for row in words:
        shares = np.array(list(Counter(row).values()), dtype=float) / max(len(row), 1)
        weights = shares ** (1 / temperature)
        rates.append(float((weights**2).sum() / weights.sum() ** 2))
    return float(np.mean(rates))


def _difference(pooled: Sequence[np.ndarray], cut: Sequence[int]) -> float:
    total = 0.0
    for row, at in zip(pooled, cut, strict=True):
        for part, sign in ((row[:at], 1), (row[at:], -1)):
            n = len(part)
            if n > 1:
                counts = np.bincount(part)
                total += sign * float((counts * (counts - 1)).sum()) / (n * (n - 1))
    return total / max(len(pooled), 1)
