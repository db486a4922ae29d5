"""The temperature of a text with all that is not known of its truncation averaged over.

The tightest truncation that keeps every token is the most likely one, and too tight: with it fixed, the temperature
comes out too high and its interval too narrow. Here the likelihood is averaged instead over which truncation ran, if
any, and over its value (integrated likelihood; Berger, Liseo and Wolpert 1999). Before a token is read, "none" has the
probability 1/10 and each family 3/10. A value is weighted by the probability that it removes: every share that could
be removed is as likely as any other, which for the edge of a distribution is the prior without information. The
temperature is even in ln T.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thermoscope.auditing.draws import Floats
from thermoscope.auditing.likelihood import FAMILIES, HIGHEST, LOWEST, Family
from thermoscope.auditing.text_places import TextPlaces, Whole

#: Tokens of a place that stand alone, and the growth of the groups of the others.
_ALONE, _GROWTH = 256, 1.05
#: The probability of no truncation, before any token is read.
_NONE = 0.1
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
    untruncated
        The most likely temperature without any.
    """

    temperature: float
    low: float
    high: float
    shares: Mapping[Family, float]
    untruncated: float


@dataclass(frozen=True, slots=True)
class Steps:
    """Places whose less probable tokens are taken in groups: P places, G groups.

    Attributes
    ----------
    depth : array (P, G)
        How far the tokens of each group are below the most probable one on average, nats.
    many : array (G,)
        How many tokens each group has.
    own : array (P,)
        The group of the token that came.
    own_depth : array (P,)
        How far that token is below the most probable one.
    """

    depth: Floats
    many: Floats
    own: Whole
    own_depth: Floats

    @classmethod
    def of(cls, texts: Sequence[TextPlaces]) -> Steps:
        """The places of texts of one model."""
        starts = _starts(texts[0].logprobs.shape[1])
        many = np.diff([*starts, texts[0].logprobs.shape[1]]).astype(np.float64)
        depth, own, exact = [], [], []
        for text in texts:
            below = text.logprobs - text.logprobs[:, :1]
            depth.append(np.add.reduceat(below, starts, axis=1, dtype=np.float64) / many)
            own.append(np.searchsorted(starts, text.ranks, side="right") - 1)
            exact.append(below[np.arange(len(below)), text.ranks].astype(np.float64))
        return cls(np.concatenate(depth), many, np.concatenate(own), np.concatenate(exact))


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
    steps = Steps.of(texts)
    x = np.linspace(math.log(LOWEST), math.log(HIGHEST), _COARSE)
    whole = np.logaddexp.reduce(_Likelihood(steps, last=last).along(x), axis=0)
    near = np.flatnonzero(whole >= whole.max() - _FAR)
    x = np.linspace(x[max(near[0] - 1, 0)], x[min(near[-1] + 1, len(x) - 1)], _FINE)
    each = _Likelihood(steps, last=last).along(x)
    density = np.exp(each - each.max())
    shares = density.sum(axis=1) / density.sum()
    low, middle, high = (
        _quantile(x, density.sum(axis=0), p) for p in ((1 - confidence) / 2, 0.5, (1 + confidence) / 2)
    )
    return Averaged(middle, low, high, dict(zip(FAMILIES, map(float, shares), strict=True)), _peak(x, each[0]))


def tightest(texts: Sequence[TextPlaces], temperature: float, *, last: bool) -> dict[Family, float]:
    """The tightest value of each truncation, at a temperature, that keeps every token of some texts."""
    steps = Steps.of(texts)
    depth, places = float(steps.own_depth.min()), np.arange(len(steps.own))
    weights = steps.many * np.exp(steps.depth if last else steps.depth / temperature)
    before = (np.cumsum(weights, axis=1) - weights)[places, steps.own] / weights.sum(axis=1)
    return {
        "top_k": float(max(int(text.ranks.max(initial=0)) for text in texts) + 1),
        "top_p": float(before.max()),
        "min_p": math.exp(depth if last else max(depth / temperature, -700.0)),
    }


def _starts(vocabulary: int) -> Whole:
    starts = list(range(min(_ALONE, vocabulary)))
    at = float(_ALONE)
    while at < vocabulary:
        starts.append(int(at))
        at *= _GROWTH
    return np.array(starts, dtype=np.int64)


def _peak(x: Floats, values: Floats) -> float:
    """The temperature of the largest value: of a parabola through it and its neighbours."""
    at = int(values.argmax())
    if at in (0, len(x) - 1):
        return math.exp(float(x[at]))
    left, top, right = values[at - 1 : at + 2]
    return math.exp(float(x[at] + (x[1] - x[0]) / 2 * (left - right) / (left - 2 * top + right)))


def _quantile(x: Floats, density: Floats, share: float) -> float:
    """The temperature below which a share of the probability is; even between points of the grid."""
    sums = np.append(0.0, np.cumsum((density[1:] + density[:-1]) / 2))
    return math.exp(float(np.interp(share * sums[-1], sums, x)))


class _Likelihood:
    """Log-likelihoods, averaged over the values of each truncation."""

    def __init__(self, steps: Steps, *, last: bool) -> None:
        self._steps, self._last = steps, last
        self._sum = float(steps.own_depth.sum())
        self._places = np.arange(len(steps.own))[:, None]
        groups = len(steps.many)
        first = int(steps.own.max())
        self._by_k = np.unique(first + _spread(groups - 1 - first, least=1.0).astype(np.int64))
        shallow = -float(steps.own_depth.min())
        depths = shallow + _spread(max(-float(steps.depth.min()) - shallow, 0.0))
        self._by_depth = _last_below(-steps.depth, depths + _TIE)
        self._by_mass = self._prefixes(self._totals(1.0)) if last else None

    def along(self, x: Floats) -> Floats:
        """(F, T) of every family at temperatures whose logarithms are given, with its probability before any token."""
        return np.array([self._at(math.exp(one)) for one in x]).T

    def _totals(self, temperature: float) -> Floats:
        """(P, G) the logarithm of the sum of all weights up to each group."""
        totals: Floats = np.log(np.cumsum(self._steps.many * np.exp(self._steps.depth / temperature), axis=1))
        return totals

    def _at(self, temperature: float) -> list[float]:
        totals = self._totals(temperature)
        by_k = np.broadcast_to(self._by_k, (len(totals), len(self._by_k)))
        by_mass = self._prefixes(totals) if self._by_mass is None else self._by_mass
        found = [self._mean(totals, kept) for kept in (by_k, by_mass, self._by_depth)]
        rest = self._sum / temperature + math.log((1 - _NONE) / len(found))
        none = self._sum / temperature + math.log(_NONE) - float(totals[:, -1].sum())
        return [none, *(rest + one for one in found)]

    def _mean(self, totals: Floats, kept: Whole) -> float:
        """The logarithm of the mean of likelihoods over the share of probability that is removed.

        ``kept`` (P, values) is the last group that is kept, from the tightest value to the loosest.
        """
        inside = totals[self._places, kept]
        values = -inside.sum(axis=0)
        removed = 1 - np.exp(inside - totals[:, -1:]).mean(axis=0)
        steps = np.maximum(removed - np.append(removed[1:], 0.0), 0.0)
        top = float(values.max())
        heights = np.exp(values - top)
        between = (heights + np.append(heights[1:], heights[-1])) / 2
        return top + math.log(float((between * steps).sum()) + 1e-300)

    def _prefixes(self, totals: Floats) -> Whole:
        """The last group (P, values) that each p keeps, from the tightest one on."""
        before = np.exp(np.c_[np.full(len(totals), -np.inf), totals[:, :-1]] - totals[:, -1:])
        least = min(max(float(before[self._places[:, 0], self._steps.own].max()), 1e-9), 1 - 1e-9)
        start = math.log(least / (1 - least))
        odds = start + _spread(max(_LOOSE - start, 0.0))
        return _last_below(before, 1 / (1 + np.exp(-odds)) + 1e-12)


def _last_below(rows: Floats, values: Floats) -> Whole:
    """(P, values) the last entry of each ascending row that is at most a value; the first one where none is."""
    which = np.arange(len(rows))[:, None]
    apart = (float(max(rows.max(), values.max())) + 1.0) * which  # one ascending row of all
    found: Whole = np.searchsorted((rows + apart).ravel(), values + apart, side="right") - rows.shape[1] * which
    return np.maximum(found - 1, 0)


def _spread(length: float, least: float = 1e-3) -> Floats:
    """Distances from 0 to a length: close together first, where the likelihood falls."""
    if length <= least:
        return np.array([0.0, max(length, 0.0)])
    return np.append(0.0, np.geomspace(least, length, _VALUES - 1))
