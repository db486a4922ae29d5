"""The temperature of a text with all that is not known of its truncation averaged over.

The tightest truncation that keeps every token is the most likely one, and too tight: with it fixed, the temperature
comes out too high and its interval too narrow. Here the likelihood is averaged instead over which truncation ran, if
any, and over its value (integrated likelihood; Berger, Liseo and Wolpert 1999). Before a token is read, "none" has the
probability 1/10 and each family 3/10. A value is weighted by the probability that it removes: every share that could
be removed is as likely as any other, which for the edge of a distribution is the prior without information. The
temperature is even in ln T.

A text is tokenised anew: now and then a token is read that was not drawn, and that the setting would never have
given. So that such strays do not rule out a truncation or a low temperature, each token is taken to come from the
model's own distribution (T=1, untruncated) with a small probability, which is averaged over too: it is 0.001, 0.01 or
0.04, as texts up to T=1 have next to no strays, and single ones at T=1.5 have one in twenty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thermoscope.auditing.draws import Floats
from thermoscope.auditing.likelihood import FAMILIES, HIGHEST, LOWEST, Family
from thermoscope.auditing.steps import Steps
from thermoscope.auditing.text_places import TextPlaces, Whole

#: The probability of no truncation, before any token is read.
_NONE = 0.1
#: Probabilities of a token that the setting did not draw, and their own; the share of tokens that are sought for them.
_RATES, _RATE_SHARES, _STRAYS = np.array([0.001, 0.01, 0.04]), np.array([0.6, 0.3, 0.1]), 0.03
#: So many probabilities are multiplied before a logarithm is taken.
_AT_ONCE = 8
#: Less probable tokens count as this: products of so many must not vanish.
_LEAST = 1e-30
#: By how much of what is left a p that is named is looser than the tightest: groups are not exact.
_SLACK = 1e-3
#: Log-odds of the loosest top_p that is tried.
_LOOSE = 12.0
#: Values of a truncation, from the tightest one on, and temperatures of the first and of the second pass.
_VALUES, _COARSE, _FINE = 32, 32, 64
#: Log-likelihoods so far below the largest one do not count.
_FAR = 14.0
_TIE = 1e-6


@dataclass(frozen=True, slots=True)
class Averaged:
    """What a text says of the temperature, whatever the truncation.

    Attributes
    ----------
    temperature, low, high
        The median, and the ends of the interval.
    shares
        The probability of each truncation.
    peaks
        The most likely temperature and value of each truncation, and the log-likelihood there.
    """

    temperature: float
    low: float
    high: float
    shares: Mapping[Family, float]
    peaks: Mapping[Family, Peak]


@dataclass(frozen=True, slots=True)
class Peak:
    """The most likely setting of one family."""

    temperature: float
    value: float | None
    log_likelihood: float


def averaged(texts: Sequence[TextPlaces], *, last: bool, confidence: float = 0.95) -> Averaged:
    """The temperature of texts of one setting.

    Parameters
    ----------
    texts
        What was read.
    last
        Whether the temperature comes after the truncation.
    confidence
        Of the interval.
    """
    likelihood = _Likelihood(Steps.of(texts), last=last)
    x = np.linspace(*_reach(likelihood), _FINE)
    along = likelihood.along(x)
    density = np.exp(along.means - along.means.max())
    shares = density.sum(axis=1) / density.sum()
    low, middle, high = (
        _quantile(x, density.sum(axis=0), p) for p in ((1 - confidence) / 2, 0.5, (1 + confidence) / 2)
    )
    peaks = {family: _peak(x, along.tops[n], along.values[n]) for n, family in enumerate(FAMILIES)}
    return Averaged(middle, low, high, dict(zip(FAMILIES, map(float, shares), strict=True)), peaks)


def _reach(likelihood: _Likelihood) -> tuple[float, float]:
    """The logarithms of the temperatures between which the likelihood counts: from T=1 on, as far as it does."""
    x = np.linspace(math.log(LOWEST), math.log(HIGHEST), _COARSE)

    def at(place: int) -> float:
        return float(np.logaddexp.reduce(likelihood.along(x[place : place + 1]).means[:, 0]))

    first = last = int(np.abs(x).argmin())
    found = {first: at(first)}
    while True:
        least = max(found.values()) - _FAR
        if first > 0 and (found[first] >= least or first == last):
            first -= 1
            found[first] = at(first)
        elif last < len(x) - 1 and (found[last] >= least or last == first):
            last += 1
            found[last] = at(last)
        else:
            near = [place for place, value in found.items() if value >= least]
            return float(x[max(min(near) - 1, 0)]), float(x[min(max(near) + 1, len(x) - 1)])


def _peak(x: Floats, tops: Floats, values: Floats) -> Peak:
    """The largest log-likelihood; without a truncation the temperature of a parabola through it and its neighbours."""
    at = int(tops.argmax())
    if not math.isnan(values[at]):
        return Peak(math.exp(float(x[at])), float(values[at]), float(tops[at]))
    left, top, right = tops[max(at - 1, 0)], tops[at], tops[min(at + 1, len(x) - 1)]
    bend = float(left - 2 * top + right)
    aside = float(x[1] - x[0]) / 2 * float(left - right) / bend if 0 < at < len(x) - 1 and bend < 0 else 0.0
    return Peak(math.exp(float(x[at]) + aside), None, float(top))


def _quantile(x: Floats, density: Floats, share: float) -> float:
    """The temperature below which a share of the probability is; even between points of the grid."""
    sums = np.append(0.0, np.cumsum((density[1:] + density[:-1]) / 2))
    return math.exp(float(np.interp(share * sums[-1], sums, x)))


@dataclass(frozen=True, slots=True)
class _Along:
    """Log-likelihoods (F, T): means over the values of each family, the largest ones, and the values of these."""

    means: Floats
    tops: Floats
    values: Floats


class _Likelihood:
    """Log-likelihoods, averaged over the values of each truncation."""

    def __init__(self, steps: Steps, *, last: bool) -> None:
        self._steps, self._last = steps, last
        self._places = np.arange(len(steps.own))
        self._strays = math.ceil(_STRAYS * len(steps.own))
        by_k = _grid(steps.own.astype(np.float64), len(steps.many) - 1.0, self._strays, least=1.0)
        ends = np.unique(np.minimum(by_k.astype(np.int64), len(steps.many) - 1))
        self._sizes = np.cumsum(steps.many)[ends]
        self._by_k = self._kept(np.broadcast_to(ends, (len(steps.own), len(ends))))
        self._depths = _grid(-steps.own_depth, -float(steps.depth.min()), self._strays)
        self._by_depth = self._kept(_last_below(-steps.depth, self._depths + _TIE))
        plain = self._sums(1.0)
        self._by_mass = self._prefixes(plain) if last else None
        self._stray = np.maximum(np.exp(steps.own_depth) / plain[:, -1], _LEAST)[:, None]

    def along(self, x: Floats) -> _Along:
        """Every family at temperatures whose logarithms are given; means with its probability before any token."""
        return _Along(*(np.array([self._at(math.exp(one)) for one in x]).transpose(2, 1, 0)))

    def _sums(self, temperature: float) -> Floats:
        """(P, G) the sum of all weights up to each group; the largest weight is 1."""
        sums: Floats = np.cumsum(self._steps.many * np.exp(self._steps.depth / temperature), axis=1)
        return sums

    def _kept(self, kept: Whole) -> _Kept:
        rows = len(self._steps.many) * self._places
        return _Kept(kept + rows[:, None], kept >= self._steps.own[:, None])

    def _at(self, temperature: float) -> list[tuple[float, float, float]]:
        sums = self._sums(temperature)
        shares, by_mass = self._prefixes(sums) if self._by_mass is None else self._by_mass
        least = np.exp(-self._depths if self._last else -self._depths / temperature)
        own = np.exp(self._steps.own_depth / temperature)[:, None]
        none = float(self._log_likelihoods(own / sums[:, -1:])[0])
        found = [(none + math.log(_NONE), none, math.nan)]
        for kept, values in ((self._by_k, self._sizes), (by_mass, shares), (self._by_depth, least)):
            mean, top, which = self._mean(own, sums, kept)
            found.append((mean + math.log((1 - _NONE) / 3), top, float(values[which])))
        return found

    def _mean(self, own: Floats, sums: Floats, kept: _Kept) -> tuple[float, float, int]:
        """The logarithm of the mean of likelihoods over the share of probability that is removed; the largest one."""
        inside = sums.ravel()[kept.ends]
        values = self._log_likelihoods(np.where(kept.there, own / inside, 0.0))
        removed = 1 - (inside / sums[:, -1:]).mean(axis=0)
        steps = np.maximum(removed - np.append(removed[1:], 0.0), 0.0)
        which = int(values.argmax())
        top = float(values[which])
        heights = np.exp(values - top)
        between = (heights + np.append(heights[1:], heights[-1])) / 2
        return top + math.log(float((between * steps).sum()) + 1e-300), top, which

    def _log_likelihoods(self, chances: Floats) -> Floats:
        """Of the tokens, from the probability (P, values) of each under a setting; averaged over that of a stray."""
        rows = np.arange(0, len(chances), _AT_ONCE)
        found = [
            np.log(np.multiply.reduceat(chances * (1 - rate) + rate * self._stray, rows, axis=0)).sum(axis=0)
            for rate in _RATES
        ]
        averaged: Floats = np.logaddexp.reduce(np.array(found) + np.log(_RATE_SHARES)[:, None], axis=0)
        return averaged

    def _prefixes(self, sums: Floats) -> tuple[Floats, _Kept]:
        """Values of p, and what each keeps."""
        before = np.c_[np.zeros(len(sums)), sums[:, :-1] / sums[:, -1:]]
        own = np.clip(before[self._places, self._steps.own], 1e-9, 1 - 1e-9)
        shares = 1 / (1 + np.exp(-_grid(np.log(own / (1 - own)), _LOOSE, self._strays)))
        return shares + _SLACK * (1 - shares), self._kept(_last_below(before, shares + 1e-12))


@dataclass(frozen=True, slots=True)
class _Kept:
    """What each value of a truncation keeps, from the tightest to the loosest: (P, values).

    ``ends`` are places of the last groups that are kept in all rows as one, and ``there`` says whether the token that
    came is kept.
    """

    ends: Whole
    there: np.ndarray[tuple[int, int], np.dtype[np.bool_]]


def _last_below(rows: Floats, values: Floats) -> Whole:
    """(P, values) the last entry of each ascending row that is at most a value; the first one where none is."""
    which = np.arange(len(rows))[:, None]
    apart = (float(max(rows.max(), values.max())) + 1.0) * which  # one ascending row of all
    found: Whole = np.searchsorted((rows + apart).ravel(), values + apart, side="right") - rows.shape[1] * which
    return np.maximum(found - 1, 0)


def _grid(own: Floats, loosest: float, strays: int, least: float = 1e-3) -> Floats:
    """Values of a truncation: those at which the text's largest tokens go, one by one, those between, looser ones."""
    ends = np.sort(own)[-1 - strays :]
    between = (ends[1:] + ends[:-1]) / 2
    length = max(loosest - float(ends[-1]), 2 * least)
    looser = ends[-1] + np.geomspace(least, length, _VALUES)
    return np.sort(np.concatenate([ends, between, looser]))
