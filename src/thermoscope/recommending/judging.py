"""What the statistics say of the values: feasible range, set, what is dropped, the pick, and second opinions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermoscope.metrics.ragged import Array
from thermoscope.recommending.axes import Axes, family_of, line_name, line_of
from thermoscope.recommending.bounds import EDGES, LOGS, Bound
from thermoscope.recommending.objective import Objective
from thermoscope.recommending.recommendation import Estimate, Feasible, FeasibleRange, RangeCurve, RangeEdge, RangePoint
from thermoscope.recommending.values import Values
from thermoscope.settings.params import SamplingParams
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
    """

    values: Values
    ranges: dict[SamplingParams, FeasibleRange]
    feasible: tuple[Feasible, ...]
    members: Array
    estimates: tuple[Estimate, ...]
    beaten_by: tuple[int | None, ...]
    leads: tuple[Estimate, ...]
    told_apart: bool


def judged(values: Values, axes: Axes, bounds: Sequence[Bound], objective: Objective) -> Judged:
    """What is known after some rounds."""
    ranges: dict[SamplingParams, FeasibleRange] = {}
    feasible: list[Feasible] = ["outside"] * len(values.settings)
    for line in dict.fromkeys(map(line_of, values.settings)):
        at = [i for i, setting in enumerate(values.settings) if line_of(setting) == line]
        at.sort(key=lambda i: values.settings[i].temperature)
        ranges[line], states = _range(values, at, bounds, axes)
        for i, state in zip(at, states, strict=True):
            feasible[i] = state
    return _with_set(values, ranges, tuple(feasible), objective)


def _range(
    values: Values, at: Sequence[int], bounds: Sequence[Bound], axes: Axes
) -> tuple[FeasibleRange, list[Feasible]]:
    temperatures = [values.settings[i].temperature for i in at]
    curves, edges = [], {"lower": [], "upper": []}  # type: ignore[var-annotated]
    breaks: list[list[str]] = [[] for _ in at]
    open_: list[bool] = [False for _ in at]
    for bound in bounds:
        of = values.measures[bound.measure][:, at]
        if np.isnan(of).all():
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
        edge = _edge(bound, temperatures, found.mean - limit, found.band_low - limit, found.band_high - limit)
        if edge is not None:
            edges[bound.edge].append(edge)
    lower = max(edges["lower"], key=lambda e: e.temperature, default=RangeEdge("lower", None))
    upper = min(edges["upper"], key=lambda e: e.temperature, default=RangeEdge("upper", None))
    states: list[Feasible] = [
        "outside" if b else "undecided" if o else "inside" for b, o in zip(breaks, open_, strict=True)
    ]
    failing = ""
    if all(breaks):
        least = min(range(len(at)), key=lambda k: len(breaks[k]))
        failing = f"at T={temperatures[least]:g}, which breaks the fewest, {joined(breaks[least])}"
    line = values.settings[at[0]]
    found_range = FeasibleRange(
        line_name(line, axes.base), family_of(line, axes.base), lower, upper, not all(breaks), failing, tuple(curves)
    )
    return found_range, states


def _edge(bound: Bound, ts: Sequence[float], mean: Array, low: Array, high: Array) -> RangeEdge | None:
    """Where the mean curve comes within its bound, seen from the side of the edge."""
    rising = bound.edge == "upper"

    def cross(curve: Array) -> float | None:
        order = range(len(ts) - 1) if rising else range(len(ts) - 2, -1, -1)
        for k in order:
            a, b = (k, k + 1) if rising else (k + 1, k)
            if curve[a] <= 0 < curve[b]:
                return float(ts[a] + (ts[b] - ts[a]) * -curve[a] / (curve[b] - curve[a]))
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
            apart = paired(of * sign, pairs, "linear")
            for (a, b), mean, low, high in zip(
                pairs.tolist(), apart.mean, apart.band_low, apart.band_high, strict=True
            ):
                if low > objective.matters:
                    told = True
                    members[a] = False
                    if leads[a].low is None or low > leads[a].low:
                        beaten[a], leads[a] = b, Estimate(float(mean), float(low), float(high))
    return Judged(values, ranges, feasible, members, tuple(estimates), tuple(beaten), tuple(leads), told)


def pick_of(judgement: Judged) -> int | None:
    """The member of the set that is farthest from a cliff."""
    at = np.flatnonzero(judgement.members)
    if not len(at):
        return None

    def room(i: int) -> tuple[float, float]:
        setting = judgement.values.settings[i]
        lower, upper = distances(judgement, i)
        known = [d for d in (lower, upper) if d is not None]
        return (min(known, default=0.0), -abs(setting.temperature - 0.7))

    inside = [i for i in at.tolist() if judgement.feasible[i] == "inside"] or at.tolist()
    return max(inside, key=room)


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
