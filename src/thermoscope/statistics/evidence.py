"""Evidence: measures of many texts brought to numbers per setting, with intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from thermoscope.metrics.diversity import counts_of, zipf
from thermoscope.metrics.ragged import Array
from thermoscope.metrics.registry import ANY, MEASURES, Measure, as_scored
from thermoscope.metrics.table import group_values, nullable, setting_columns, text_values
from thermoscope.metrics.texts import Texts
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.bootstrap import Intervals, Scale, intervals, paired
from thermoscope.statistics.reference import DISTANCE, Reference, distances

if TYPE_CHECKING:
    import pyarrow

#: Differences between all pairs are taken for at most so many settings; beyond it between neighbours.
MOST_SETTINGS = 60
#: The slope of all texts but one prompt's is taken for at most so many prompts.
_MOST_JACKKNIFE = 200


@dataclass(frozen=True, slots=True)
class Cube:
    """A measure's values (P, S, F): prompts, seeds (one for measures of groups), settings; NaN where unknown.

    ``bounds`` are the least and the largest value that is possible.
    """

    name: str
    values: Array
    scale: Scale
    unit: str
    direction: str
    bounds: tuple[float, float] = ANY


class Evidence:
    """All measures of some texts.

    Parameters
    ----------
    texts
        The texts.
    reference
        Statistics of text written by people, if there are any.
    on_progress
        Told what is done, how many measures are done and how many there are.
    """

    def __init__(
        self,
        texts: Texts,
        reference: Reference | None = None,
        on_progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        def tell(name: str) -> None:
            if on_progress is not None:
                on_progress("measuring", list(MEASURES).index(name), len(MEASURES))

        self.texts, self.reference = texts, reference
        self.of_texts = text_values(texts, tell)
        self.of_groups = group_values(texts, self.of_texts, tell)
        if reference is not None:
            self.of_groups[DISTANCE.name] = distances(self.of_groups, reference)
        self.cubes = {cube.name: cube for m in (*MEASURES.values(), DISTANCE) if (cube := self._cube(m)) is not None}

    @property
    def settings(self) -> Sequence[Any]:
        """The settings, in order: SamplingParams, or names."""
        return self.texts.setting_names

    def _cube(self, m: Measure) -> Cube | None:
        texts = self.texts
        shape = (len(texts.prompt_names), len(texts.setting_names))
        if m.level == "text":
            place = np.arange(len(texts)) - np.repeat(np.cumsum(texts.groups) - texts.groups, texts.groups)
            values = np.full((shape[0], int(texts.groups.max(initial=1)), shape[1]), np.nan)
            values[texts.prompt_of, place, np.repeat(texts.group_setting, texts.groups)] = self.of_texts[m.name]
        elif m.level == "group":
            if m.name not in self.of_groups:
                return None
            values = np.full((shape[0], 1, shape[1]), np.nan)
            values[texts.group_prompt, 0, texts.group_setting] = self.of_groups[m.name]
        else:
            values = _zipf_pseudovalues(texts, shape)
        m = as_scored(m, values)
        return Cube(m.summary_name, values, m.scale, m.unit, m.direction, m.bounds)

    def settings_table(self) -> pyarrow.Table:
        """One row per measure and setting: mean, interval, band, how many prompts and texts are behind it."""
        parts = {name: intervals(cube.values, cube.scale, cube.bounds) for name, cube in self.cubes.items()}
        rows = len(self.settings)
        columns: dict[str, Any] = {"measure": [name for name in parts for _ in range(rows)]}
        columns |= _setting_part(list(self.settings) * len(parts))
        columns["unit"] = [cube.unit for cube in self.cubes.values() for _ in range(rows)]
        return _table(columns, "mean", list(parts.values()))

    def pairs(self) -> Array:
        """(J, 2) the settings that are compared."""
        count = len(self.settings)
        chosen = combinations(range(count), 2) if count <= MOST_SETTINGS else ((i, i + 1) for i in range(count - 1))
        return np.array(list(chosen), dtype=np.int64).reshape(-1, 2)

    def differences_table(self) -> pyarrow.Table:
        """One row per measure and pair of settings (a, b): b - a, or b / a on a log scale, same prompts and seeds."""
        pairs = self.pairs()
        parts = {name: paired(cube.values, pairs, cube.scale, cube.bounds) for name, cube in self.cubes.items()}
        columns: dict[str, Any] = {"measure": [name for name in parts for _ in pairs]}
        for side, which in (("a", 0), ("b", 1)):
            chosen = [self.settings[i] for i in pairs[:, which].tolist()] * len(parts)
            columns |= {f"{name}_{side}": column for name, column in _setting_part(chosen).items()}
        columns["kind"] = [
            "ratio" if self.cubes[name].scale == "log" else "difference" for name in parts for _ in pairs
        ]
        return _table(columns, "effect", list(parts.values()))


def _setting_part(settings: Sequence[Any]) -> dict[str, Any]:
    columns: dict[str, Any] = dict(setting_columns(settings))
    if settings and isinstance(settings[0], SamplingParams):
        return columns
    return {"setting": columns["setting"]}


def _table(columns: dict[str, Any], value: str, parts: Sequence[Intervals]) -> pyarrow.Table:
    import pyarrow as pa

    made = dict(columns)
    names = ("mean", "low", "high", "band_low", "band_high")
    for name in names:
        column = np.concatenate([getattr(part, name) for part in parts]) if parts else np.zeros(0)
        made[value if name == "mean" else name] = nullable(column)
    for name in ("units", "texts"):
        made[name] = pa.array(np.concatenate([getattr(part, name) for part in parts]), pa.int64())
    made["band_method"] = pa.array([part.band_method for part in parts for _ in part.mean], pa.string())
    return pa.table(made)


def _zipf_pseudovalues(texts: Texts, shape: tuple[int, int]) -> Array:
    """(P, 1, F) jackknife pseudo-values of the Zipf slope, which is of all prompts together and of none alone.

    The pseudo-value of prompt i is P z - (P - 1) z_i, where z_i is the slope without it (Tukey 1958); their mean is the
    slope corrected for its bias, and their spread is the slope's. With one prompt it is the slope itself.
    """
    values = np.full((shape[0], 1, shape[1]), np.nan)
    tokens = texts.tokens.joined(texts.groups)
    for setting in range(shape[1]):
        groups = np.flatnonzero(texts.group_setting == setting)
        ids = tokens.take(groups)
        if len(groups) == 1 or len(groups) > _MOST_JACKKNIFE:
            slope = zipf(counts_of(ids.values))
            if slope is not None and len(groups) == 1:
                values[texts.group_prompt[groups], 0, setting] = slope
            continue
        different, kind = np.unique(ids.values, return_inverse=True)
        counts = np.zeros((len(groups), len(different)), dtype=np.int64)
        np.add.at(counts, (np.repeat(np.arange(len(groups)), ids.lengths), kind), 1)
        total = counts.sum(axis=0)
        slopes = [zipf(total), *(zipf(total - own) for own in counts)]
        if None in slopes:
            continue
        all_, *without = np.array(slopes, dtype=np.float64)
        n = len(groups)
        values[texts.group_prompt[groups], 0, setting] = n * all_ - (n - 1) * np.array(without)
    return values


def effect(cube: Cube, a: int | None, b: int, *, family: int = 1) -> Mapping[str, float | int | None]:
    """Setting b's mean (a is None), or b against a, with interval and counts, None where unknown.

    ``family`` is as in ``bootstrap.paired``.
    """
    found = (
        intervals(cube.values[:, :, [b]], cube.scale, cube.bounds, family=family)
        if a is None
        else paired(cube.values, np.array([[a, b]]), cube.scale, cube.bounds, family=family)
    )

    def number(values: Array) -> float | None:
        return None if np.isnan(values[0]) else float(values[0])

    return {
        "effect": number(found.mean),
        "low": number(found.low),
        "high": number(found.high),
        "units": int(found.units[0]),
        "texts": int(found.texts[0]),
    }
