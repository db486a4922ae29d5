"""Measures as functions of temperature: from spectra, exact, without a grid.

A text changes only at the breakpoints of its spectrum, so every measure of it is a step function of temperature, and so
is the mean over the spectra of several prompts and seeds, on the union of their breakpoints.
"""

from __future__ import annotations

import json
import warnings
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from thermoscope.decode.spectrum import Spectrum
from thermoscope.errors import InputError
from thermoscope.metrics.registry import TEXT_MEASURES
from thermoscope.metrics.texts import Texts

#: The band holds the values of the spectra between these quantiles.
BAND = (0.1, 0.9)


@dataclass(frozen=True, slots=True)
class StepFunction:
    """One measure over temperature: piece i holds for temperatures ``(borders[i], borders[i + 1]]``.

    Attributes
    ----------
    mean
        The mean over the spectra whose text has the measure there; None where none has.
    low, high
        The 10th and 90th percentile over them (linear between values); None where fewer than two have it.
    count
        How many have it.
    """

    name: str
    mean: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    count: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StepMeasures:
    """Measures over temperature, from ``step_measures``.

    Attributes
    ----------
    borders
        The n + 1 temperatures between which the n pieces are, ascending.
    functions
        One per measure, by name.
    spectra
        How many spectra.
    exact_share
        The least share of the range at which a spectrum is exact: 1 if nothing was merged.
    """

    borders: tuple[float, ...]
    functions: Mapping[str, StepFunction]
    spectra: int
    exact_share: float

    def __call__(self, temperature: float) -> dict[str, float | None]:
        """The mean of every measure at a temperature, by name.

        Raises
        ------
        InputError
            The temperature is outside the range.
        """
        if not self.borders[0] <= temperature <= self.borders[-1]:
            raise InputError(
                f"a temperature must be in the range {self.borders[0]:g} to {self.borders[-1]:g}; got {temperature:g}; "
                "make spectra of a wider range"
            )
        piece = max(bisect_left(self.borders, temperature) - 1, 0)
        return {name: function.mean[piece] for name, function in self.functions.items()}

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        return {
            "format": "thermoscope.step_measures/1",
            "spectra": self.spectra,
            "exact_share": self.exact_share,
            "band": list(BAND),
            "borders": list(self.borders),
            "measures": {name: asdict(function) for name, function in self.functions.items()},
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """``to_dict`` as JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)


def step_measures(spectra: Spectrum | Sequence[Spectrum], names: Iterable[str] | None = None) -> StepMeasures:
    """Measures of one text (``metrics.registry``) as exact step functions of temperature.

    Parameters
    ----------
    spectra
        Spectra of several prompts and seeds, over the same range.
    names
        Which measures; by default all of one text.

    Raises
    ------
    InputError
        There is no spectrum, their ranges differ, or a measure is unknown.
    """
    given = [spectra] if isinstance(spectra, Spectrum) else list(spectra)
    if not given:
        raise InputError("spectra must not be empty; give at least one")
    ranges = sorted({(s.low, s.high) for s in given})
    if len(ranges) > 1:
        raise InputError(
            f"spectra must have one range of temperatures; got {ranges[0]} and {ranges[1]}; cut them alike"
        )
    chosen = list(TEXT_MEASURES if names is None else names)
    for name in chosen:
        if name not in TEXT_MEASURES:
            raise InputError(f"unknown measure {name!r}; the measures are {', '.join(TEXT_MEASURES)}")
    borders = sorted(
        {given[0].low, given[0].high, *(leaf.high for s in given for leaf in s.leaves if leaf.high > s.low)}
    )
    middles = [a + (b - a) / 2 for a, b in pairwise(borders)]
    texts = [Texts.from_samples([s.sample(leaf) for leaf in s.leaves]) for s in given]
    places = [np.searchsorted([leaf.high for leaf in s.leaves], middles) for s in given]  # (n,) numbers of leaves
    functions = {}
    for name in chosen:
        values = np.empty((len(given), len(middles)))  # (S, n)
        for row, (leaves, place) in enumerate(zip(texts, places, strict=True)):
            of_leaves = np.empty(len(leaves))
            of_leaves[leaves.order] = TEXT_MEASURES[name].of(leaves)
            values[row] = of_leaves[place]
        functions[name] = _function(name, values)
    return StepMeasures(tuple(borders), functions, len(given), min(s.exact_share for s in given))


def _function(name: str, values: np.ndarray[Any, np.dtype[np.float64]]) -> StepFunction:
    """Mean and band of the values (S, n) of S spectra on n pieces; NaN is unknown."""
    count = np.isfinite(values).sum(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pieces where nothing is known
        values = np.where(np.isfinite(values), values, np.nan)
        mean = np.nanmean(values, axis=0)
        low, high = np.nanquantile(values, BAND, axis=0)
    few = count < 2
    return StepFunction(
        name,
        _known(mean),
        _known(np.where(few, np.nan, low)),
        _known(np.where(few, np.nan, high)),
        tuple(count.tolist()),
    )


def _known(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float | None, ...]:
    return tuple(value if np.isfinite(value) else None for value in values.tolist())
