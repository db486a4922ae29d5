"""Whether two settings draw from the same distributions, where there are no log-probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    rng = np.random.default_rng(seed)
    seen, shuffled = 0.0, np.zeros(permutations)
    for a, b in zip(one, other, strict=True):
        both = Counter((*a, *b))
        first = Counter(a)
        # a random order of all draws, cut behind the first setting's: how often each word is before the cut
        pooled = np.array(list(both.values()))
        counts = np.array([[first[word] for word in both]])
        sets = rng.multivariate_hypergeometric(pooled, len(a), size=permutations, method="marginals")
        seen += float(_rate(counts)[0] - _rate(pooled - counts)[0])
        shuffled += _rate(sets) - _rate(pooled - sets)
    sizes = np.abs(shuffled) / max(len(one), 1)
    p = float((sizes >= abs(seen) / max(len(one), 1) - 1e-12).sum() + 1) / (permutations + 1)
    return Compared(p, float(np.quantile(sizes, 1 - alpha)))


def tempered_agreement(words: Sequence[Sequence[bytes]], temperature: float) -> float:
    """The agreement rate at another temperature, as the frequencies of draws at T=1 foretell it."""
    rates = []
    for row in words:
        shares = np.array(list(Counter(row).values()), dtype=float) / max(len(row), 1)
        weights = shares ** (1 / temperature)
        rates.append(float((weights**2).sum() / weights.sum() ** 2))
    return float(np.mean(rates))


def _rate(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(B,) the rate at which two draws of a set agree, from how often each word is in it (B, W); 0 of a single draw."""
    n = counts.sum(axis=1)
    rate: NDArray[np.float64] = (counts * (counts - 1)).sum(axis=1) / np.maximum(n * (n - 1), 1)
    return rate
