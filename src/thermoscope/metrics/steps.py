"""Measures as functions of temperature: from spectra, exact, without a grid.

A text changes only at the breakpoints of its spectrum, so every measure of it is a step function of temperature, and so
is the mean over the spectra of several prompts and seeds, on the union of their breakpoints. The same holds for
measures of the texts of one prompt together, one text for each seed.
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

from thermoscope.errors import InputError
from thermoscope.metrics.ragged import Array, Ragged
from thermoscope.metrics.registry import MEASURES, TEXT_MEASURES, Measure
from thermoscope.metrics.texts import Texts, common_length
from thermoscope.spectra.spectrum import Spectrum

#: The band holds the values of the spectra between these quantiles.
BAND = (0.1, 0.9)
#: Measures of one text, as far as they are step functions of temperature.
STEPWISE_MEASURES = MEASURES.where(lambda m: m.name in TEXT_MEASURES and m.stepwise)
#: Measures of the texts of one prompt together, as far as they are step functions of temperature.
GROUP_MEASURES = MEASURES.where(lambda m: m.level == "group" and not m.needs and m.stepwise)
#: Tokens that are measured at a time.
_MOST_TOKENS = 1 << 20


@dataclass(frozen=True, slots=True)
class StepFunction:
    """One measure over temperature: piece i holds for temperatures ``(borders[i], borders[i + 1]]``.

    Attributes
    ----------
    mean
        The mean over the spectra whose text has the measure there; None where none has. Of a measure of the texts of
        one prompt together, the mean over prompts. Perplexity is averaged as its logarithm.
    low, high
        The 10th and 90th percentile over them (linear between values); None where fewer than two have it.
    count
        How many spectra, or prompts, have it.
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
    """Measures (``metrics.registry``) as exact step functions of temperature.

    Parameters
    ----------
    spectra
        Spectra of several prompts and seeds, over the same range.
    names
        Which measures; by default all of one text (``STEPWISE_MEASURES``), and, where a prompt has several seeds, all
        of a prompt's texts together (``GROUP_MEASURES``).

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
    by_prompt: dict[str, list[Spectrum]] = {}
    for spectrum in given:
        by_prompt.setdefault(spectrum.prompt, []).append(spectrum)
    known: Mapping[str, Measure] = {**STEPWISE_MEASURES, **GROUP_MEASURES}
    usual = known if any(len(of_prompt) > 1 for of_prompt in by_prompt.values()) else STEPWISE_MEASURES
    chosen = list(usual if names is None else names)
    for name in chosen:
        if name not in known:
            raise InputError(f"unknown measure {name!r}; the measures are {', '.join(known)}")
    borders = sorted(
        {given[0].low, given[0].high, *(leaf.high for s in given for leaf in s.leaves if leaf.high > s.low)}
    )
    middles = np.array([a + (b - a) / 2 for a, b in pairwise(borders)])
    of_one = [STEPWISE_MEASURES[name] for name in chosen if name in STEPWISE_MEASURES]
    of_many = [GROUP_MEASURES[name] for name in chosen if name in GROUP_MEASURES]
    rows = [_of_texts(spectrum, middles, of_one) for spectrum in given] if of_one else []
    groups = [_of_groups(of_prompt, middles, of_many) for of_prompt in by_prompt.values()] if of_many else []
    values = {m.name: np.stack([row[i] for row in rows]) for i, m in enumerate(of_one)}
    values |= {m.name: np.stack([group[i] for group in groups]) for i, m in enumerate(of_many)}
    functions = {name: _function(name, values[name], known[name].scale) for name in chosen}
    return StepMeasures(tuple(borders), functions, len(given), min(s.exact_share for s in given))


def _places(spectrum: Spectrum, temperatures: Array) -> Array:
    """Which leaf holds at each temperature."""
    places: Array = np.searchsorted([leaf.high for leaf in spectrum.leaves], temperatures)
    return places


def _of_texts(spectrum: Spectrum, temperatures: Array, measures: Sequence[Measure]) -> Array:
    """Measures of the text at each of n temperatures: (M, n)."""
    texts = Texts.from_samples([spectrum.sample(leaf) for leaf in spectrum.leaves])
    of_leaves = np.empty((len(measures), len(texts)))
    for row, measure in zip(of_leaves, measures, strict=True):
        row[texts.order] = measure.of(texts)
    values: Array = of_leaves[:, _places(spectrum, temperatures)]
    return values


def _of_groups(spectra: Sequence[Spectrum], temperatures: Array, measures: Sequence[Measure]) -> Array:
    """Measures of the texts that the spectra of one prompt have at each of n temperatures: (M, n)."""
    samples = [spectrum.sample(leaf) for spectrum in spectra for leaf in spectrum.leaves]
    first = np.cumsum([0, *(len(spectrum.leaves) for spectrum in spectra)])
    places = np.stack([_places(s, temperatures) + start for s, start in zip(spectra, first, strict=False)], axis=1)
    new = np.append(True, (places[1:] != places[:-1]).any(axis=1))  # (n,) where some text is another
    groups = places[new]
    tokens = Ragged.of([sample.text_token_ids for sample in samples], np.int64)
    at_a_time = max(1, _MOST_TOKENS // max(1, len(spectra) * int(tokens.lengths.max(initial=1))))
    parts = []
    for start in range(0, len(groups), at_a_time):
        rows = groups[start : start + at_a_time]
        texts = Texts(
            tokens=tokens.take(rows.ravel()),
            strings=[samples[i].text for i in rows.ravel().tolist()],
            prompts=[spectra[0].prompt] * rows.size,
            settings=np.repeat(np.arange(len(rows)), len(spectra)).tolist(),
            length=common_length(samples),
        )
        parts.append(np.stack([measure.of(texts) for measure in measures]))
    values: Array = np.concatenate(parts, axis=1)[:, np.cumsum(new) - 1]
    return values


def _function(name: str, values: np.ndarray[Any, np.dtype[np.float64]], scale: str) -> StepFunction:
    """Mean and band of the values (S, n) of S spectra on n pieces, as the measure is averaged; NaN is unknown."""
    log = scale == "log"
    if log:  # an infinite perplexity is unknown, as everywhere
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(values)
    count = np.isfinite(values).sum(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pieces where nothing is known
        values = np.where(np.isfinite(values), values, np.nan)
        mean = np.nanmean(values, axis=0)
        low, high = np.nanquantile(values, BAND, axis=0)
    if log:
        mean, low, high = np.exp(mean), np.exp(low), np.exp(high)
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
