"""The pictures of a recommendation: the range with its cliffs, the bounded measures, the objective, the frontier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from thermoscope.language.saying import phrase, say, worded
from thermoscope.recommending.recommendation import Candidate, FeasibleRange, RangeCurve, Recommendation
from thermoscope.report.charts.drawing import DIGITS, Drawing, Series, scale_of, share_along, signal
from thermoscope.report.charts.labels import Label, placed
from thermoscope.statistics.frontier import Frontier, frontier
from thermoscope.words import estimate, short

#: What a candidate is, the first that holds, and how it is drawn: shape, filled or not, colour.
STATES = {
    phrase("the pick"): ("diamond", "c1"),
    phrase("in the set"): ("circle", "c0"),
    phrase("feasible, beaten"): ("circle", "soft"),
    phrase("outside the range"): ("cross", "soft"),
}
#: Pixels of a line of settings in the picture of the range.
_ROW = 54
#: Widths that labels are placed for, and below which the narrow places are shown.
_PLANNED, _NARROW = {"wide": 640, "narrow": 260}, 480
_HEIGHT = 320


def state_of(found: Recommendation, one: Candidate) -> str:
    """What a candidate is, of ``STATES``."""
    if one.setting == found.setting:
        return "the pick"
    if one.in_set:
        return "in the set"
    return "outside the range" if one.feasible == "outside" else "feasible, beaten"


def _line_name(known: FeasibleRange) -> str:
    return known.line or known.family


def _x(found: Recommendation, *, labels: bool = True) -> Any:
    import altair as alt

    there = [one.setting.temperature for one in found.candidates]
    low, high = min(there), max(there)
    pad = max((high - low) * 0.04, 0.02)
    return alt.X(
        "x:Q",
        title=say("temperature") if labels else None,
        scale=alt.Scale(domain=[low - pad, high + pad], nice=False),
        axis=alt.Axis(format=DIGITS, grid=False, labels=labels, tickCount=8),
    )


def _reach(found: Recommendation, known: FeasibleRange) -> tuple[float, float]:
    """Where a range begins and ends in the picture: at the ends of what was tried where it has no edge."""
    there = [one.setting.temperature for one in found.candidates]
    low, high = known.lower.temperature, known.upper.temperature
    return (min(there) if low is None else low), (max(there) if high is None else high)


def range_chart(found: Recommendation, width: int | str = "container") -> Drawing:
    """Each line's feasible range, its edges with their intervals, and where the candidates are."""
    import altair as alt

    there = [one.setting.temperature for one in found.candidates]
    ranges, edges = [], []
    for known in found.ranges:
        if not known.feasible:
            continue
        low, high = _reach(found, known)
        ranges.append({"line": _line_name(known), "x": low, "x2": high})
        for edge in (known.lower, known.upper):
            if edge.temperature is not None:
                ends = [min(there) if edge.low is None else edge.low, max(there) if edge.high is None else edge.high]
                at = estimate(edge.temperature, edge.low, edge.high)
                said = say("{measure} reaches its bound at {temperature}", measure=edge.measure, temperature=at)
                edges.append(
                    {"line": _line_name(known), "x": edge.temperature, "from": ends[0], "to": ends[1], "said": said}
                )
    names = [_line_name(known) for known in found.ranges]
    line_of = {(known.line, known.family): _line_name(known) for known in found.ranges}
    points = [
        {
            "line": line_of[one.line, one.family], "x": one.setting.temperature, "state": worded(state_of(found, one)),
            "setting": one.label, "said": _objective(one),
        }
        for one in found.candidates
    ]  # fmt: skip
    y = alt.Y("line:N", title=None, sort=names, axis=alt.Axis(labels=len(names) > 1, ticks=False, domain=False))
    x = _x(found)
    colours, shapes = _states()
    tooltip = [
        alt.Tooltip("setting:N", title=say("setting")),
        alt.Tooltip("state:N", title=say("what it is")),
        alt.Tooltip("said:N", title=found.objective),
    ]
    chart = alt.layer(
        alt.Chart(alt.NamedData(name="ranges"))
        .mark_bar(height=26, opacity=0.22, color=signal("c2"))
        .encode(y, x, alt.X2("x2")),
        alt.Chart(alt.NamedData(name="edges"))
        .mark_bar(height=4, yOffset=21, color=signal("ink"))
        .encode(y, alt.X("from:Q"), alt.X2("to"), tooltip=[alt.Tooltip("said:N", title=say("edge"))]),
        alt.Chart(alt.NamedData(name="edges")).mark_tick(thickness=2.5, height=34, color=signal("ink")).encode(y, x),
        alt.Chart(alt.NamedData(name="candidates"))
        .mark_point(filled=True, size=85, opacity=1)
        .encode(y, x, colours, shapes, tooltip=tooltip),
    ).properties(width=width, height=_ROW * len(names))
    return Drawing(chart, {"ranges": ranges, "edges": edges, "candidates": points})


def _states() -> tuple[Any, Any]:
    """Channels of colour and shape that say what a candidate is; the page has the legend."""
    import altair as alt

    names = list(map(worded, STATES))
    shapes, colours = zip(*STATES.values(), strict=True)
    colour = alt.Color("state:N", legend=None, scale=alt.Scale(domain=names, range=list(map(signal, colours))))
    shape = alt.Shape("state:N", legend=None, scale=alt.Scale(domain=names, range=list(shapes)))
    return colour, shape


def _objective(one: Candidate) -> str:
    return estimate(one.objective.value, one.objective.low, one.objective.high)


def curve_chart(
    found: Recommendation, known: FeasibleRange, curve: RangeCurve, width: int | str = "container"
) -> Drawing:
    """A bounded measure along temperature with its band, the bound, and the range between the edges."""
    import altair as alt

    source = f"curve-{curve.bound.measure}"
    rows: list[dict[str, Any]] = [
        {"x": p.temperature, "mean": _digits(p.mean), "b0": _digits(p.low), "b1": _digits(p.high),
         "said": estimate(p.mean, p.low, p.high)}
        for p in curve.points
        if p.mean is not None
    ]  # fmt: skip
    log = curve.bound.measure == "perplexity"
    values = [v for row in rows for v in (row["mean"], row["b0"], row["b1"]) if v is not None]
    if log:  # bands of few prompts reach beyond all that is of interest
        values = [min(v, 30 * curve.bound.most) for v in values]
    y: dict[str, Any] = {"title": None, **scale_of([*values, curve.bound.most], "log" if log else "linear")}
    x = _x(found)
    low, high = _reach(found, known)
    base = alt.Chart(alt.NamedData(name=source))
    layers = [
        base.mark_area(opacity=0.2, line=False, color=signal("c0"), clip=True).encode(
            x, alt.Y("b0:Q", **y), alt.Y2("b1")
        ),
        base.mark_line(strokeWidth=2, color=signal("c0"), clip=True).encode(x, alt.Y("mean:Q", **y)),
        base.mark_point(filled=True, size=45, opacity=1, color=signal("c0"), clip=True).encode(
            x,
            alt.Y("mean:Q", **y),
            tooltip=[alt.Tooltip("x:Q", title=say("temperature")), alt.Tooltip("said:N", title=curve.bound.measure)],
        ),
        alt.Chart(alt.InlineData(values=[{"most": curve.bound.most}]))
        .mark_rule(color=signal("ink"), strokeDash=[5, 3])
        .encode(alt.Y("most:Q", **y)),
    ]
    if known.feasible:
        shade = alt.Chart(alt.InlineData(values=[{"x": low, "x2": high}]))
        layers.insert(0, shade.mark_rect(opacity=0.14, color=signal("c2")).encode(x, alt.X2("x2")))
    return Drawing(alt.layer(*layers).properties(width=width, height=170), {source: rows})


def objective_chart(found: Recommendation, width: int | str = "container") -> Drawing | None:
    """The objective of each candidate with its interval, along temperature; None without an objective."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"x": one.setting.temperature, "mean": _digits(one.objective.value), "low": _digits(one.objective.low),
         "high": _digits(one.objective.high), "state": worded(state_of(found, one)), "setting": one.label,
         "said": _objective(one)}
        for one in found.candidates
        if one.objective.value is not None
    ]  # fmt: skip
    if not rows:
        return None
    values = [row[name] for row in rows for name in ("mean", "low", "high") if row[name] is not None]
    y: dict[str, Any] = {"title": None, **scale_of(values, "linear")}
    colours, shapes = _states()
    x = _x(found)
    base = alt.Chart(alt.NamedData(name="objective"))
    chart = alt.layer(
        base.mark_rule(strokeWidth=1.5, opacity=0.8).encode(x, alt.Y("low:Q", **y), alt.Y2("high"), colours),
        base.mark_point(filled=True, size=85, opacity=1).encode(
            x, alt.Y("mean:Q", **y), colours, shapes,
            tooltip=[
                alt.Tooltip("setting:N", title=say("setting")),
                alt.Tooltip("said:N", title=found.objective),
                alt.Tooltip("state:N", title=say("what it is")),
            ],
        ),
    ).properties(width=width, height=220)  # fmt: skip
    return Drawing(chart, {"objective": rows})


def frontier_of(found: Recommendation) -> Frontier | None:
    """Diversity against likelihood over the candidates; None where either is unknown."""
    means: dict[str, dict[int, float]] = {}
    for i, one in enumerate(found.candidates):
        for name, value in one.measures.items():
            if value is not None:
                means.setdefault(name, {})[i] = value
    return frontier(means, None)


def frontier_chart(found: Recommendation, made: Frontier, width: int | str = "container") -> Drawing:
    """Diversity against likelihood: every candidate, the frontier as a line, and which is the pick."""
    import altair as alt

    scales = [scale_of([p.x for p in made.points], "log"), scale_of([p.y for p in made.points], "linear")]
    labels = [
        Label(found.candidates[p.setting].label, share_along(p.x, scales[0]), share_along(p.y, scales[1]))
        for p in made.points
    ]
    line = sorted((label.x, label.y) for label, p in zip(labels, made.points, strict=True) if p.on_frontier)
    places = {which: placed(labels, pixels, _HEIGHT, line) for which, pixels in _PLANNED.items()}
    rows = [
        {
            "x": _digits(p.x), "y": _digits(p.y), "on": p.on_frontier, "label": labels[n].text,
            "state": worded(state_of(found, found.candidates[p.setting])),
            **{which: asdict(places[which][n]) for which in places},
        }
        for n, p in enumerate(made.points)
    ]  # fmt: skip
    x = alt.X("x:Q", title=say("{measure} (log scale; left: more likely)", measure=made.x), **scales[0])
    y = alt.Y("y:Q", title=say("{measure} (up: more varied)", measure=made.y), **scales[1])
    colours, shapes = _states()
    base = alt.Chart(alt.NamedData(name="frontier"))
    at = f"(width >= {_NARROW} ? datum.wide : datum.narrow)"
    text = base.mark_text(
        fontSize=11, baseline="middle", color=signal("ink"),
        **{name: signal(f"{at}.{name}") for name in ("dx", "dy", "align")},
    )  # fmt: skip
    chart = alt.layer(
        base.transform_filter("datum.on").mark_line(strokeWidth=1.5, strokeDash=[5, 3], color=signal("soft")).encode(
            x, y, alt.Order("x:Q")
        ),
        base.mark_point(filled=True, size=80, opacity=1).encode(
            x, y, colours, shapes,
            tooltip=[alt.Tooltip("label:N", title=say("setting")), alt.Tooltip("x:Q", title=made.x),
                     alt.Tooltip("y:Q", title=made.y), alt.Tooltip("state:N", title=say("what it is"))],
        ),
        text.encode(x, y, text="label:N"),
    ).properties(width=width, height=_HEIGHT)  # fmt: skip
    return Drawing(chart, {"frontier": rows})


def families_chart(found: Recommendation, width: int | str = "container") -> tuple[Drawing, Series]:
    """The best expected objective of N candidates drawn from each family."""
    import altair as alt

    series = Series(tuple(curve.family for curve in found.families))
    rows: list[dict[str, Any]] = [
        {"x": n, "best": _digits(value), "series": curve.family}
        for curve in found.families
        for n, value in enumerate(curve.best, 1)
    ]
    y: dict[str, Any] = {"title": None, **scale_of([row["best"] for row in rows if row["best"] is not None], "linear")}
    x = alt.X("x:Q", title=say("candidates tried"), axis=alt.Axis(format="d", tickMinStep=1, grid=False))
    base = alt.Chart(alt.NamedData(name="families"))
    chart = alt.layer(
        base.mark_line(strokeWidth=2).encode(x, alt.Y("best:Q", **y), series.colour(), *series.dash()),
        base.mark_point(filled=True, size=48, opacity=1).encode(
            x, alt.Y("best:Q", **y), series.colour(), *series.shape(),
            tooltip=[alt.Tooltip("series:N", title=say("family")), alt.Tooltip("x:Q", title=say("candidates")),
                     alt.Tooltip("best:Q", title=found.objective)],
        ),
    ).properties(width=width, height=220)  # fmt: skip
    return Drawing(chart, {"families": rows}), series


def range_alt(found: Recommendation) -> str:
    """What the picture of the range shows, in words."""
    said = []
    for known in found.ranges:
        name = f"{_line_name(known)}: " if len(found.ranges) > 1 else ""
        if not known.feasible:
            said.append(name + say("no temperature keeps the bounds"))
            continue
        low, high = _reach(found, known)
        said.append(name + say("feasible from {low} to {high}", low=short(low), high=short(high)))
    if found.label:
        said.append(say("the pick is {setting}", setting=found.label))
    return say("The feasible range of temperatures: {ranges}.", ranges="; ".join(said))


def curve_alt(curve: RangeCurve) -> str:
    """What the picture of a bounded measure shows, in words."""
    known = [p for p in curve.points if p.mean is not None]
    said = say("{measure} along temperature, and its bound, {most}.", measure=curve.bound.measure,
               most=short(curve.bound.most))  # fmt: skip
    if not known:
        return said
    first, last = (
        say("{value} at {setting}", value=short(p.mean), setting=f"T={p.temperature:g}") for p in (known[0], known[-1])
    )
    return say("{sentence} It goes from {first} to {last}.", sentence=said, first=first, last=last)


def _digits(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def candidates_seen(found: Recommendation) -> Sequence[str]:
    """The states that candidates have, in the order of the legend."""
    there = {state_of(found, one) for one in found.candidates}
    return [name for name in STATES if name in there]
