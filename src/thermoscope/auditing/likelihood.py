"""The temperature and truncation that draws show, by maximum likelihood.

At a place where the model's own log-probabilities l (T=1, untruncated) are known for its most probable tokens, a token
drawn at temperature T from the kept set S has the probability ``exp(l_x / T) / sum_S exp(l_i / T)``. The draws are
conditioned on the listed tokens: those beyond the list are left out, and what the list lacks plays no part. This is an
exponential family in 1/T, so the log-likelihood is concave in 1/T and has one maximum (Barndorff-Nielsen 1978).

A truncation is tried at the value that fits best, which is the tightest that keeps every token that was drawn: any
tighter one has likelihood 0, and any looser one spreads probability over tokens that did not come.

==========  =============================================  ==================================================
family      kept tokens at a place                         does it depend on T?
==========  =============================================  ==================================================
none        all
top_k       the k largest, with ties                       no
min_p       ``l_i >= l_max + c``                           the set no; ``min_p = exp(c / T)`` where T comes
                                                           first, ``exp(c)`` where it comes last
top_p       the shortest prefix whose mass reaches p       yes, where T comes first
==========  =============================================  ==================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thermoscope.auditing.draws import Draws, Floats
from thermoscope.auditing.tails import unlisted

Family = Literal["none", "top_k", "top_p", "min_p"]
FAMILIES: tuple[Family, ...] = ("none", "top_k", "top_p", "min_p")

#: Temperatures between which the maximum is sought.
LOWEST, HIGHEST = 0.02, 20.0
#: Temperatures at which the prefix of top_p is formed, per factor of e.
_PER_E = 24
#: Log-probabilities closer than this count as ties.
_TIE = 1e-6


@dataclass(frozen=True, slots=True)
class Fit:
    """The best temperature of one family.

    Attributes
    ----------
    family
        The truncation.
    value
        Its parameter, the tightest that keeps all draws; None for "none".
    temperature, low, high
        The most likely temperature, with the ends of its interval (profile likelihood; Wilks 1938).
    log_likelihood
        Of the draws of listed tokens, nats.
    kept
        The mean number of listed tokens that it keeps at a place.
    sets
        (P, K) which they are; None: all.
    """

    family: Family
    value: float | None
    temperature: float
    low: float
    high: float
    log_likelihood: float
    kept: float
    sets: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)


def curve(draws: Draws, of: Fit, temperatures: Floats) -> Floats:
    """The log-likelihood of draws along temperatures, with the tokens kept that a fit keeps."""
    return kept_curve(draws, np.isfinite(draws.logprobs) if of.sets is None else of.sets, temperatures)


def kept_curve(draws: Draws, kept: NDArray[np.bool_], temperatures: Floats) -> Floats:
    """The log-likelihood of draws along temperatures, with some tokens (P, K) kept."""
    return _Curve(draws, kept).along(temperatures)


def prefix(draws: Draws, temperature: float, p: float) -> NDArray[np.bool_]:
    """The tokens (P, K) that top_p keeps of the listed ones at a temperature."""
    kept: NDArray[np.bool_] = np.isfinite(draws.logprobs) & (_mass_before(draws, np.array([temperature]))[0] < p)
    return kept


def sent_sets(draws: Draws, family: Family, value: float, at: float) -> NDArray[np.bool_]:
    """The listed tokens (P, K) that a truncation of a given value keeps at a temperature."""
    listed = np.isfinite(draws.logprobs)
    if family == "top_k":
        return listed & (np.arange(draws.logprobs.shape[1]) < value)
    if family == "min_p":
        return listed & (draws.depth >= at * math.log(value) - 1e-3)
    return prefix(draws, at, value + 1e-3)


def prefix_within(draws: Draws, p: float, k: int, at: float) -> NDArray[np.bool_]:
    """The listed tokens (P, K) that top_p keeps of the k most probable ones, whose shares add up to 1."""
    first = np.arange(draws.logprobs.shape[1]) < k
    weights = np.where(first & np.isfinite(draws.logprobs), np.exp(draws.depth / at), 0.0)
    shares = weights / weights.sum(axis=1, keepdims=True)
    kept: NDArray[np.bool_] = (weights > 0) & (np.cumsum(shares, axis=1) - shares < p + 1e-3)
    return kept


def kept_fit(
    draws: Draws, family: Family, value: float, kept: NDArray[np.bool_], *, confidence: float = 0.95
) -> tuple[Fit, float]:
    """The most likely temperature where these tokens (P, K) are kept, and the share of draws that are of others.

    Draws of other tokens are left out of the likelihood.
    """
    from scipy.stats import chi2

    whole = float(draws.counts.sum() + draws.beyond.sum())
    outside = float(draws.counts[~kept].sum() + draws.beyond.sum())
    inside = Draws(draws.logprobs, np.where(kept, draws.counts, 0.0), draws.beyond)
    line = _Curve(inside, kept)
    best = line.maximum()
    low, high = line.interval(best, float(chi2.ppf(confidence, 1)) / 2)
    found = Fit(family, value, best, low, high, line.at(best), float(kept.sum(axis=1).mean()), kept)
    return found, outside / whole if whole else 0.0


def fit(draws: Draws, family: Family, *, last: bool = False, confidence: float = 0.95) -> Fit:
    """The most likely temperature under one family of truncation.

    Parameters
    ----------
    draws
        What was drawn.
    family
        The truncation that is assumed, at its best value.
    last
        Whether temperature comes after truncation (as in llama.cpp); it matters to ``min_p`` and ``top_p``.
    confidence
        Of the interval.
    """
    from scipy.stats import chi2

    if family == "top_p" and not last:  # the prefixes move with T: the interval is that of both numbers together
        return _fit_prefix(draws, float(chi2.ppf(confidence, 2)) / 2)
    drop = float(chi2.ppf(confidence, 1)) / 2
    kept, value = _kept(draws, family)
    line = _Curve(draws, kept)
    best = line.maximum()
    low, high = line.interval(best, drop)
    if family == "min_p":
        value = math.exp(value) if last else math.exp(max(value / best, -700.0))
    return Fit(
        family,
        None if family == "none" else value,
        best,
        low,
        high,
        line.at(best),
        float(kept.sum(axis=1).mean()),
        kept,
    )


def _kept(draws: Draws, family: Family) -> tuple[NDArray[np.bool_], float]:
    """The tightest set (P, K) that keeps every draw and does not depend on T, and what names it."""
    listed = np.isfinite(draws.logprobs)
    rows = np.flatnonzero(draws.last >= 0)
    if family == "none" or not len(rows):
        return listed, math.nan
    least = draws.depth[rows, draws.last[rows]]
    if family == "min_p":
        cut = float(least.min())
        return listed & (draws.depth >= cut - _TIE), cut
    if family == "top_k":
        larger = np.array([(draws.depth[row] > depth + _TIE).sum() for row, depth in zip(rows, least, strict=True)])
        k = int(larger.max()) + 1
        k_th = np.sort(draws.depth, axis=1)[:, ::-1][:, min(k, draws.depth.shape[1]) - 1]
        return listed & (draws.depth >= k_th[:, None] - _TIE), float(k)
    sets, p = _prefixes(draws, np.array([1.0]))  # top_p where temperature comes last: of the untempered distribution
    return sets[0], float(p[0])


def _mass_before(draws: Draws, temperatures: Floats) -> Floats:
    """The mass (T, P, K) of all tokens that are more probable than each, at some temperatures.

    That of the tokens that are not listed is estimated (``tails.py``).
    """
    weights = np.exp(draws.depth / temperatures[:, None, None])  # 0 where nothing is listed
    rest = unlisted(draws, temperatures)
    shares = weights / (weights.sum(axis=2) + rest)[:, :, None]
    before: Floats = np.cumsum(shares, axis=2) - shares
    return before


def _prefixes(draws: Draws, temperatures: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """The prefixes (T, P, K) of the tightest top_p at some temperatures that keep every draw, and each p."""
    before = _mass_before(draws, temperatures)
    rows = np.flatnonzero(draws.last >= 0)
    p = before[:, rows, draws.last[rows]].max(axis=1, initial=0.0)  # a token stays while the mass before is < p
    return np.isfinite(draws.logprobs) & (before <= p[:, None, None] + 1e-12), p


def _fit_prefix(draws: Draws, drop: float) -> Fit:
    """top_p where temperature comes first: the prefix is formed anew at each temperature of a grid."""
    steps = int(_PER_E * math.log(HIGHEST / LOWEST)) + 1
    grid = np.geomspace(LOWEST, HIGHEST, steps)
    sets, shares = _prefixes(draws, grid)
    values = _Curve(draws, sets).along(grid)
    best = int(values.argmax())
    kept, p = sets[best], float(shares[best])
    line = _Curve(draws, kept)
    lower, upper = grid[max(best - 1, 0)], grid[min(best + 1, steps - 1)]
    at = float(np.clip(line.maximum(), lower, upper))
    top = max(line.at(at), float(values[best]))
    low, high = _ends(np.log(grid), values, top - drop)
    return Fit("top_p", p, at, min(low, at), max(high, at), top, float(kept.sum(axis=1).mean()), kept)


def _ends(x: Floats, values: Floats, level: float) -> tuple[float, float]:
    """The temperatures between which the values along ln T are above a level, between points of the grid on a line."""
    above = np.flatnonzero(values >= level)
    if not len(above):
        peak = math.exp(x[int(values.argmax())])
        return peak, peak
    ends = []
    for inside, outside in ((int(above[0]), int(above[0]) - 1), (int(above[-1]), int(above[-1]) + 1)):
        if not 0 <= outside < len(x) or not math.isfinite(values[outside]):
            ends.append(x[inside])
            continue
        share = (values[inside] - level) / (values[inside] - values[outside])
        ends.append(x[inside] + share * (x[outside] - x[inside]))
    return math.exp(ends[0]), math.exp(ends[1])


class _Curve:
    """The log-likelihood of draws along the temperature, with kept sets (P, K), or (T, P, K) for ``along`` alone."""

    def __init__(self, draws: Draws, kept: NDArray[np.bool_]) -> None:
        used = draws.counts.sum(axis=1) > 0
        self._depth = np.where(kept, draws.depth, -np.inf)[..., used, :]
        self._numbers = draws.counts[used].sum(axis=1)
        self._sum = float((draws.counts[used] * np.where(draws.counts[used] > 0, draws.depth[used], 0.0)).sum())

    def at(self, temperature: float) -> float:
        """The log-likelihood at a temperature, nats."""
        with np.errstate(over="ignore"):
            totals = np.log(np.exp(self._depth / temperature).sum(axis=1))
        return self._sum / temperature - float(self._numbers @ totals)

    def along(self, temperatures: Floats) -> Floats:
        """The log-likelihood at some temperatures, nats."""
        with np.errstate(over="ignore"):
            totals = np.log(np.exp(self._depth / temperatures[:, None, None]).sum(axis=2))
        found: Floats = self._sum / temperatures - totals @ self._numbers
        return found

    def slope(self, temperature: float) -> float:
        """Its derivative by 1/T: what was drawn less what is expected."""
        weights = np.exp(self._depth / temperature)
        depth = np.where(np.isfinite(self._depth), self._depth, 0.0)
        means = (weights * depth).sum(axis=1) / weights.sum(axis=1)
        return self._sum - float(self._numbers @ means)

    def maximum(self) -> float:
        """The temperature of the largest log-likelihood; an end of the range where it lies beyond."""
        from scipy.optimize import brentq

        if not len(self._numbers) or self.slope(LOWEST) >= 0:  # only the most probable tokens: as cold as can be
            return LOWEST
        if self.slope(HIGHEST) <= 0:
            return HIGHEST
        return math.exp(brentq(lambda x: self.slope(math.exp(x)), math.log(LOWEST), math.log(HIGHEST), xtol=1e-6))

    def interval(self, best: float, drop: float) -> tuple[float, float]:
        """Where the log-likelihood is within ``drop`` of its maximum."""
        from scipy.optimize import brentq

        top = self.at(best)

        def below(x: float) -> float:
            return self.at(math.exp(x)) - (top - drop)

        ends = []
        for end in (LOWEST, HIGHEST):
            x = math.log(end)
            ends.append(end if below(x) >= 0 else math.exp(brentq(below, *sorted((x, math.log(best))), xtol=1e-6)))
        return ends[0], ends[1]
