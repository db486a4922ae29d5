"""The rounds of a recommendation: what to run next, run it, look, drop what is clearly out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from thermoscope.decode.progress import Progress
from thermoscope.recommending.axes import Axes, Range, line_of
from thermoscope.recommending.bounds import Bound
from thermoscope.recommending.candidates import FIRST, STEP, first_candidates, line_through, proposals, refined
from thermoscope.recommending.folder import Folder
from thermoscope.recommending.judging import Judged, judged, pick_of
from thermoscope.recommending.objective import Objective
from thermoscope.recommending.planning import Layout, next_round
from thermoscope.recommending.recommendation import SearchRound
from thermoscope.recommending.unfinished import UnfinishedRun
from thermoscope.recommending.values import values_of
from thermoscope.runs.carry_out import carry_out
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.plan import Plan, plan_run
from thermoscope.runs.run import Run
from thermoscope.runs.store import Store
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.base import Source
from thermoscope.words import count

#: Looks at the data that are reckoned with from the beginning; a search with more has its own number.
LOOKS = 4
#: Tells how far it is: what is under way, tokens made so far, tokens that are planned.
Tell = Callable[[str, int, int], None]


@dataclass
class Search:
    """A search under way.

    Attributes
    ----------
    source, folder, measuring
        What makes texts, where they are kept, how they are measured.
    prompts, held_out
        Open and held-out prompts.
    axes, bounds, objective
        What is asked. ``bounds`` is called once the reference is needed.
    plan
        The layout of the budget.
    making
        Further arguments of every run: length, stop strings, rows.
    reference
        Gives the statistics of the reference.
    on_progress, on_stage, on_note
        As in ``recommend``.
    """

    source: Source
    folder: Folder
    measuring: Measuring
    prompts: tuple[str, ...]
    held_out: tuple[str, ...]
    axes: Axes
    bounds: Callable[[], tuple[Bound, ...]]
    objective: Objective
    plan: Layout
    making: dict[str, Any]
    reference: Callable[[], Any]
    on_progress: Tell | None = None
    on_stage: Callable[[str, int, int], None] | None = None
    on_note: Callable[[str], None] | None = None
    runs: list[Run] = field(default_factory=list)
    log: list[SearchRound] = field(default_factory=list)
    dropped: dict[SamplingParams, str] = field(default_factory=dict)
    spent: int = 0
    generating_s: float = 0.0
    reading_s: float = 0.0
    deciding_s: float = 0.0

    @property
    def tried(self) -> tuple[SamplingParams, ...]:
        """Every setting that was run on open prompts."""
        return tuple(dict.fromkeys(setting for run in self.runs for setting in run.settings))

    @property
    def used(self) -> tuple[str, ...]:
        """The open prompts that were used, in order."""
        there = {prompt for run in self.runs for prompt in run.plan.prompts}
        return tuple(prompt for prompt in self.prompts if prompt in there)

    def carry_on(self, on_range: Callable[[Judged], None]) -> Judged:
        """Go through the rounds until the budget is used up or nothing is left to learn.

        Stored rounds are not made again. ``on_range`` is called once the feasible range is known roughly.
        """
        stored = list(self.folder.runs("round"))
        judgement: Judged | None = None
        number = 0
        while True:
            number += 1
            name = f"round-{number}"
            if number <= len(stored):
                plan = Plan.from_dict(Store(stored[number - 1]).plan_record(), stored[number - 1])
                self.run(name, plan.settings, plan.prompts, plan.seeds)
            else:
                wanted = self._next(judgement, number)
                if wanted is None:
                    assert judgement is not None
                    return judgement
                self.run(name, *wanted)
            judgement = self.look()
            self._drop(judgement, number)
            if number == 1:
                on_range(judgement)

    def look(self) -> Judged:
        """What is known of everything that was tried."""
        began = time.perf_counter()
        values = values_of(self.runs, self.used, self.tried, self.objective)
        found = judged(values, self.axes, self.bounds(), self.objective, looks=max(LOOKS, len(self.runs)))
        self.deciding_s += time.perf_counter() - began
        return found

    def run(
        self,
        name: str,
        settings: Sequence[SamplingParams],
        prompts: Sequence[str],
        seeds: Sequence[int],
        *,
        keep: bool = True,
    ) -> Run:
        """Make one run, or go on with it, and measure it."""
        store = Store(self.folder.path / name)
        plan = plan_run(self.source, self.measuring.use_case, settings, prompts=prompts, seeds=seeds, **self.making)
        at, own = self.spent, plan.texts * self.plan.length
        last = not keep or self.objective.kind == "none"  # no round may follow that takes what is left of the budget
        planned = at + own + (self.plan.reserved if keep else 0) if last else max(self.plan.tokens, at + own)
        what = f"{name.replace('-', ' ')}, {count(len(settings), 'setting')} left: tokens"

        def tell(state: Progress) -> None:
            if self.on_progress is not None:
                self.on_progress(what, min(at + state.tokens, planned), planned)

        began, read_before = time.perf_counter(), self.reading_s
        carry_out(
            self.source, plan, store, self.measuring, on_progress=tell, on_stage=self.on_stage, on_note=self.on_note,
            reference=self._reading,
        )  # fmt: skip
        took = time.perf_counter() - began
        run = Run(store.folder)
        manifest = run.manifest
        generated = float(manifest["seconds_last"]["generating"]) if took > 0.2 else 0.0
        self.generating_s += min(generated, took)
        self.deciding_s += max(took - generated - (self.reading_s - read_before), 0.0)
        self.spent += int(manifest["tokens"])
        made = int(manifest["tokens"])
        left = len(settings)
        entry = SearchRound(name, str(store.folder), left, len(prompts), len(plan.seeds), plan.texts, made, left, "")
        self.log.append(entry)
        if keep:
            self.runs.append(run)
        return run

    def _reading(self) -> Any:
        """The statistics of the reference, and how long they took."""
        began = time.perf_counter()
        found = self.reference()
        self.reading_s += time.perf_counter() - began
        return found

    def add_unfinished(self, run: UnfinishedRun) -> None:
        """Take up what is there of a round that was interrupted."""
        made, plan = int(run.manifest["tokens"]), run.plan
        texts = run.texts().num_rows
        self.spent += made
        self.runs.append(run)
        settings, prompts = len(plan.settings), run.whole_prompts
        entry = SearchRound(
            run.folder.name, str(run.folder), settings, prompts, len(plan.seeds), texts, made, settings, ""
        )
        self.log.append(replace(entry, said="interrupted"))

    def _next(
        self, judgement: Judged | None, number: int
    ) -> tuple[Sequence[SamplingParams], Sequence[str], Sequence[int]] | None:
        """Settings, prompts and seeds of the next round; None where there is none."""
        seeds = range(self.plan.seeds)
        if judgement is None:
            return first_candidates(self.axes), self.prompts[: self.plan.prompts], seeds
        if number == 2 and (new := self._new(judgement)):
            first = self.runs[0].plan
            each = len(first.prompts) * len(first.seeds) * self.plan.length
            affordable = self.plan.left(self.spent) // each
            if new[:affordable]:
                return new[:affordable], first.prompts, first.seeds
        if (narrow := self._between(judgement)) and self.plan.left(self.spent) >= (
            len(narrow) * len(self.used) * self.plan.seeds * self.plan.length
        ):
            return narrow, self.used, seeds
        left = [setting for setting in self.tried if setting not in self.dropped]
        if len(left) < 2 or (self.objective.kind == "none" and number > 3):
            return None
        used = [max(len(run.plan.seeds) for run in self.runs)] * len(self.used)
        if self.used:
            used = [self._seeds_of(prompt) for prompt in self.used]
        wanted = next_round(self.plan, len(left), self.spent, len(self.prompts), used)
        if wanted is None:
            return None
        fresh, start = wanted
        if fresh:
            new_prompts = [prompt for prompt in self.prompts if prompt not in set(self.used)][:fresh]
            return left, new_prompts, seeds
        return left, self.used, range(start, start + self.plan.seeds)

    def _seeds_of(self, prompt: str) -> int:
        return max((max(run.plan.seeds) + 1 for run in self.runs if prompt in run.plan.prompts), default=0)

    def _new(self, judgement: Judged) -> list[SamplingParams]:
        """New settings for the second round: between those tried where the range is, or proposals and their lines."""
        if self.axes.proposed:
            found = list(proposals(self.axes, self._seen(judgement), FIRST // 2))
            if (best := pick_of(judgement)) is not None:
                found += line_through(self.axes, judgement.values.settings[best], [*self.tried, *found])
            return list(dict.fromkeys(found))
        ranges = []
        for line, known in judgement.ranges.items():
            if not known.feasible:
                continue
            there = [s.temperature for s in self.tried if line_of(s) == line]
            low = known.lower.temperature if known.lower.temperature is not None else min(there)
            high = known.upper.temperature if known.upper.temperature is not None else max(there)
            ranges.append((line, low, high))
        return [*refined(self.axes, self.tried, ranges), *self._between(judgement)]

    def _between(self, judgement: Judged) -> list[SamplingParams]:
        """The middle of each range that lies between two temperatures that were tried, unless it was tried too."""
        found = []
        for line, known in judgement.ranges.items():
            lower, upper = known.lower.temperature, known.upper.temperature
            if not known.feasible and lower is not None and upper is not None and lower < upper:
                found.append(line.replace(temperature=round((lower + upper) / 2, 2)))
        return [one for one in found if one not in self.tried and isinstance(self.axes.temperature, Range)]

    def _seen(self, judgement: Judged) -> dict[SamplingParams, tuple[float, float]]:
        """What optuna is told: the objective, and by how many bounds a setting is out."""
        sign = 1.0 if self.objective.higher_is_better else -1.0
        values = judgement.values
        with np.errstate(invalid="ignore"):
            means = [float(np.nanmean(column)) if np.isfinite(column).any() else 0.0 for column in values.objective.T]
        return {
            setting: (sign * mean, 1.0 if judgement.feasible[i] == "outside" else 0.0)
            for i, (setting, mean) in enumerate(zip(values.settings, means, strict=True))
        }

    def _drop(self, judgement: Judged, number: int) -> None:
        """Drop what is clearly out: beyond the range by more than a step, or beaten; take up what no longer is."""
        for i, setting in enumerate(judgement.values.settings):
            if setting in self.dropped:
                if "outside" in self.dropped[setting] and judgement.members[i]:
                    del self.dropped[setting]  # the range has moved: it gets more texts
                continue
            if judgement.feasible[i] == "outside":
                known = judgement.ranges[line_of(setting)]
                below = known.lower.temperature is not None and setting.temperature < known.lower.temperature - STEP
                above = known.upper.temperature is not None and setting.temperature > known.upper.temperature + STEP
                edgeless = known.lower.temperature is None and known.upper.temperature is None
                if below or above or (edgeless and not known.feasible):
                    self.dropped[setting] = f"round {number}: outside"
            elif not judgement.members[i]:
                self.dropped[setting] = f"round {number}: beaten"
        left = sum(1 for setting in self.tried if setting not in self.dropped)
        said = f"{count(left, 'setting')} left of {len(self.tried)}"
        self.log[-1] = replace(self.log[-1], left=left, said=said)
