"""What an audit would not have seen: truncations whose evidence stays below the threshold at this number of draws."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from thermoscope.auditing.draws import Draws
from thermoscope.auditing.reading import Reading

#: Truncations that servers are known to add.
_USUAL = (("top_k", 40.0), ("top_p", 0.95), ("min_p", 0.05))
#: Evidence varies from audit to audit: it should be this many times the threshold on average.
_MARGIN = 1.3


def unseen(readings: Sequence[Reading], requests: int) -> list[str]:
    """A sentence for each usual truncation that these draws would not have shown, and how many would."""
    found = []
    for name, value in _USUAL:
        expected = max(
            2 * _per_set(reading.draws, name, value, reading.best.temperature) / max(reading.threshold, 1e-9)
            for reading in readings
        )
        if expected >= _MARGIN:
            continue
        if expected < 0.02:
            found.append(
                f"{name} {value:g}: within the {readings[0].draws.logprobs.shape[1]} most probable tokens of these "
                "prompts it removes nothing, or next to nothing."
            )
        else:
            budget = 10 ** math.floor(math.log10(requests)) * math.ceil(
                requests * _MARGIN / expected / 10 ** math.floor(math.log10(requests))
            )
            found.append(f"{name} {value:g}: too few draws; about {budget:,} requests at these temperatures would do.")
    return found


def _per_set(draws: Draws, name: str, value: float, temperature: float) -> float:
    """The log-likelihood that the truncation would gain, nats: the mass that it removes at each place's draws."""
    weights = np.exp(draws.depth / temperature)
    weights[~np.isfinite(draws.logprobs)] = 0
    shares = weights / weights.sum(axis=1, keepdims=True)
    if name == "top_k":
        removed = shares[:, int(value) :].sum(axis=1)
    elif name == "min_p":
        removed = np.where(weights < value, shares, 0).sum(axis=1)
    else:
        own = np.exp(draws.logprobs)
        before = np.cumsum(own, axis=1) - own
        removed = np.where(before >= value, shares, 0).sum(axis=1)
    numbers = draws.counts.sum(axis=1)
    return float(-(numbers * np.log1p(-np.clip(removed, 0, 0.999))).sum())
