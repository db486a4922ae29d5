"""Intervals: a cluster bootstrap over prompts, paired differences, bands that hold for a whole curve at once.

The prompt is the unit: texts of one prompt resemble each other, so it is prompts that are resampled, each with all
its seeds. Resampling seeds within prompts on top would count their variance twice (the spread between the means of
prompts has it already; Davison and Hinkley 1997, section 3.8), and ``benchmarks/coverage.py`` shows what that does.
With one prompt the seeds are the unit, and what is said is about that prompt alone.

Intervals are symmetric studentised bootstrap intervals (Efron and Tibshirani 1993, chapter 12), never narrower than
Student's t: with a dozen prompts a percentile interval is too narrow. The band of a curve uses the largest studentised
deviation along it (the sup-t band; Montiel Olea and Plagborg-Moller 2019). Shares are treated on the logit scale, as
what is small for most texts and large for some has a long tail; those of a 0/1 measure with half a success and half a
failure added, so that none of 96 is not read as never.

Shapes: P prompts, S seeds, K columns (settings, or pairs of them), B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from thermoscope.metrics.ragged import Array

#: Resamples, the nominal coverage, and the seed of the resampling.
RESAMPLES, LEVEL, SEED = 2000, 0.95, 20_260_101
#: A resample that draws one prompt over and over has no spread; it counts as having this share of the original's
#: (a smaller one on the logit scale, where tails are long: chosen by simulation).
_LEAST_SPREAD = {False: 0.4, True: 0.3}
#: A share of exactly 0 is taken for about this on the logit scale.
_NEAR_ZERO = 1e-6

#: From this number on units are resampled in blocks.
_MOST_UNITS = 500

Scale = Literal["linear", "share", "log", "indicator"]


@dataclass(frozen=True, slots=True)
class Intervals:
    """Means with their intervals, (K,) each; NaN where unknown.

    Attributes
    ----------
    mean
        Mean over units of the mean over texts; of paired differences for ``paired``; of a log scale it is the
        geometric mean, or the ratio.
    low, high
        The interval of each column by itself.
    band_low, band_high
        The intervals that hold for all columns at once.
    units
        Prompts that have a known value (seeds, if there is one prompt).
    texts
        Known values.
    """

    mean: Array
    low: Array
    high: Array
    band_low: Array
    band_high: Array
    units: Array
    texts: Array


def intervals(values: Array, scale: Scale = "linear", *, seed: int = SEED, resamples: int = RESAMPLES) -> Intervals:
    """Means and intervals of a measure at several settings, from values (P, S, K), NaN where unknown."""
    return _intervals(_on_scale(values, scale), scale, logit=scale in ("share", "indicator"), seed=seed, b=resamples)


def paired(
    values: Array, pairs: Array, scale: Scale = "linear", *, seed: int = SEED, resamples: int = RESAMPLES
) -> Intervals:
    """Differences (on a log scale: ratios) between settings, same prompt and same seed, from values (P, S, K).

    Parameters
    ----------
    values
        As in ``intervals``.
    pairs
        (J, 2) columns (a, b); what is compared is b minus a, or b / a.
    """
    values = _on_scale(values, scale)
    differences = values[:, :, pairs[:, 1]] - values[:, :, pairs[:, 0]]
    return _intervals(differences, scale, logit=False, seed=seed, b=resamples)


def _on_scale(values: Array, scale: Scale) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.log(values) if scale == "log" else values.astype(np.float64)
    return np.where(np.isfinite(scaled), scaled, np.nan)


def _intervals(values: Array, scale: Scale, *, logit: bool, seed: int, b: int) -> Intervals:
    indicator = scale == "indicator"
    if values.shape[0] == 1:  # one prompt: its seeds are the units
        values = values.transpose(1, 0, 2)
    known = ~np.isnan(values)
    texts = known.sum(axis=(0, 1))
    per_unit = known.sum(axis=1)
    sums = np.where(known, values, 0.0).sum(axis=1)
    there = per_unit > 0
    means = np.where(there, sums / np.maximum(per_unit, 1), 0.0)  # (P, K), 0 where unknown
    units = there.sum(axis=0)
    enough = units >= 2
    size = np.maximum(units, 1)
    mean = means.sum(axis=0) / size
    deviations = np.where(there, means - mean, 0.0)
    error = np.sqrt((deviations**2).sum(axis=0) / np.maximum(units - 1, 1) / size)
    floor = np.zeros_like(error)
    if indicator:  # at least the error of so many independent 0/1 values, one of them different from the rest
        spread = np.where(known, values - mean, 0.0)
        pseudo = 0.5 if logit else 3  # half a success; of a difference, one up, one down and half of each again
        floor = np.sqrt(((spread**2).sum(axis=(0, 1)) + pseudo) / ((texts + 2) * np.maximum(texts, 1)))
        error = np.maximum(error, floor)
    possible = enough & (error > 0)

    means, there = _blocks(means, there)
    count = np.maximum(there.sum(axis=0), 1)
    base = means.sum(axis=0) / count
    weights = _resample(len(means), b, seed)
    drawn = np.maximum(weights @ there, 1e-9)  # (B, K) share of the resample that is known
    center = weights @ means / drawn
    spread_squared = np.maximum(weights @ (means**2) / drawn - center**2, 0)
    errors = np.sqrt(spread_squared / np.maximum(count - 1, 1))
    errors = np.maximum(errors, floor if indicator else _LEAST_SPREAD[logit] * error)
    if logit:
        total = np.maximum(texts, 1) if indicator else 1 / _NEAR_ZERO
        point, base, resampled = ((share * total + 0.5) / (total + 1) for share in (mean, base, center))
        error, errors = error / (point * (1 - point)), errors / (resampled * (1 - resampled))
        point, base, resampled = _logit(point), _logit(base), _logit(resampled)
    else:
        point, resampled = mean, center
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(resampled - base) / errors
    t[:, ~possible] = 0.0
    t[weights @ there < 1e-9] = 0.0  # no known prompt was drawn
    one, all_ = _critical(t, units)

    def ends(critical: Array | float) -> tuple[Array, Array]:
        low, high = point - critical * error, point + critical * error
        if logit:
            low, high = np.minimum(_expit(low), mean), np.maximum(_expit(high), mean)  # the point is not quite the mean
        elif scale == "log":
            low, high = np.exp(low), np.exp(high)
        return np.where(possible, low, np.nan), np.where(possible, high, np.nan)

    low, high = ends(one)
    band_low, band_high = ends(np.maximum(one, all_))
    shown = np.where(units > 0, np.exp(mean) if scale == "log" else mean, np.nan)
    return Intervals(shown, low, high, band_low, band_high, units, texts)


def _critical(t: Array, units: Array) -> tuple[Array, float]:
    """Critical values from studentised deviations (B, K): of each column by itself (K,), and of all at once."""
    from scipy.special import stdtrit

    student = stdtrit(np.maximum(units - 1, 1), (1 + LEVEL) / 2)
    one = np.maximum(np.quantile(t, LEVEL, axis=0), student)
    return one, float(np.quantile(t.max(axis=1), LEVEL)) if t.shape[1] else 0.0


def _blocks(means: Array, there: Array) -> tuple[Array, Array]:
    """Units joined to at most ``_MOST_UNITS`` blocks, so that resampling many of them takes no more than that."""
    if len(means) <= _MOST_UNITS:
        return means, there
    block = np.arange(len(means)) % _MOST_UNITS
    sums, counts = np.zeros((2, _MOST_UNITS, means.shape[1]))
    np.add.at(sums, block, means)
    np.add.at(counts, block, there)
    return np.where(counts > 0, sums / np.maximum(counts, 1), 0.0), counts > 0


@lru_cache(maxsize=4)
def _resample(units: int, resamples: int, seed: int) -> Array:
    """(B, P) the share that each unit has of each resample."""
    generator = np.random.default_rng([seed, units, resamples])
    counts: Array = generator.multinomial(units, np.full(units, 1 / units), size=resamples)
    return counts / units


def _logit(share: Array) -> Array:
    logits: Array = np.log(share) - np.log1p(-share)
    return logits


def _expit(logit: Array) -> Array:
    share: Array = 1 / (1 + np.exp(-logit))
    return share
