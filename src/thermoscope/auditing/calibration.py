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
    tables = _Tables(depth, draws.logprobs[used], draws.tail[used], grid)
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
    """Log-partition functions of every prefix of every place at every temperature of a grid."""

    def __init__(self, depth: Floats, logprobs: Floats, tail: Floats, grid: Floats) -> None:
        self._depth, self._grid = depth, grid
        with np.errstate(divide="ignore"):
            scaled = np.exp(depth[:, :, None] / grid)  # (P, K, G)
            self._partition = np.log(np.cumsum(scaled, axis=1))
        listed = np.isfinite(depth).sum(axis=1)
        self._listed = listed
        ends = logprobs[np.arange(len(depth)), listed - 1]
        rest = (tail / np.exp(ends))[:, None] * np.exp((ends - logprobs[:, 0])[:, None] / grid)
        self._before = (np.cumsum(scaled, axis=1) - scaled) / (scaled.sum(axis=1) + rest)[:, None, :]

    def statistics(self, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Both statistics of sets of draws (B, P, K)."""
        numbers = counts[0].sum(axis=1)
        there = counts > 0
        last = counts.shape[2] - 1 - there[:, :, ::-1].argmax(axis=2)  # (B, P)
        finite = np.where(np.isfinite(self._depth), self._depth, 0.0)
        sums = np.einsum("bpk,pk->b", counts, finite)[:, None] / self._grid  # (B, G)
        whole = np.broadcast_to(self._listed, last.shape)
        none = sums - self._totals(whole, numbers)
        best = none.max(axis=1)
        fits = [(sums - self._totals(sizes, numbers)).max(axis=1) for sizes in (self._top_k(last), self._min_p(last))]
        fits.append((sums - self._prefix_totals(last, numbers)).max(axis=1))
        return 2 * (np.max(fits, axis=0) - best), 2 * (best - none[:, _GRID // 2])

    def _totals(self, sizes: NDArray[np.int64], numbers: NDArray[np.int64]) -> Floats:
        """(B, G) the log-partition functions of kept prefixes (B, P), summed over the draws."""
        rows = np.arange(sizes.shape[1])
        found: Floats = np.einsum("bpg,p->bg", self._partition[rows, sizes - 1], numbers)
        return found

    def _top_k(self, last: NDArray[np.int64]) -> NDArray[np.int64]:
        most: NDArray[np.int64] = np.minimum(last.max(axis=1, keepdims=True) + 1, self._listed)
        return most

    def _min_p(self, last: NDArray[np.int64]) -> NDArray[np.int64]:
        cut = self._depth[np.arange(last.shape[1]), last].min(axis=1)
        sizes: NDArray[np.int64] = (self._depth[None] >= cut[:, None, None] - _TIE).sum(axis=2)
        return sizes

    def _prefix_totals(self, last: NDArray[np.int64], numbers: NDArray[np.int64]) -> Floats:
        rows = np.arange(last.shape[1])
        p = self._before[rows, last].max(axis=1)  # (B, G)
        found = np.zeros(p.shape)
        apart = 2.0 * np.arange(_GRID)  # shares are at most 1: the columns follow one another as one ascending row
        for row in rows:
            listed = self._listed[row]
            columns = (self._before[row, :listed].T + apart[:, None]).ravel()
            sizes = np.searchsorted(columns, p + 1e-12 + apart, side="right") - listed * np.arange(_GRID)
            found += numbers[row] * np.take_along_axis(self._partition[row], sizes - 1, axis=0)
        return found
