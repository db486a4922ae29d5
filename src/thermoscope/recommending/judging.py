"""What the statistics say of the values: feasible range, set, what is dropped, the pick, and second opinions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermoscope.language.saying import say
from thermoscope.metrics.ragged import Array
from thermoscope.recommending.axes import Axes, family_of, line_name, line_of
from thermoscope.recommending.bounds import EDGES, LOGS, Bound
from thermoscope.recommending.objective import Objective
from thermoscope.recommending.recommendation import Estimate, Feasible, FeasibleRange, RangeCurve, RangeEdge, RangePoint
from thermoscope.recommending.values import Values
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import TRUNCATIONS
from thermoscope.statistics.bootstrap import intervals, paired
from thermoscope.words import joined, short


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of the settings that were tried.

    Attributes
    ----------
    values
        What it is known from.
    ranges
        The feasible range of each line, by the setting that the line has at temperature 1.
    feasible
        Of each setting whether it keeps the bounds.
    members
        (C,) bool: the settings that no other feasible one beats.
    estimates
        Of each setting the objective's mean with its simultaneous interval.
    beaten_by, leads
        Of each setting the one that beats it most clearly (None if none does), and by how much.
    told_apart
        Whether any two feasible settings differ by more than what matters.
    objective
        What is wanted.
    """

    values: Values
    ranges: dict[SamplingParams, FeasibleRange]
    feasible: tuple[Feasible, ...]
    members: Array
    estimates: tuple[Estimate, ...]
    beaten_by: tuple[int | None, ...]
    leads: tuple[Estimate, ...]
    told_apart: bool
    objective: Objective


#: By the number of looks, by what the error of each is divided (Pocock 1977, table 1, two-sided 0.05): less than by
#: their number, since the data of one look are part of the next one's. From six looks on it is divided by their number.
_POCOCK = {1: 1.0, 2: 1.70, 3: 2.26, 4: 2.75, 5: 3.16}


def judged(values: Values, axes: Axes, bounds: Sequence[Bound], objective: Objective, *, looks: int = 1) -> Judged:
    """What is known after some rounds.

    Parameters
    ----------
    values, axes, bounds, objective
        What was measured, what varies, and what is wanted.
    looks
        How often the data are looked at in all, at most: every look has the same stricter level (Pocock 1977), so that
        all settings that are ever called beaten are so at the declared confidence.
    """
    ranges: dict[SamplingParams, FeasibleRange] = {}
    feasible: list[Feasible] = ["outside"] * len(values.settings)
    for line in dict.fromkeys(map(line_of, values.settings)):
        at = [i for i, setting in enumerate(values.settings) if line_of(setting) == line]
        at.sort(key=lambda i: values.settings[i].temperature)
        ranges[line], states = _range(values, at, bounds, axes)
        for i, state in zip(at, states, strict=True):
            feasible[i] = state
    return _with_set(values, ranges, tuple(feasible), objective, looks)


def _range(
    values: Values, at: Sequence[int], bounds: Sequence[Bound], axes: Axes
) -> tuple[FeasibleRange, list[Feasible]]:
    temperatures = [values.settings[i].temperature for i in at]
    curves, edges = [], {"lower": [], "upper": []}  # type: ignore[var-annotated]
    breaks: list[list[str]] = [[] for _ in at]
    open_: list[bool] = [False for _ in at]
    for bound in bounds:
        of = values.measures[bound.measure][:, at]
        if np.isnan(of).all() or (bound.measure == "tempered_entropy" and truncates(values.settings[at[0]])):
            continue
        scale = "share" if bound.measure in ("loop_rate", "rep_4") else "linear"
        found = intervals(of[:, None, :], scale)  # type: ignore[arg-type]
        limit = np.log(bound.most) if bound.measure in LOGS else bound.most
        shown = np.exp if bound.measure in LOGS else (lambda x: x)
        points = [
            RangePoint(t, *(None if np.isnan(v) else float(shown(v)) for v in triple))
            for t, *triple in zip(temperatures, found.mean, found.band_low, found.band_high, strict=True)
        ]
        curves.append(RangeCurve(bound, tuple(points)))
        for k in range(len(at)):
            if found.mean[k] > limit:
                breaks[k].append(f"{bound.measure} {short(float(shown(found.mean[k])))} above {short(bound.most)}")
            elif found.band_high[k] > limit:
                open_[k] = True
        # the band says which settings keep a bound; an edge is one place, whose interval is where the curve's own
        # interval holds the bound (Fieller 1954)
        edge = _edge(bound, temperatures, found.mean - limit, found.low - limit, found.high - limit)
        if edge is not None:
            edges[bound.edge].append(edge)
    lower = max(edges["lower"], key=lambda e: e.temperature, default=RangeEdge("lower", None))
    upper = min(edges["upper"], key=lambda e: e.temperature, default=RangeEdge("upper", None))
    states: list[Feasible] = [
        "outside" if b or _beyond(t, lower, upper) else "undecided" if o else "inside"
        for t, b, o in zip(temperatures, breaks, open_, strict=True)
    ]
    failing = ""
    if all(breaks):
        least = min(range(len(at)), key=lambda k: len(breaks[k]))
        failing = say("at T={t}, which breaks the fewest, {broken}", t=f"{temperatures[least]:g}",
                      broken=joined(breaks[least]))  # fmt: skip
    line = values.settings[at[0]]
    found_range = FeasibleRange(
        line_name(line, axes.base), family_of(line, axes.base), lower, upper, not all(breaks), failing, tuple(curves)
    )
    return found_range, states


def _beyond(temperature: float, lower: RangeEdge, upper: RangeEdge) -> bool:
    """Whether a temperature lies beyond an edge: a range is one piece, though a mean may keep its bound there again."""
    below = lower.temperature is not None and temperature < lower.temperature
    return below or (upper.temperature is not None and temperature > upper.temperature)


def truncates(setting: SamplingParams) -> bool:
    """Whether a setting cuts the distribution: its tempered entropy, taken before that, is not that of the draws."""
    return any(stage in TRUNCATIONS for stage in setting.active_stages)


def _edge(bound: Bound, ts: Sequence[float], mean: Array, low: Array, high: Array) -> RangeEdge | None:
    """Where the mean curve comes within its bound, seen from the side of the edge.

    Texts repeat themselves less with temperature and become less likely: curves are taken as monotone (isotonic
    regression; Barlow et al. 1972), so that chance at one temperature makes no edge.
    """
    from scipy.optimize import isotonic_regression

    rising = bound.edge == "upper"

    def cross(values: Array) -> float | None:
        known = ~np.isnan(values)
        if known.sum() < 2:
            return None
        t, curve = np.asarray(ts)[known], isotonic_regression(values[known], increasing=rising).x
        order = range(len(t) - 1) if rising else range(len(t) - 2, -1, -1)
        for k in order:
            a, b = (k, k + 1) if rising else (k + 1, k)
            if curve[a] <= 0 < curve[b]:
                return float(t[a] + (t[b] - t[a]) * -curve[a] / (curve[b] - curve[a]))
        return None

    at = cross(mean)
    if at is None:
        return None
    ends = [cross(high), cross(low)]
    return RangeEdge(bound.edge, at, *(sorted_ends(ends, rising=rising)), bound.measure)


def sorted_ends(ends: Sequence[float | None], *, rising: bool) -> tuple[float | None, float | None]:
    """The ends of an edge's interval in order of temperature."""
    first, second = ends
    return (first, second) if rising else (second, first)


def _with_set(
    values: Values,
    ranges: dict[SamplingParams, FeasibleRange],
    feasible: tuple[Feasible, ...],
    objective: Objective,
    looks: int,
) -> Judged:
    number = len(values.settings)
    at = [i for i, state in enumerate(feasible) if state != "outside"]
    members = np.zeros(number, dtype=bool)
    members[at] = True
    beaten: list[int | None] = [None] * number
    leads = [Estimate(None)] * number
    estimates = [Estimate(None)] * number
    told = False
    if objective.measure:
        sign = 1.0 if objective.higher_is_better else -1.0
        scale = "linear" if objective.scale == "log" else objective.scale
        of = values.objective[:, None, :]
        found = intervals(of, scale)
        shown = np.exp if objective.scale == "log" else (lambda x: x)
        estimates = [
            Estimate(*(None if np.isnan(v) else float(shown(v)) for v in triple))
            for triple in zip(found.mean, found.band_low, found.band_high, strict=True)
        ]
        pairs = np.array([(a, b) for a in at for b in at if a != b], dtype=np.int64).reshape(-1, 2)
        if len(pairs):
            apart = paired(of * sign, pairs, "linear", family=_POCOCK.get(looks, looks))
            for (a, b), mean, low, high in zip(
                pairs.tolist(), apart.mean, apart.band_low, apart.band_high, strict=True
            ):
                if low > objective.matters:
                    told = True
                    members[a] = False
                    if leads[a].low is None or low > leads[a].low:
                        beaten[a], leads[a] = b, Estimate(float(mean), float(low), float(high))
    return Judged(values, ranges, feasible, members, tuple(estimates), tuple(beaten), tuple(leads), told, objective)


def pick_of(judgement: Judged) -> int | None:
    """The setting that is recommended: of those that are about as good as the best, the farthest from a cliff.

    A cliff is where the feasible range ends, and where settings of the same line are out of the set. About as good are
    members whose mean is below the best one's by at most what matters, or a quarter of the standard error of their
    difference.
    """
    at = np.flatnonzero(judgement.members)
    if not len(at):
        return None
    texts = judgement.values.texts.sum(axis=0)
    at = at[texts[at] >= _ENOUGH * texts[at].max()]  # what was dropped early and came back is known too little
    near = [i for i in at.tolist() if _is_near(judgement, i)] or at.tolist()
    inside = [i for i in near if judgement.feasible[i] == "inside"] or near

    def rank(i: int) -> tuple[float, float]:
        return (_room(judgement, i), -abs(judgement.values.settings[i].temperature - _USUAL_TEMPERATURE))

    best: int = max(inside, key=rank)
    return best


#: Standard errors of the difference by which a setting may lie below the best and be about as good. With more, picks
#: lose more than the largest mean does where the truth has narrow peaks (``benchmarks/recommend_quality.py``).
_NEAR = 0.25
#: The share of the texts of the member with the most that a setting must have to be picked.
_ENOUGH = 0.5
#: Nearest to this where nothing else tells settings apart: a common temperature of models' authors.
_USUAL_TEMPERATURE = 0.7


def _is_near(judgement: Judged, i: int) -> bool:
    """Whether a member is about as good as the one with the best mean."""
    objective, values = judgement.objective, judgement.values.objective
    at = np.flatnonzero(judgement.members)
    if not objective.measure or np.isnan(values[:, at]).all():
        return True
    sign = 1.0 if objective.higher_is_better else -1.0
    with np.errstate(invalid="ignore"):
        means = np.array([sign * np.nanmean(values[:, k]) if np.isfinite(values[:, k]).any() else -np.inf for k in at])
    best = int(at[int(np.argmax(means))])
    apart = sign * (values[:, best] - values[:, i])
    apart = apart[np.isfinite(apart)]
    if i == best or not len(apart):
        return i == best
    error = float(np.std(apart, ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else 0.0
    return bool(apart.mean() <= max(_NEAR * error, objective.matters))


def _room(judgement: Judged, i: int) -> float:
    """How far the nearest cliff is: an edge of the range, or half-way to a setting that is out of the set."""
    here = judgement.values.settings[i]
    known = [distance for distance in distances(judgement, i) if distance is not None]
    line = line_of(here)
    there = [k for k, setting in enumerate(judgement.values.settings) if line_of(setting) == line]
    there.sort(key=lambda k: judgement.values.settings[k].temperature)
    at = there.index(i)
    for side in (there[at::-1], there[at:]):
        last = i
        for k in side:
            if not judgement.members[k]:
                edge = (judgement.values.settings[last].temperature + judgement.values.settings[k].temperature) / 2
                known.append(abs(edge - here.temperature))
                break
            last = k
    return min(known, default=0.0)


def distances(judgement: Judged, i: int) -> tuple[float | None, float | None]:
    """How far temperature may fall and rise from a setting before it leaves its line's range."""
    setting = judgement.values.settings[i]
    found = judgement.ranges[line_of(setting)]
    lower = None if found.lower.temperature is None else setting.temperature - found.lower.temperature
    upper = None if found.upper.temperature is None else found.upper.temperature - setting.temperature
    return lower, upper


def edge_words(measure: str) -> str:
    """What happens to texts beyond an edge that a measure makes."""
    return EDGES[measure][1]
