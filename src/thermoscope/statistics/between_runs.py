"""Paired differences between two runs that share prompts and seeds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from thermoscope.metrics.ragged import Array
from thermoscope.metrics.registry import Measure, as_scored
from thermoscope.statistics.bootstrap import paired


class TextValues(Protocol):
    """One text: its place among the prompts, settings and seeds of its run, and its measures by name."""

    @property
    def prompt(self) -> int: ...  # noqa: D102
    @property
    def setting(self) -> int: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def measures(self) -> Mapping[str, float | None]: ...  # noqa: D102


class RunValues(Protocol):
    """A run's measures: of each text, and of each group of texts (rows with ``prompt`` and ``setting``)."""

    @property
    def prompts(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def settings(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def seeds(self) -> Sequence[int]: ...  # noqa: D102
    @property
    def texts(self) -> Sequence[TextValues]: ...  # noqa: D102
    @property
    def groups(self) -> Sequence[Mapping[str, Any]]: ...  # noqa: D102


def counterparts(
    first: Sequence[tuple[Hashable, float | None]], second: Sequence[tuple[Hashable, float | None]]
) -> list[tuple[int, int]]:
    """Pairs of settings of two runs that are compared.

    They are the same setting, or each is the only one of its run at the same place on the axis, or of its run.

    Parameters
    ----------
    first, second
        For each setting of a run what identifies it, and its value on the axis (None if it has none).
    """
    if len(first) == len(second) == 1:
        return [(0, 0)]
    by_identity = {identity: i for i, (identity, _) in enumerate(second)}

    def only(settings: Sequence[tuple[Hashable, float | None]], x: float | None) -> int | None:
        there = [i for i, (_, own) in enumerate(settings) if own == x]
        return there[0] if x is not None and len(there) == 1 else None

    pairs = []
    for i, (identity, x) in enumerate(first):
        other = by_identity.get(identity)
        if other is None and only(first, x) is not None:
            other = only(second, x)
        if other is not None:
            pairs.append((i, other))
    return pairs


def shared(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    """What both have, in the order of the first."""
    return [value for value in first if value in second]


def differences(
    first: RunValues, second: RunValues, pairs: Sequence[tuple[int, int]], measures: Sequence[Measure]
) -> list[dict[str, Any]]:
    """The second run against the first, over the prompts and seeds that both have.

    Parameters
    ----------
    first, second
        The runs.
    pairs
        Settings (of the first run, of the second), from ``counterparts``.
    measures
        What is compared. Measures over several samples of a prompt are left out where the runs' seeds differ, since
        their values depend on how many samples there are.

    Returns
    -------
    list of dict
        One row per measure and pair whose effect is known, as in the table of differences of one run: ``measure``,
        ``kind``, ``setting_a``, ``setting_b`` (counted on through both runs), ``effect``, ``low``, ``high``,
        ``band_low``, ``band_high``, ``units``, ``texts``, ``band_method``; None where unknown.
    """
    prompts, seeds = shared(first.prompts, second.prompts), shared(first.seeds, second.seeds)
    offset = len(first.settings)
    columns = np.array([(a, b + offset) for a, b in pairs], dtype=np.int64).reshape(-1, 2)
    rows: list[dict[str, Any]] = []
    for measure in measures if pairs and prompts and seeds else ():
        if measure.level != "text" and tuple(first.seeds) != tuple(second.seeds):
            continue
        cubes = [_cube(run, measure, prompts, seeds) for run in (first, second)]
        known = [cube for cube in cubes if cube is not None]
        if len(known) == 2:
            rows += _rows(measure, np.concatenate(known, axis=2), columns)
    return rows


def _rows(measure: Measure, values: Array, pairs: Array) -> list[dict[str, Any]]:
    """The differences of one measure, from values (P, S, F) at the settings of both runs."""
    scored = as_scored(measure, values)
    found = paired(values, pairs, scored.scale, scored.bounds)
    names = ("low", "high", "band_low", "band_high", "units", "texts")
    return [
        {
            "measure": measure.summary_name,
            "kind": "ratio" if scored.scale == "log" else "difference",
            "setting_a": a,
            "setting_b": b,
            "effect": float(found.mean[i]),
            **{name: _known(getattr(found, name)[i]) for name in names},
            "band_method": found.band_method,
        }
        for i, (a, b) in enumerate(pairs.tolist())
        if not np.isnan(found.mean[i])
    ]


def _cube(run: RunValues, measure: Measure, prompts: Sequence[str], seeds: Sequence[int]) -> Array | None:
    """(P, S, F) values at shared prompts and seeds, NaN where unknown; None if no value is known."""
    prompt_at = {list(run.prompts).index(prompt): i for i, prompt in enumerate(prompts)}
    if measure.level == "text":
        seed_at = {list(run.seeds).index(seed): i for i, seed in enumerate(seeds)}
        values = np.full((len(prompts), len(seeds), len(run.settings)), np.nan)
        for text in run.texts:
            value = text.measures.get(measure.name)
            if value is not None and text.prompt in prompt_at and text.seed in seed_at:
                values[prompt_at[text.prompt], seed_at[text.seed], text.setting] = value
    elif measure.level == "group":
        values = np.full((len(prompts), 1, len(run.settings)), np.nan)
        for row in run.groups:
            if row.get(measure.summary_name) is not None and row["prompt"] in prompt_at:
                values[prompt_at[row["prompt"]], 0, row["setting"]] = row[measure.summary_name]
    else:  # of all prompts together
        return None
    return None if np.isnan(values).all() else values


def _known(value: Any) -> Any:
    return None if np.isnan(value) else value.item()
