"""Paired differences: those of a run as they are stored, and those between two runs that share prompts and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from thermoscope.metrics.ragged import Array
from thermoscope.metrics.registry import as_scored
from thermoscope.report.records.measures import by_summary, shown
from thermoscope.report.records.schema import Difference, Differences, Setting, Told
from thermoscope.report.records.source import Row, Source
from thermoscope.statistics.bootstrap import paired
from thermoscope.words import count


def stored(source: Source) -> tuple[Differences, ...]:
    """The differences between all pairs of settings of one run."""
    made = []
    for name in shown():
        rows = [row for row in source.differences if row["measure"] == name and row["effect"] is not None]
        if rows:
            kind: Literal["difference", "ratio"] = "ratio" if rows[0]["kind"] == "ratio" else "difference"
            pairs = tuple(_difference(row, row["setting_a"], row["setting_b"], kind) for row in rows)
            made.append(Differences(name, kind, pairs))
    return tuple(made)


def between(first: Source, second: Source, settings: Sequence[Setting]) -> tuple[tuple[Differences, ...], list[str]]:
    """The second run against the first at settings that belong together, and what limits that.

    Settings belong together if they are the same, or if they alone stand at the same place of the axis in their run.
    """
    prompts = [prompt for prompt in first.prompts if prompt in second.prompts]
    seeds = [seed for seed in first.seeds if seed in second.seeds]
    couples = _couples(settings)
    if not couples:
        return (), ["The runs have no setting in common, so no differences between them are paired."]
    if not prompts or not seeds:
        what = "prompt" if not prompts else "seed"
        return (), [f"The runs have no {what} in common, so no differences between them are paired."]
    offset = len(first.settings)
    chosen = np.array([(a, b) for a, b in couples])
    same_seeds = first.seeds == second.seeds
    made = []
    for name in shown():
        if (
            not same_seeds and by_summary()[name].level != "text"
        ):  # taken over all seeds of a run, and they grow with them
            continue
        cubes = [_cube(source, name, prompts, seeds) for source in (first, second)]
        if any(cube is None for cube in cubes):
            continue
        both = np.concatenate([cubes[0], cubes[1]], axis=2)
        m = as_scored(by_summary()[name], both)
        found = paired(both, chosen, m.scale, m.bounds)
        kind: Literal["difference", "ratio"] = "ratio" if m.scale == "log" else "difference"
        columns = {n: getattr(found, n) for n in ("low", "high", "band_low", "band_high", "units", "texts")}
        pairs = tuple(
            _difference(
                {"effect": found.mean[i], **{n: _known(values[i]) for n, values in columns.items()}}, a, b, kind
            )
            for i, (a, b) in enumerate(couples)
            if not np.isnan(found.mean[i])
        )
        if pairs:
            made.append(Differences(name, kind, pairs))
    notes = []
    for name, kept, counts in (
        ("prompt", prompts, (len(first.prompts), len(second.prompts))),
        ("seed", seeds, (len(first.seeds), len(second.seeds))),
    ):
        if len(kept) < max(counts):
            of = f"of {counts[0]} and {counts[1]}"
            notes.append(f"Differences are over the {count(len(kept), name)} that both runs have ({of}).")
    if not same_seeds:
        notes.append("Measures over several samples of a prompt (self_bleu, ...) are not paired: the seeds differ.")
    if len(couples) < max(offset, len(settings) - offset):
        have = "has" if len(couples) == 1 else "have"
        notes.append(f"{count(len(couples), 'setting')} of the one run {have} a counterpart in the other.")
    if first.limit != second.limit:
        notes.append(
            f"The texts differ in length (at most {first.limit} and {second.limit} tokens), which measures depend on."
        )
    if first.model != second.model:
        notes.append(
            "Each model's perplexity and entropy are its own word on its own texts; tokens may differ as well."
        )
    return tuple(made), notes


def _couples(settings: Sequence[Setting]) -> list[tuple[int, int]]:
    ours = [i for i, setting in enumerate(settings) if setting.run == 0]
    theirs = [i for i, setting in enumerate(settings) if setting.run == 1]
    by_id = {settings[i].id: i for i in theirs}

    def alone(places: Sequence[int], x: float | None) -> int | None:
        there = [i for i in places if settings[i].x == x]
        return there[0] if x is not None and len(there) == 1 else None

    couples = []
    for i in ours:
        other = by_id.get(settings[i].id)
        if other is None and alone(ours, settings[i].x) is not None:
            other = alone(theirs, settings[i].x)
        if other is not None:
            couples.append((i, other))
    return couples


def _cube(source: Source, name: str, prompts: Sequence[str], seeds: Sequence[int]) -> Array | None:
    """(P, S, F) values of a measure at shared prompts and seeds; NaN where unknown; None for measures of settings."""
    m = by_summary()[name]
    prompt_at = {source.prompts.index(prompt): i for i, prompt in enumerate(prompts)}
    if m.level == "text":
        seed_at = {source.seeds.index(seed): i for i, seed in enumerate(seeds)}
        values = np.full((len(prompts), len(seeds), len(source.settings)), np.nan)
        for text in source.texts:
            value = text.measures.get(m.name)
            if value is not None and text.prompt in prompt_at and text.seed in seed_at:
                values[prompt_at[text.prompt], seed_at[text.seed], text.setting] = value
    elif m.level == "group":
        values = np.full((len(prompts), 1, len(source.settings)), np.nan)
        for row in source.groups:
            if row.get(name) is not None and row["prompt"] in prompt_at:
                values[prompt_at[row["prompt"]], 0, row["setting"]] = row[name]
    else:
        return None
    return None if np.isnan(values).all() else values


def _difference(row: Row | dict[str, Any], a: int, b: int, kind: Literal["difference", "ratio"]) -> Difference:
    low, high, neutral = row["band_low"], row["band_high"], 1.0 if kind == "ratio" else 0.0
    told: Told = "can't be told"
    if low is None or high is None:
        told = "unknown"
    elif low > neutral:
        told = "higher"
    elif high < neutral:
        told = "lower"
    return Difference(
        a=a,
        b=b,
        effect=float(row["effect"]),
        low=row["low"],
        high=row["high"],
        band_low=low,
        band_high=high,
        units=int(row["units"]),
        texts=int(row["texts"]),
        told=told,
    )


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value.item()
