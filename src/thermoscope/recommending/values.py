"""What the runs of a recommendation have measured, as arrays: prompts by candidates.

Values of a prompt and setting are those of the ``groups`` tables; a setting that ran in several rounds has their mean,
weighted by texts. Groups are as large in every round, so that measures which depend on their size are comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermoscope.metrics.ragged import Array
from thermoscope.recommending.bounds import EDGES
from thermoscope.recommending.objective import Objective
from thermoscope.runs.run import Run
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.best_of import best_of

if TYPE_CHECKING:
    import pyarrow

#: What is read of the tables beside the objective; ``surprise`` is made of two.
MEASURES = ("loop_rate", "rep_4", "perplexity", "tempered_entropy", "drift", "entropy", "self_bleu")


@dataclass(frozen=True, slots=True)
class Values:
    """Measures of prompts (P) at settings (C).

    Attributes
    ----------
    prompts, settings
        What rows and columns are.
    measures
        (P, C) by measure, NaN where unknown; perplexity is its logarithm.
    objective
        (P, C) the objective; a distance is its logarithm. NaN throughout where there is none.
    texts
        (P, C) texts behind a value.
    """

    prompts: tuple[str, ...]
    settings: tuple[SamplingParams, ...]
    measures: dict[str, Array]
    objective: Array
    texts: Array

    def of(self, settings: Sequence[SamplingParams]) -> Values:
        """The same for some of the settings."""
        at = [self.settings.index(setting) for setting in settings]
        measures = {name: values[:, at] for name, values in self.measures.items()}
        return Values(self.prompts, tuple(settings), measures, self.objective[:, at], self.texts[:, at])


def values_of(
    runs: Sequence[Run], prompts: Sequence[str], settings: Sequence[SamplingParams], objective: Objective
) -> Values:
    """The values of some runs.

    Parameters
    ----------
    runs
        Complete runs.
    prompts, settings
        The rows and columns; runs that have others beside them are read in part.
    objective
        What is wanted.
    """
    row_of = {prompt: i for i, prompt in enumerate(prompts)}
    column_of = {setting.id: i for i, setting in enumerate(settings)}
    shape = (len(prompts), len(settings))
    names = [*MEASURES, *([objective.measure] if objective.measure else [])]
    sums, counts = ({name: np.zeros(shape) for name in dict.fromkeys(names)} for _ in range(2))
    texts = np.zeros(shape)
    for run in runs:
        table = run.groups()
        place = [row_of.get(run.plan.prompts[i], -1) for i in table["prompt_id"].to_pylist()]
        column = [column_of.get(name, -1) for name in table["setting_id"].to_pylist()]
        known = np.array([p >= 0 and c >= 0 for p, c in zip(place, column, strict=True)], dtype=bool)
        at = np.array(place)[known], np.array(column)[known]
        number = table["texts"].to_numpy()[known].astype(np.float64)
        np.add.at(texts, at, number)
        for name in sums:
            if name == "score" and objective.best_of > 1:
                found = _best_scores(run, objective.best_of)[known]
            else:
                found = _column(table, name)[known]
            if name == "perplexity" or (name == objective.measure and objective.scale == "log"):
                with np.errstate(divide="ignore", invalid="ignore"):
                    found = np.log(found)
            there = np.isfinite(found)
            np.add.at(sums[name], at, np.where(there, found, 0.0) * number)
            np.add.at(counts[name], at, np.where(there, number, 0.0))
    means = {name: np.where(counts[name] > 0, sums[name] / np.maximum(counts[name], 1e-9), np.nan) for name in sums}
    means["surprise"] = means["perplexity"] - means["entropy"]
    wanted = means[objective.measure] if objective.measure else np.full(shape, np.nan)
    measures = {name: means[name] for name in (*EDGES, "entropy", "self_bleu")}
    return Values(tuple(prompts), tuple(settings), measures, wanted, texts)


def _column(table: pyarrow.Table, name: str) -> Array:
    """A column of a table, NaN where it is null or missing."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    values: Array = np.array([np.nan if v is None else v for v in table[name].to_pylist()], dtype=np.float64)
    return values


def _best_scores(run: Run, of: int) -> Array:
    """For each row of the ``groups`` table the expected best score of so many of its texts."""
    table = run.measures()
    scores: dict[tuple[int, str], list[float]] = {}
    for prompt, setting, score in zip(
        table["prompt_id"].to_pylist(), table["setting_id"].to_pylist(), table["score"].to_pylist(), strict=True
    ):
        if score is not None:
            scores.setdefault((prompt, setting), []).append(score)
    groups = run.groups()
    keys = zip(groups["prompt_id"].to_pylist(), groups["setting_id"].to_pylist(), strict=True)
    return np.array([best_of(scores.get(key, []), of) for key in keys], dtype=np.float64)
