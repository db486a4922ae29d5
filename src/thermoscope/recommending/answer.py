"""From what was judged to the answer: confirmation on held-out prompts, variants, examples, sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thermoscope.language.saying import phrase, say
from thermoscope.metrics.ragged import Array
from thermoscope.recommending import sentences
from thermoscope.recommending.axes import family_of, line_name, line_of
from thermoscope.recommending.beside import Beside
from thermoscope.recommending.bounds import LOGS, Bound, bounds_of
from thermoscope.recommending.judging import Judged, distances, judged, pick_of
from thermoscope.recommending.objective import Objective
from thermoscope.recommending.recommendation import (
    Candidate,
    Confirmed,
    Estimate,
    ExampleText,
    FamilyCurve,
    OtherAdvice,
    Recommendation,
    Spent,
    TurningPoint,
)
from thermoscope.recommending.search import Search
from thermoscope.recommending.values import Values, values_of
from thermoscope.runs.run import Run
from thermoscope.settings.grid import label, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.best_of import best_of
from thermoscope.statistics.bootstrap import intervals, paired
from thermoscope.statistics.reference import Reference
from thermoscope.statistics.turning import turning_point

#: Characters of an example.
_EXAMPLE = 600
#: Margins of the bounds whose advice is told beside the one that held.
_MARGINS = {phrase("half the margin"): 0.5, phrase("twice the margin"): 2.0}


def labels(settings: Sequence[SamplingParams]) -> dict[SamplingParams, str]:
    """What each of some settings is called: by its temperature, and by what else it has that differs between them."""
    names = [name for name in varying(settings) if name != "temperature"]
    return {
        setting: label(setting, ("temperature", *(name for name in names if getattr(setting, name) is not None)))
        for setting in settings
    }


def confirm(search: Search, pick: SamplingParams, best: SamplingParams | None, beside: Sequence[Beside]) -> list[Run]:
    """Run the pick, the best and the settings beside them on held-out prompts, as far as that is not there yet.

    All settings have the same seeds in the same runs, since some measures depend on how many texts are compared.
    """
    wanted = list(dict.fromkeys([pick, *([best] if best else []), *(one.setting for one in beside)]))
    stored = [Run(folder) for folder in search.folder.runs("confirm")]
    prompts = stored[0].plan.prompts if stored else search.held_out[: search.plan.held_out]
    found = [search.run(run.folder.name, run.settings, run.plan.prompts, run.plan.seeds, keep=False) for run in stored]
    blocks = list(dict.fromkeys(run.plan.seeds for run in found)) or _blocks(search)
    for seeds in blocks:
        there = {setting for run in found if run.plan.seeds == seeds for setting in run.settings}
        if missing := [setting for setting in wanted if setting not in there]:
            found.append(search.run(f"confirm-{len(found) + 1}", missing, prompts, seeds, keep=False))
    return found


def _blocks(search: Search) -> list[tuple[int, ...]]:
    """The seeds of the confirmation's runs: as many in each as in a round where a measure depends on how many."""
    number = search.plan.confirm_seeds
    if search.objective.kind not in ("diversity", "reference"):
        return [tuple(range(number))]
    each = search.plan.seeds
    return [tuple(range(start, start + each)) for start in range(0, number - each + 1, each)]


def best_member(judgement: Judged, objective: Objective) -> SamplingParams | None:
    """The member of the set with the best mean; None without an objective."""
    at = [i for i in np.flatnonzero(judgement.members).tolist() if judgement.estimates[i].value is not None]
    if not at or not objective.measure:
        return None
    sign = 1.0 if objective.higher_is_better else -1.0
    return judgement.values.settings[max(at, key=lambda i: sign * (judgement.estimates[i].value or 0.0))]


def confirmed(
    runs: Sequence[Run],
    pick: SamplingParams,
    best: SamplingParams | None,
    beside: Sequence[Beside],
    bounds: Sequence[Bound],
    objective: Objective,
) -> tuple[Confirmed, ...]:
    """The settings on held-out prompts, each against the pick."""
    named = [Beside(phrase("the pick"), pick, "")]
    if best is not None and best != pick:
        named.append(Beside(phrase("the best on the open prompts"), best, ""))
    named += [one for one in beside if one.setting != pick]
    settings = [one.setting for one in named]
    prompts = list(dict.fromkeys(prompt for run in runs for prompt in run.plan.prompts))
    values = values_of(runs, prompts, list(dict.fromkeys(settings)), objective)
    at = [values.settings.index(setting) for setting in settings]
    objectives, differences = _estimates(values, at, objective)
    found = []
    for i, one in enumerate(named):
        means = _means(values, at[i])
        breaks = tuple(
            bound.measure for bound in bounds if (mean := means.get(bound.measure)) is not None and mean > bound.most
        )
        found.append(Confirmed(one.name, one.setting, one.source, objectives[i], differences[i], means, breaks))
    same = next((one for one in beside if one.setting == pick), None)
    if same is not None:  # what one would use without asking is the pick itself
        first = found[0]
        found[0] = Confirmed(
            say("the pick = {name}", name=same.name),
            pick,
            same.source,
            first.objective,
            first.difference,
            first.measures,
            first.breaks,
        )
    return tuple(found)


def _estimates(values: Values, at: Sequence[int], objective: Objective) -> tuple[list[Estimate], list[Estimate]]:
    nothing = [Estimate(None)] * len(at)
    if not objective.measure or np.isnan(values.objective).all():
        return nothing, nothing
    log = objective.scale == "log"
    scale = "linear" if log else objective.scale
    of = values.objective[:, None, :][:, :, list(at)]
    means = intervals(of, scale)
    objectives = [_estimate(means.mean, means.low, means.high, i, log=log) for i in range(len(at))]
    sign = 1.0 if objective.higher_is_better else -1.0
    pairs = np.array([(i, 0) for i in range(1, len(at))], dtype=np.int64).reshape(-1, 2)
    if not len(pairs):
        return objectives, nothing
    apart = paired(of * sign, pairs, "linear", family=len(pairs))
    return objectives, [
        Estimate(None), *(_estimate(apart.mean, apart.low, apart.high, i, log=False) for i in range(len(pairs)))
    ]  # fmt: skip


def _estimate(mean: Array, low: Array, high: Array, i: int, *, log: bool) -> Estimate:
    shown = [float(np.exp(v[i]) if log else v[i]) for v in (mean, low, high)]
    return Estimate(*(None if not np.isfinite(value) else value for value in shown))


def _means(values: Values, i: int) -> dict[str, float | None]:
    """Means of the measures at a setting; perplexity's is geometric."""
    found: dict[str, float | None] = {}
    for name, of in values.measures.items():
        known = of[:, i][np.isfinite(of[:, i])]
        if len(known):
            mean = float(known.mean())
            found[name] = float(np.exp(mean)) if name in LOGS else mean
    return found


def candidates(judgement: Judged, search: Search) -> tuple[Candidate, ...]:
    """Every setting that was tried, as records."""
    values, called = judgement.values, labels(judgement.values.settings)
    found = []
    for i, setting in enumerate(values.settings):
        by = judgement.beaten_by[i]
        found.append(
            Candidate(
                setting=setting,
                label=called[setting],
                line=line_name(setting, search.axes.base),
                family=family_of(setting, search.axes.base),
                feasible=judgement.feasible[i],
                objective=judgement.estimates[i],
                in_set=bool(judgement.members[i]),
                beaten_by="" if by is None else called[values.settings[by]],
                lead=judgement.leads[i],
                prompts=int((values.texts[:, i] > 0).sum()),
                texts=int(values.texts[:, i].sum()),
                measures=_means(values, i),
                dropped=search.dropped.get(setting, ""),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.line, one.setting.temperature)))


def variants(
    judgement: Judged, search: Search, reference: Reference | None, given: Mapping[str, float]
) -> tuple[OtherAdvice, ...]:
    """What the advice would be with stricter and looser bounds."""
    called = labels(judgement.values.settings)
    found = []
    for name, margin in _MARGINS.items():
        other = judged(judgement.values, search.axes, bounds_of(reference, given, margin=margin), search.objective)
        pick = pick_of(other)
        if pick is None:
            found.append(OtherAdvice(name, None, None, ""))
            continue
        setting = other.values.settings[pick]
        known = other.ranges[line_of(setting)]
        found.append(OtherAdvice(name, known.lower.temperature, known.upper.temperature, called[setting]))
    return tuple(found)


def turning(judgement: Judged, pick: SamplingParams | None) -> TurningPoint | None:
    """TURN's second opinion on the line of the pick (or the first); None where tempered entropies are unknown."""
    values = judgement.values
    line = next(iter(judgement.ranges)) if pick is None else line_of(pick)
    at = [i for i, setting in enumerate(values.settings) if line_of(setting) == line]
    at.sort(key=lambda i: values.settings[i].temperature)
    temperatures = [values.settings[i].temperature for i in at]
    found = turning_point(temperatures, values.measures["tempered_entropy"][:, at])
    if found is None:
        return None
    return TurningPoint(found.temperature, found.low, found.high, found.share, sentences.turning_sentence(found))


def families(judgement: Judged, search: Search) -> tuple[FamilyCurve, ...]:
    """The best expected objective of N candidates of each family, where there are several.

    A candidate outside the range counts as the worst that is feasible: trying it was a trial as well.
    """
    known = [
        (family_of(setting, search.axes.base), judgement.feasible[i], judgement.estimates[i].value)
        for i, setting in enumerate(judgement.values.settings)
    ]
    feasible = [value for _, state, value in known if state != "outside" and value is not None]
    names = list(dict.fromkeys(family for family, _, _ in known))
    if len(names) < 2 or not feasible:
        return ()
    sign = 1.0 if search.objective.higher_is_better else -1.0
    worst = min(sign * value for value in feasible)
    tried = {
        name: [
            worst if state == "outside" or value is None else sign * value
            for family, state, value in known
            if family == name
        ]
        for name in names
    }
    most = min(map(len, tried.values()))
    return tuple(
        FamilyCurve(name, len(values), tuple(sign * best_of(values, n) for n in range(1, most + 1)))
        for name, values in tried.items()
    )


def examples(judgement: Judged, search: Search, pick: SamplingParams | None) -> tuple[ExampleText, ...]:
    """Texts of one prompt at the pick, and at the nearest settings beyond both edges of its line."""
    called = labels(judgement.values.settings)
    wanted: list[tuple[str, SamplingParams]] = [] if pick is None else [(phrase("at the pick"), pick)]
    for line, known in judgement.ranges.items():
        if pick is not None and line != line_of(pick):
            continue
        there = sorted((s for s in judgement.values.settings if line_of(s) == line), key=lambda s: s.temperature)
        lower, upper = known.lower.temperature, known.upper.temperature
        below = [s for s in there if lower is not None and s.temperature < lower]
        above = [s for s in there if upper is not None and s.temperature > upper]
        if not known.feasible and not wanted:
            below, above = there[:1], there[-1:]
        if below:
            wanted.insert(0, (phrase("below the range"), below[-1]))
        if above:
            wanted.append((phrase("above the range"), above[0]))
        break
    prompt = search.used[0]
    return tuple(
        ExampleText(where, called[setting], prompt, text)
        for where, setting in wanted
        if (text := _text(search.runs, prompt, setting)) is not None
    )


def _text(runs: Sequence[Run], prompt: str, setting: SamplingParams) -> str | None:
    for run in runs:
        if prompt not in run.plan.prompts or setting not in run.settings:
            continue
        at = run.plan.prompts.index(prompt)
        for row in run.texts().select(["prompt_id", "setting_id", "text"]).to_pylist():
            if (row["prompt_id"], row["setting_id"]) == (at, setting.id):
                text = str(row["text"])
                return text if len(text) <= _EXAMPLE else f"{text[:_EXAMPLE]}…"
    return None


def answer(
    search: Search,
    judgement: Judged,
    runs: Sequence[Run],
    beside: Sequence[Beside],
    *,
    bounds: Sequence[Bound],
    reference: Reference | None,
    given: Mapping[str, float],
    said: Mapping[str, Any],
) -> Recommendation:
    """The answer.

    Parameters
    ----------
    search, judgement
        What was run on open prompts, and what it says.
    runs
        The confirmation; none where nothing is feasible or held out.
    beside
        Settings beside the pick.
    bounds, reference, given
        The bounds that held, and what they are made of.
    said
        Fields of the recommendation that are known already.
    """
    place = pick_of(judgement)
    pick = None if place is None else judgement.values.settings[place]
    best = best_member(judgement, search.objective)
    lower, upper = (None, None) if place is None else distances(judgement, place)
    found = confirmed(runs, pick, best, beside, bounds, search.objective) if runs and pick is not None else ()
    of_line = [] if pick is None else [judgement.ranges[line_of(pick)]]
    others = [known for known in judgement.ranges.values() if known not in of_line]
    tokens = sum(entry.tokens for entry in search.log)
    usage = search.source.usage
    plain: dict[str, Any] = {
        "verdict": "nothing feasible" if pick is None else "picked",
        "setting": pick,
        "label": "" if pick is None else str(pick),
        "kind": search.objective.kind,
        "objective": search.objective.name,
        "better": "higher" if search.objective.higher_is_better else "lower",
        "matters": search.objective.matters,
        "confidence": 0.95,
        "ranges": (*of_line, *others),
        "candidates": candidates(judgement, search),
        "pick_to_lower": lower,
        "pick_to_upper": upper,
        "confirmed": found,
        "turning": turning(judgement, pick),
        "families": families(judgement, search),
        "variants": variants(judgement, search, reference, given),
        "examples": examples(judgement, search, pick),
        "bounds": tuple(bound.said for bound in bounds if _known(judgement, bound)),
        "rounds": tuple(search.log),
        "spent": Spent(
            tokens=tokens,
            texts=sum(entry.texts for entry in search.log),
            generating_s=round(search.generating_s, 3),
            reading_s=round(search.reading_s, 3),
            deciding_s=round(search.deciding_s, 3),
            budget=str(said["budget"]),
            budget_tokens=search.plan.tokens,
            cost="" if usage is None or usage.cost is None else f"{usage.cost:.4f}",
        ),
    }
    rest = {name: value for name, value in said.items() if name != "budget"}
    made = Recommendation(**plain, **rest, finding=("", "", ""), details=(), not_seen=())
    return sentences.spoken(made)


def _known(judgement: Judged, bound: Bound) -> bool:
    return bool(np.isfinite(judgement.values.measures[bound.measure]).any())
