"""Intervals: prompts are the unit, differences are paired, bands hold for a whole curve at once.

Texts of one prompt resemble each other, so it is prompts that are resampled, each with all its seeds. Resampling seeds
within prompts on top would count their variance twice (the spread between the means of prompts has it already;
Davison and Hinkley 1997, section 3.8), and ``benchmarks/coverage.py`` shows what that does. With one prompt the seeds
are the unit, and what is said is about that prompt alone.

An interval reaches some number of standard errors to both sides of the mean, its *critical value*:

- for a mean, the larger of Student's t and a studentised bootstrap's (Efron and Tibshirani 1993, chapter 12): with a
  dozen prompts a percentile interval is too narrow;
- for a paired difference, Student's t. Skewness mostly cancels in differences, and the remaining tails make t cautious;
- for a band of means, the largest studentised deviation along the curve, from the bootstrap (the sup-t band; Montiel
  Olea and Plagborg-Moller 2019); for a band of differences, from flipping the signs of whole prompts (the wild
  bootstrap: Liu 1988; its maximum: Westfall and Young 1993). Neither is ever more than Bonferroni's over t;
- with fewer than ``FEWEST_RESAMPLED`` units, Bonferroni over t: three units have three patterns of signs, which say
  nothing of a twentieth.

Shares, continuous or 0/1, have Wilson's score interval with Student's t (see ``proportion``), their differences are
made of the intervals of both sides, and their bands are Bonferroni's. Symmetric intervals fail them: a share that falls
along the curve has differences whose variance and skewness change from pair to pair, and resampling a dozen prompts
that mostly lack the large values does not show it. Where most values are 0, or a few units are correlated by chance,
the combined interval fails as well: intervals and bands hold Student's of paired differences too.

Intervals and bands end where a measure's possible values do (``Measure.bounds``), and those of differences at what two
possible values can differ by: what is cut off holds no true value, so nothing is uncovered.

Shapes: P prompts, S seeds, K columns (settings, or pairs of them), B resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Literal

import numpy as np

from thermoscope.metrics.ragged import Array
from thermoscope.metrics.registry import ANY
from thermoscope.statistics.proportion import difference, effective_numbers, wilson

#: Resamples, the nominal coverage, and the seed of the resampling.
RESAMPLES, LEVEL, SEED = 2000, 0.95, 20_260_101
#: Bands are resampled from so many units on; with fewer they are Bonferroni's over Student's t.
FEWEST_RESAMPLED = 10
#: A resample that draws one prompt over and over has no spread; it counts as having this share of the original's
#: (chosen by simulation).
_LEAST_SPREAD = 0.4
#: From this number on units are resampled in blocks.
_MOST_UNITS = 500
#: Up to so many units all patterns of signs are taken, of more of them a sample.
_ALL_SIGNS = 12

Scale = Literal["linear", "share", "log", "indicator"]
#: How a band was made; "none" where there is none.
BandMethod = Literal["bootstrap", "sign flips", "Bonferroni", "none"]


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
    band_method
        How the band was made.
    """

    mean: Array
    low: Array
    high: Array
    band_low: Array
    band_high: Array
    units: Array
    texts: Array
    band_method: BandMethod


@dataclass(frozen=True, slots=True)
class _Units:
    """Means of units (P, K), 0 where unknown, which are known, and (K,) what is made of them."""

    means: Array
    there: Array
    number: Array
    texts: Array
    mean: Array
    error: Array

    @classmethod
    def of(cls, values: Array) -> _Units:
        known = ~np.isnan(values)
        per_unit = known.sum(axis=1)
        there = per_unit > 0
        means = np.where(there, np.where(known, values, 0.0).sum(axis=1) / np.maximum(per_unit, 1), 0.0)
        number = there.sum(axis=0)
        mean = means.sum(axis=0) / np.maximum(number, 1)
        squares = (np.where(there, means - mean, 0.0) ** 2).sum(axis=0)
        error = np.sqrt(squares / np.maximum(number - 1, 1) / np.maximum(number, 1))
        return cls(means, there, number, known.sum(axis=(0, 1)), mean, error)

    @property
    def deviations(self) -> Array:
        """(P, K) from the mean, 0 where unknown."""
        return np.where(self.there, self.means - self.mean, 0.0)


def intervals(
    values: Array,
    scale: Scale = "linear",
    bounds: tuple[float, float] = ANY,
    *,
    family: float = 1,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> Intervals:
    """Means and intervals of a measure at several settings, from values (P, S, K), NaN where unknown.

    ``bounds`` are the least and the largest value that is possible: intervals end there.
    ``family`` is as in ``paired``.
    """
    units = _Units.of(_on_scale(values, scale))
    if scale in ("share", "indicator"):
        numbers = effective_numbers(units.mean, units.error, units.texts, most=_most(units, scale))
        ends = [wilson(units.mean, numbers, c) for c in _bonferroni(units, units.number >= 2, family)]
        return _made(units, units.number >= 2, ends, bounds, "Bonferroni")
    one, all_, method = _bootstrap_critical(units, seed, resamples, family)
    return _made(
        units, _spread(units), [_ends(units, c, scale) for c in (one, all_)], bounds, method, log=scale == "log"
    )


def paired(
    values: Array,
    pairs: Array,
    scale: Scale = "linear",
    bounds: tuple[float, float] = ANY,
    *,
    family: float = 1,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> Intervals:
    """Differences (on a log scale: ratios) between settings, same prompt and same seed, from values (P, S, K).

    Parameters
    ----------
    values
        As in ``intervals``.
    pairs
        (J, 2) columns (a, b); what is compared is b minus a, or b / a.
    bounds
        The least and the largest value that is possible; intervals end at the difference, or ratio, of the two.
    family
        Of how many comparisons each is one: intervals are Bonferroni's, so that all of them hold at once.
    """
    values = _on_scale(values, scale)
    units = _Units.of(values[:, :, pairs[:, 1]] - values[:, :, pairs[:, 0]])
    limits = _apart(bounds, log=scale == "log")
    if scale in ("share", "indicator"):
        possible = units.number >= 2
        one, all_ = _bonferroni(units, possible, family)
        ends = [
            _wider(_share_ends(values, pairs, units.mean, critical, scale, wary=wary), _ends(units, critical, "linear"))
            for critical, wary in ((one, False), (all_, True))
        ]
        return _made(units, possible, ends, limits, "Bonferroni")
    one, all_, method = _signs_critical(units, seed, resamples, family)
    return _made(
        units, _spread(units), [_ends(units, c, scale) for c in (one, all_)], limits, method, log=scale == "log"
    )


def _wider(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    """The least interval that holds both."""
    return np.minimum(a[0], b[0]), np.maximum(a[1], b[1])


def _apart(bounds: tuple[float, float], *, log: bool) -> tuple[float, float]:
    """The least and the largest difference, or ratio, of two values within bounds."""
    least, most = bounds
    if not log:
        return least - most, most - least
    ratio = most / least if least > 0 else inf
    return 1 / ratio, ratio


def _on_scale(values: Array, scale: Scale) -> Array:
    """The values on the scale on which they are averaged, NaN where unknown; with one prompt its seeds as units."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.log(values) if scale == "log" else values.astype(np.float64)
    scaled = np.where(np.isfinite(scaled), scaled, np.nan)
    return scaled.transpose(1, 0, 2) if scaled.shape[0] == 1 else scaled


def _spread(units: _Units) -> Array:
    """(K,) whether anything can be said: two units or more, and not all the same."""
    return (units.number >= 2) & (units.error > 0)


def _made(
    units: _Units,
    possible: Array,
    ends: Sequence[tuple[Array, Array]],
    limits: tuple[float, float],
    method: BandMethod,
    *,
    log: bool = False,
) -> Intervals:
    """Means with the ends of their intervals and of their bands, as far as these are possible values."""
    shown = np.where(units.number > 0, np.exp(units.mean) if log else units.mean, np.nan)
    # a mean is in its interval, rounded or not
    least, most = np.minimum(limits[0], shown), np.maximum(limits[1], shown)
    cut = [np.where(possible, np.clip(end, least, most), np.nan) for pair in ends for end in pair]
    low, high, band_low, band_high = cut
    return Intervals(
        shown, low, high, band_low, band_high, units.number, units.texts, method if possible.any() else "none"
    )


def _ends(units: _Units, critical: Array, scale: Scale) -> tuple[Array, Array]:
    """The interval of each column, so many standard errors to both sides on its scale."""
    low, high = units.mean - critical * units.error, units.mean + critical * units.error
    if scale != "log":
        return low, high
    with np.errstate(over="ignore"):  # two units can say so little that an end is infinite
        return np.exp(low), np.exp(high)


def _most(units: _Units, scale: Scale) -> Array | float:
    """The most independent values that a column can be worth: of 0/1 values no more than there are."""
    return np.maximum(units.texts, 1) if scale == "indicator" else inf


def _share_ends(
    values: Array, pairs: Array, effect: Array, critical: Array, scale: Scale, *, wary: bool
) -> tuple[Array, Array]:
    """The interval (J,) of each difference between shares, from values (P, S, K); wary of correlations for a band."""
    units = _Units.of(values)
    numbers = effective_numbers(units.mean, units.error, units.texts, most=_most(units, scale))
    a, b = pairs.T
    deviations = units.deviations
    lengths = np.sqrt((deviations**2).sum(axis=0))
    product = lengths[a] * lengths[b]
    together = (deviations[:, a] * deviations[:, b]).sum(axis=0)
    correlation = np.where(product > 0, together / np.where(product > 0, product, 1), 0.0)
    # two units are always fully correlated, and a few often by chance: what narrows a band is trusted less
    both = np.minimum(units.number[a], units.number[b])
    trust = np.maximum(both - 3, 0) / np.maximum(both, 1) if wary else both > 2
    correlation = np.where(correlation > 0, correlation * trust, correlation)
    side_a, side_b = ((units.mean[i], *wilson(units.mean[i], numbers[i], critical)) for i in (a, b))
    return difference(effect, side_a, side_b, correlation)


def _bonferroni(units: _Units, possible: Array, family: float) -> tuple[Array, Array]:
    """(K,) Student's critical values: of each column by itself, and Bonferroni's of all that are possible."""
    return _student(units, family), _student(units, family * max(int(possible.sum()), 1))


def _student(units: _Units, columns: float = 1) -> Array:
    """(K,) Student's critical values; with several columns Bonferroni's, which hold for all of them at once."""
    from scipy.special import stdtrit

    critical: Array = stdtrit(np.maximum(units.number - 1, 1), 1 - (1 - LEVEL) / (2 * max(columns, 1)))
    return critical


def _few(units: _Units) -> bool:
    """Whether some column has too few units to be resampled."""
    number = units.number[_spread(units)]
    return bool(number.min(initial=FEWEST_RESAMPLED) < FEWEST_RESAMPLED)


def _bootstrap_critical(units: _Units, seed: int, resamples: int, family: float) -> tuple[Array, Array, BandMethod]:
    """(K,) critical values by resampling units, of each column by itself and of all at once, and how the latter."""
    possible = _spread(units)
    student, bound = _bonferroni(units, possible, family)
    if not possible.any():
        return student, student, "none"
    means, there = _blocks(units)
    count = np.maximum(there.sum(axis=0), 1)
    base = means.sum(axis=0) / count
    weights = _resample(len(means), resamples, seed)
    known = weights @ there  # (B, K) share of the resample that is known
    drawn = np.maximum(known, 1e-9)
    center = weights @ means / drawn
    squares = np.maximum(weights @ (means**2) / drawn - center**2, 0)
    errors = np.maximum(np.sqrt(squares / np.maximum(count - 1, 1)), _LEAST_SPREAD * units.error)
    level = 1 - (1 - LEVEL) / family
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(center - base) / errors
    t[:, ~possible] = 0.0
    t[known < 1e-9] = 0.0  # no known unit was drawn
    one = np.maximum(np.quantile(t, level, axis=0), student)
    if _few(units):
        return one, np.maximum(one, bound), "Bonferroni"
    all_ = np.maximum(one, np.quantile(t.max(axis=1), level))
    return one, np.maximum(one, np.minimum(all_, bound)), "bootstrap"


def _signs_critical(units: _Units, seed: int, resamples: int, family: float) -> tuple[Array, Array, BandMethod]:
    """(K,) critical values: Student's, and of all columns at once by flipping the signs of whole units, and how."""
    possible = _spread(units)
    student, bound = _bonferroni(units, possible, family)
    if not possible.any():
        return student, student, "none"
    if _few(units):
        return student, bound, "Bonferroni"
    means, there = _blocks(units)
    means, there = means[:, possible], there[:, possible]
    count = np.maximum(there.sum(axis=0), 1)
    deviations = np.where(there, means - means.sum(axis=0) / count, 0.0)
    center = _signs(len(means), resamples, seed) @ deviations / count
    squares = np.maximum((deviations**2).sum(axis=0) - count * center**2, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(center) / np.sqrt(squares / np.maximum(count - 1, 1) / count)
    top = np.minimum(np.where(np.isnan(t), 0.0, t).max(axis=1), bound[possible].max())
    return student, np.clip(np.quantile(top, 1 - (1 - LEVEL) / family), student, bound), "sign flips"


def _blocks(units: _Units) -> tuple[Array, Array]:
    """Units joined to at most ``_MOST_UNITS`` blocks, so that resampling many of them takes no more than that."""
    means, there = units.means, units.there
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


@lru_cache(maxsize=4)
def _signs(units: int, resamples: int, seed: int) -> Array:
    """(B, P) signs of the units; all patterns for a few of them (the first keeps its sign: all flipped is the same)."""
    if units <= _ALL_SIGNS:
        patterns = np.arange(2 ** (units - 1))[:, None] >> np.arange(units - 1) & 1
        return np.concatenate([np.ones((len(patterns), 1)), 1.0 - 2 * patterns], axis=1)
    return np.random.default_rng([seed, units, resamples, 1]).choice([-1.0, 1.0], size=(resamples, units))
