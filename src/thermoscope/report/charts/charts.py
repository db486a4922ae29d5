"""The charts of a report in Altair: curves with bands, paired differences, the frontier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thermoscope.report.charts.contrasts import Choice
from thermoscope.report.charts.drawing import (
    DIGITS,
    Drawing,
    colour_of,
    dash_of,
    ends_of,
    scale_of,
    shape_of,
    share_along,
    signal,
    steps,
    ticks,
)
from thermoscope.report.charts.figures import along_axis, by_series, interval, number, place
from thermoscope.report.charts.labels import Label, placed
from thermoscope.report.records.schema import Curve, Differences, Report
from thermoscope.report.verdicts import outcome_shown
from thermoscope.statistics.frontier import Frontier

TOLD_SHAPES = {
    outcome_shown(told): shape
    for told, shape in (
        ("higher", "triangle-right"), ("lower", "triangle-left"), ("can't be told", "circle"), ("unknown", "cross"),
    )
}  # fmt: skip
_TOLD_COLOURS = dict(zip(TOLD_SHAPES, ("c1", "c0", "soft", "soft"), strict=True))
#: Pixels of one row of a chart with named rows.
ROW = 20
#: An axis whose values span more than this is logarithmic.
_WIDE = 50
#: Places of the axis that are all written, at most.
_ALL_PLACES = 8


def curve_chart(report: Report, curve: Curve, width: int | str = "container", height: int = 210) -> Drawing:
    """A measure over the axis: mean, its interval, and the band of the whole curve; over named settings without one."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {
            "setting": report.settings[p.setting].label,
            "series": report.settings[p.setting].series,
            "x": report.settings[p.setting].x,
            "mean": _short(p.mean),
            **_bounds(p.low, p.high, p.band_low, p.band_high),
            "said": f"{number(p.mean)} ({interval(p.low, p.high)})",
            "band": interval(p.band_low, p.band_high),
        }
        for p in curve.points
    ]
    known = [v for row in rows for v in (row["mean"], row["low"], row["high"], row["b0"], row["b1"]) if v is not None]
    scale = scale_of(known, curve.scale)
    names = [name for name, _ in by_series(report, curve.points)]
    source = f"curve-{curve.measure}"
    base = alt.Chart(alt.NamedData(name=source))
    tooltip = [
        alt.Tooltip("setting:N"),
        alt.Tooltip("said:N", title=f"{curve.measure} (95%)"),
        alt.Tooltip("band:N", title="band"),
    ]
    if not along_axis(report, [p.setting for p in curve.points]):
        return Drawing(_named_rows(base, rows, scale, names, tooltip, width), {source: rows})
    places = [row["x"] for row in rows]
    wide = min(places) > 0 and max(places) / min(places) > _WIDE
    kind = {"type": "log"} if wide else {"zero": False, "nice": False}
    values = sorted(set(places)) if len(set(places)) <= _ALL_PLACES else alt.Undefined
    axis = alt.Axis(grid=False, format=DIGITS, values=values)
    x = alt.X("x:Q", title=report.axis, scale=alt.Scale(padding=12, **kind), axis=axis)
    y: dict[str, Any] = {"title": None, **scale}
    colour = colour_of(names)
    chart = alt.layer(
        base.mark_area(opacity=0.2, line=False).encode(x, alt.Y("b0:Q", **y), alt.Y2("b1"), colour),
        base.mark_rule(strokeWidth=1.5, opacity=0.75).encode(x, alt.Y("low:Q", **y), alt.Y2("high"), colour),
        base.mark_line(strokeWidth=2).encode(x, alt.Y("mean:Q", **y), colour, *dash_of(names)),
        base.mark_point(filled=True, size=48, opacity=1).encode(
            x, alt.Y("mean:Q", **y), colour, *shape_of(names), tooltip=tooltip
        ),
    ).properties(width=width, height=height)
    return Drawing(chart, {source: rows})


def _named_rows(
    base: Any, rows: Sequence[dict[str, Any]], scale: dict[str, Any], names: Sequence[str], tooltip: Any, width: Any
) -> Any:
    import altair as alt

    y = alt.Y("setting:N", title=None, sort=[row["setting"] for row in rows], axis=alt.Axis(grid=True))
    x = {"title": None, **scale}
    colour = colour_of(names)
    return alt.layer(
        base.mark_rule(strokeWidth=6, opacity=0.2).encode(y, alt.X("b0:Q", **x), alt.X2("b1"), colour),
        base.mark_rule(strokeWidth=1.5).encode(y, alt.X("low:Q", **x), alt.X2("high"), colour),
        base.mark_point(filled=True, size=55, opacity=1).encode(
            y, alt.X("mean:Q", **x), colour, *shape_of(names), tooltip=tooltip
        ),
    ).properties(width=width, height=ROW * len(rows))


def pair_rows(choice: Choice) -> list[dict[str, Any]]:
    """The rows of a chart of differences."""
    return [
        {
            "pair": name,
            "effect": _short(pair.effect),
            **_bounds(pair.low, pair.high, pair.band_low, pair.band_high),
            "told": outcome_shown(pair.told),
        }
        for name, pair in zip(choice.names, choice.pairs, strict=True)
    ]


def pair_range(choice: Choice, kind: str) -> tuple[list[float], list[float]]:
    """The ends and the ticks of a chart of differences: nothing, and all that is known, lie inside."""
    nothing = 1.0 if kind == "ratio" else 0.0
    values = [v for p in choice.pairs for v in (p.effect, p.low, p.high, p.band_low, p.band_high)]
    known = [nothing, *(v for v in values if v is not None)]
    ends = ends_of(known, "log" if nothing else "linear")
    return ends, (ticks(ends[0], ends[1]) if nothing else steps(ends[0], ends[1], most=5))


def differences_chart(
    report: Report, differences: Differences, choice: Choice, width: int | str = "container", *, fixed: bool = False
) -> Drawing:
    """Paired differences with interval and band, against a line at nothing; told or not by shape, filling and colour.

    The rows are a data set named "pairs"; the ends and ticks of its axis are the parameters "low", "high" and "at", so
    that a page can show another choice; or all this is ``fixed``.
    """
    import altair as alt

    ratio = differences.kind == "ratio"
    (low, high), at = pair_range(choice, differences.kind)
    domain = [low, high] if fixed else [signal("low"), signal("high")]
    source = f"differences-{differences.measure}" if fixed else "pairs"
    scale = alt.Scale(type="log", domain=domain, nice=False) if ratio else alt.Scale(domain=domain, nice=False)
    x: dict[str, Any] = {
        "title": differences.kind,
        "scale": scale,
        "axis": alt.Axis(values=at if fixed else signal("at"), format=DIGITS),
    }
    y = alt.Y("pair:N", title=None, sort=None, axis=alt.Axis(grid=True))
    told = list(TOLD_SHAPES)
    colour = alt.Color(
        "told:N", legend=None, scale=alt.Scale(domain=told, range=[signal(_TOLD_COLOURS[t]) for t in told])
    )
    shape = alt.Shape("told:N", legend=None, scale=alt.Scale(domain=told, range=list(TOLD_SHAPES.values())))
    filled = alt.condition("datum.told == 'higher' || datum.told == 'lower'", colour, alt.value(signal("paper")))
    base = alt.Chart(alt.NamedData(name=source))
    zero = alt.Chart(alt.InlineData(values=[{"nothing": 1 if ratio else 0}]))
    tooltip = [alt.Tooltip(f"{name}:{kind}") for name, kind in (("pair", "N"), ("effect", "Q"), ("told", "N"))]
    chart = alt.layer(
        zero.mark_rule(color=signal("ink"), strokeDash=[4, 3]).encode(alt.X("nothing:Q", **x)),
        base.mark_rule(strokeWidth=1).encode(y, alt.X("b0:Q", **x), alt.X2("b1"), colour),
        base.mark_rule(strokeWidth=3).encode(y, alt.X("low:Q", **x), alt.X2("high"), colour),
        base.mark_point(size=75, strokeWidth=1.6, opacity=1).encode(
            y, alt.X("effect:Q", **x), shape, colour, fill=filled, tooltip=tooltip
        ),
    ).properties(width=width, height=ROW * len(choice.pairs))
    params = {} if fixed else {"low": low, "high": high, "at": at}
    return Drawing(chart, {source: pair_rows(choice)}, params)


def frontier_chart(report: Report, frontier: Frontier, width: int | str = "container", height: int = 380) -> Drawing:
    """Diversity against likelihood; loops by shape, the frontier by filling and line."""
    import altair as alt

    names = list(dict.fromkeys(report.settings[p.setting].series for p in frontier.points))
    scales = [scale_of([p.x for p in frontier.points], "log"), scale_of([p.y for p in frontier.points], "linear")]
    short = len(names) < 2 and along_axis(report, [p.setting for p in frontier.points])
    points = [
        Label(
            place(report, p.setting) if short else report.settings[p.setting].label,
            share_along(p.x, scales[0]),
            share_along(p.y, scales[1]),
        )
        for p in frontier.points
    ]
    line = sorted((label.x, label.y) for label, p in zip(points, frontier.points, strict=True) if p.on_frontier)
    planned = {"wide": width} if isinstance(width, int) else _PLANNED
    sides = {which: placed(points, pixels, height, line) for which, pixels in planned.items()}
    rows = [
        {
            "setting": report.settings[p.setting].label, "series": report.settings[p.setting].series,
            "x": _short(p.x), "y": _short(p.y), "on": p.on_frontier,
            "loops": "too many loops" if p.loops else "few loops", "rate": number(p.loop_rate),
            "label": points[n].text, **{which: sides[which][n] for which in sides},
        }
        for n, p in enumerate(frontier.points)
    ]  # fmt: skip
    x = alt.X("x:Q", title=f"{frontier.x} (log scale; left: more likely)", **scales[0])
    y = alt.Y("y:Q", title=f"{frontier.y} (up: more varied)", **scales[1])
    colour = colour_of(names)
    shape = alt.Shape(
        "loops:N",
        scale=alt.Scale(domain=["few loops", "too many loops"], range=["circle", "square"]),
        legend=None,
    )
    base = alt.Chart(alt.NamedData(name="frontier"))
    filled = alt.condition("datum.on", colour, alt.value(signal("paper")))
    tooltip = [alt.Tooltip("setting:N"), alt.Tooltip("x:Q", title=frontier.x), alt.Tooltip("y:Q", title=frontier.y),
               alt.Tooltip("rate:N", title="share of texts that loop")]  # fmt: skip
    best = base.transform_filter("datum.on").mark_line(strokeWidth=1.5, strokeDash=[5, 3], color=signal("soft"))
    texts = [
        base.transform_filter(f"datum.{which} == '{side}'")
        .mark_text(fontSize=11, color=signal("ink"), opacity=signal(_SHOWN[which]) if len(sides) > 1 else 1, **how)
        .encode(x, y, text="label:N")
        for which in sides
        for side, how in _SIDES.items()
        if any(row[which] == side for row in rows)
    ]
    chart = alt.layer(
        best.encode(x, y, alt.Order("x:Q")),
        base.mark_point(size=80, strokeWidth=1.8, opacity=1).encode(x, y, shape, colour, fill=filled, tooltip=tooltip),
        *texts,
    ).properties(width=width, height=height)
    return Drawing(chart, {"frontier": rows})


#: Widths for which labels are placed where a chart is as wide as the page lets it be, and when each is seen.
_PLANNED = {"wide": 640, "narrow": 260}
_SHOWN = {"wide": "width >= 480 ? 1 : 0", "narrow": "width < 480 ? 1 : 0"}
_SIDES: dict[str, dict[str, Any]] = {
    "lower right": {"align": "left", "baseline": "top", "dx": 6, "dy": 4},
    "upper left": {"align": "right", "baseline": "bottom", "dx": -6, "dy": -4},
    "right": {"align": "left", "baseline": "middle", "dx": 9},
    "left": {"align": "right", "baseline": "middle", "dx": -9},
    "below": {"align": "center", "baseline": "top", "dy": 9},
    "above": {"align": "center", "baseline": "bottom", "dy": -9},
}


def _bounds(
    low: float | None, high: float | None, band_low: float | None, band_high: float | None
) -> dict[str, float | None]:
    return {"low": _short(low), "high": _short(high), "b0": _short(band_low), "b1": _short(band_high)}


def _short(value: float | None) -> float | None:
    """A number with the digits that are seen."""
    return None if value is None else float(f"{value:.5g}")
