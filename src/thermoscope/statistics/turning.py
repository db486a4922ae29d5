"""TURN's turning point: where the logarithm of the entropy begins to rise faster with temperature.

Du, Yang and Welleck (2025, "Optimizing Temperature for Language Models with Multi-Sample Inference") take the mean
entropy of the tempered distribution along sampled texts at temperatures on a grid, and the first inner temperature at
which the second difference of its logarithm is above 0. They give no interval, and fall back on the last inner
temperature where there is none. Here prompts are resampled, and none is an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermoscope.metrics.ragged import Array
from thermoscope.statistics.bootstrap import LEVEL, RESAMPLES, SEED

#: Temperatures and prompts below which nothing is said.
FEWEST_TEMPERATURES, FEWEST_PROMPTS = 5, 3


@dataclass(frozen=True, slots=True)
class Turn:
    """A turning point.

    Attributes
    ----------
    temperature
        Where it is; None where there is none among the inner temperatures.
    low, high
        The middle 95 % of the turning points of resamples that have one; None where none has.
    share
        The share of resamples that have one.
    """

    temperature: float | None
    low: float | None
    high: float | None
    share: float


def turning_point(temperatures: Sequence[float], entropies: Array) -> Turn | None:
    """The turning point of tempered entropies, with a bootstrap interval over prompts.

    Parameters
    ----------
    temperatures
        (T,) in increasing order.
    entropies
        (P, T) mean tempered entropy of each prompt's texts, nats; NaN where unknown. Prompts that lack one are left
        out, and so are temperatures at which the mean is 0 (greedy decoding).

    Returns
    -------
    Turn or None
        None with fewer than five temperatures or three prompts.
    """
    known = ~np.isnan(entropies).all(axis=0)
    whole = ~np.isnan(entropies[:, known]).any(axis=1)
    values, at = entropies[whole][:, known], np.asarray(temperatures, dtype=np.float64)[known]
    if not len(values):
        return None
    above = values.mean(axis=0) > 0
    values, at = values[:, above], at[above]
    if len(at) < FEWEST_TEMPERATURES or len(values) < FEWEST_PROMPTS:
        return None
    generator = np.random.default_rng([SEED, *values.shape])
    weights = generator.multinomial(len(values), np.full(len(values), 1 / len(values)), size=RESAMPLES) / len(values)
    with np.errstate(divide="ignore"):
        curves = np.log(np.maximum(weights @ values, 1e-12))
    found = _first(at, curves)
    there = found[~np.isnan(found)]
    (own,) = _first(at, np.log(values.mean(axis=0))[None, :])
    quantiles = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    low, high = (float(np.quantile(there, q)) if len(there) else None for q in quantiles)
    return Turn(None if np.isnan(own) else float(own), low, high, len(there) / RESAMPLES)


def _first(at: Array, curves: Array) -> Array:
    """(B,) the first inner temperature at which a curve (B, T) bends up; NaN where it nowhere does.

    Numeric gradients taken twice, as Du et al. do.
    """
    bend = np.gradient(np.gradient(curves, at, axis=1), at, axis=1)[:, 1:-1] > 0
    first = np.argmax(bend, axis=1)
    return np.where(bend.any(axis=1), at[1:-1][first], np.nan)
