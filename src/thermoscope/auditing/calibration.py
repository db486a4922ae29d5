"""From which likelihood ratio on a truncation, or another temperature, is called: by simulation, not by a table.

The tightest truncation that keeps every draw always fits at least as well as none, so twice the log-likelihood ratio
has no chi-squared distribution. It is simulated instead: as many draws at the same places, untruncated, at one
temperature, again and again (parametric bootstrap; Davison and Hinkley 1997, section 4.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermoscope.auditing.draws import Draws, Floats
from thermoscope.auditing.tails import unlisted

#: Simulated sets of draws.
REPLICATES = 1000
#: The share of false calls that is read off the simulated sets; rarer ones are extrapolated from it.
_READ_OFF = 0.01
#: Temperatures of the grid, and how far it reaches on either side, as a factor.
_GRID, _REACH = 61, 3.0
#: Entries (sets x places x tokens) that are worked on at once.
_CHUNK = 4_000_000
_TIE = 1e-6


@dataclass(frozen=True, slots=True)
class Null:
    """What two statistics are where nothing is truncated and the temperature is the one that is assumed.

    Attributes
    ----------
    truncation
        Twice the log-likelihood ratio of the best truncation to none, of each simulated set, ascending.
    temperature
        Twice the log-likelihood ratio of the best temperature to the assumed one, ascending.
    """

    truncation: Floats
    temperature: Floats

    def truncation_threshold(self, alpha: float = _READ_OFF) -> float:
        """Above it a truncation is called; at most ``alpha`` of the calls are false."""
        return _threshold(self.truncation, alpha)

    def temperature_threshold(self, alpha: float = _READ_OFF) -> float:
        """Above it another temperature is called; at most ``alpha`` of the calls are false."""
        return _threshold(self.temperature, alpha)


def simulate(draws: Draws, temperature: float, *, replicates: int = REPLICATES, seed: int = 0) -> Null:
    """Simulate as many draws at the same places, untruncated, at one temperature.

    Parameters
    ----------
    draws
        Their places and numbers are used, not what was drawn.
    temperature
        That of the simulated draws.
    replicates
        How many sets of draws.
    seed
        Of the simulation: the same seed gives the same thresholds.
    """
    used = draws.counts.sum(axis=1) > 0
    depth = draws.depth[used]
    if not len(depth):
        return Null(np.zeros(replicates), np.zeros(replicates))
    numbers = draws.counts[used].sum(axis=1).astype(np.int64)
    grid = temperature * np.geomspace(1 / _REACH, _REACH, _GRID)
    tables = _Tables(depth, unlisted(draws, grid)[:, used], numbers, grid)
    weights = np.exp(depth / temperature)
    shares = weights / weights.sum(axis=1, keepdims=True)
    rng = np.random.default_rng(seed)
    truncation, moved = [], []
    chunk = max(1, _CHUNK // depth.size)
    for start in range(0, replicates, chunk):
        many = min(chunk, replicates - start)
        counts = np.stack([rng.multinomial(n, row, size=many) for n, row in zip(numbers, shares, strict=True)], axis=1)
        of_truncation, of_temperature = tables.statistics(counts)
        truncation.append(of_truncation)
        moved.append(of_temperature)
    return Null(np.sort(np.concatenate(truncation)), np.sort(np.concatenate(moved)))


def _threshold(values: Floats, alpha: float) -> float:
    """The value that a share ``alpha`` exceeds.

    Of shares below one in a hundred a thousand sets hold too few: the tail is taken to fall as exp(-x / 2), as it does
    for twice a log-likelihood ratio.
    """
    read = max(alpha, _READ_OFF)
    place = min(math.ceil((1 - read) * (len(values) + 1)), len(values)) - 1
    return float(values[place]) + 2 * math.log(read / alpha)


class _Tables:
    """Log-partition functions along a grid of temperatures, summed over all draws, of everything that can be kept."""

    def __init__(self, depth: Floats, rest: Floats, numbers: NDArray[np.int64], grid: Floats) -> None:
        self._grid = grid
        self._depth = np.where(np.isfinite(depth), depth, 0.0)
        with np.errstate(divide="ignore"):
            scaled = np.exp(depth[:, :, None] / grid)  # (P, K, G)
        sums = np.cumsum(scaled, axis=1)
        grown = np.diff(np.log(sums), axis=1, prepend=0.0) * numbers[:, None, None]
        self._none = grown.sum(axis=(0, 1))
        before = (sums - scaled) / (sums[:, -1] + rest.T)[:, None, :]
        places = np.broadcast_to(np.arange(float(depth.shape[1])), depth.shape)
        self._families = (
            _Family.of(places[:, :, None], grown, 0.5),
            _Family.of(-depth[:, :, None], grown, _TIE),
            _Family.of(before, grown, 1e-12),
        )

    def statistics(self, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Both statistics of sets of draws (B, P, K)."""
        there = counts > 0
        last = counts.shape[2] - 1 - there[:, :, ::-1].argmax(axis=2)  # (B, P)
        sums = np.einsum("bpk,pk->b", counts, self._depth)[:, None] / self._grid  # (B, G)
        none = sums - self._none
        best = none.max(axis=1)
        fits = [(sums - family.totals_of(last)).max(axis=1) for family in self._families]
        return 2 * (np.max(fits, axis=0) - best), 2 * (best - none[:, _GRID // 2])


@dataclass(frozen=True, slots=True)
class _Family:
    """What a truncation keeps: the tokens of all places in the order in which looser values let them in.

    Attributes
    ----------
    order : array (P, K, G) or (P, K, 1)
        Where in that order each token is.
    totals : array (P K, G)
        The log-partition functions, summed over the draws, where it is the last one that is kept.
    """

    order: NDArray[np.int64]
    totals: Floats

    @classmethod
    def of(cls, keys: Floats, grown: Floats, tie: float) -> _Family:
        """From each token's key, which a value keeps up to some bound, and by how much it grows the totals."""
        flat = np.ascontiguousarray(keys.reshape(-1, keys.shape[2]).T)  # (1 or G, P K)
        order = np.argsort(flat, axis=1, kind="stable")
        ascending = np.take_along_axis(flat, order, axis=1)
        ends = np.stack([np.searchsorted(row, row + tie, side="right") - 1 for row in ascending])
        sums = np.cumsum(np.take_along_axis(grown.reshape(-1, grown.shape[2]).T, order, axis=1), axis=1)
        places = np.argsort(order, axis=1)
        return cls(places.T.reshape(keys.shape), np.take_along_axis(sums, ends, axis=1).T)

    def totals_of(self, last: NDArray[np.int64]) -> Floats:
        """(B, G) the totals of the tightest value that keeps the last tokens (B, P) that were drawn."""
        loosest = self.order[np.arange(last.shape[1]), last].max(axis=1)
        along = loosest.shape[1] > 1
        found: Floats = np.take_along_axis(self.totals, loosest, axis=0) if along else self.totals[loosest[:, 0]]
        return found
