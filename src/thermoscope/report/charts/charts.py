"""The charts of a report in Altair: curves with bands, paired differences, the frontier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from thermoscope.language.saying import say, worded
from thermoscope.report.charts.contrasts import KINDS, Choice, choices
from thermoscope.report.charts.drawing import (
    DIGITS,
    Drawing,
    Series,
    ends_of,
    scale_of,
    share_along,
    signal,
    steps,
    ticks,
)
from thermoscope.report.charts.figures import along_axis, by_series, estimated, frontier_labels, interval, number
from thermoscope.report.charts.labels import Label, placed
from thermoscope.report.records.schema import Curve, Differences, Report
from thermoscope.statistics.frontier import Frontier
from thermoscope.statistics.outcome import Outcome
from thermoscope.statistics.verdicts import outcome_shown

#: What a difference is by its shape and its colour; no series has one of these shapes.
TOLD_LOOKS: Mapping[Outcome, tuple[str, str]] = {
    "higher": ("triangle-right", "ink"),
    "lower": ("triangle-left", "ink"),
    "can't be told": ("M0,-1L0,1", "soft"),
    "unknown": ("M-.6,-.6L.6,.6M.6,-.6L-.6,.6", "soft"),
}
#: Pixels of one row of a chart with named rows, and where the name stands above its row.
ROW, TALL_ROW = 20, 36
#: Letters of a name that stands beside its row; longer ones stand above.
_BESIDE = 16
#: An axis whose values span more than this is logarithmic.
_WIDE = 50
#: Places of the axis that are all written, at most.
_ALL_PLACES = 8
#: Series that are drawn over each other, at most: with more, bands drown each other, and each has a chart of its own.
_OVERLAID = 2
#: Charts of one measure, at most: with more series, settings are rows by name.
_PANELS = 12


def series_of(report: Report, *, legend: bool = False) -> Series:
    """The series of a report, as all of its charts show them."""
    return Series(tuple(dict.fromkeys(setting.series for setting in report.settings)), legend)


def curve_charts(
    report: Report, curve: Curve, series: Series, width: int | str = "container", height: int = 210
) -> list[tuple[str, Drawing]]:
    """The charts of a measure, each with the series that it shows ("": all): small multiples where there are several.

    All of them have the same scales. Along the axis there is the mean, its interval, and the band of the whole curve;
    settings without an axis are rows by name.
    """
    rows = _curve_rows(report, curve)
    scale = scale_of([v for r in rows for v in (r["mean"], r["low"], r["high"], r["b0"], r["b1"]) if v is not None],
                     curve.scale)  # fmt: skip
    names = [name for name, _ in by_series(report, curve.points)]
    source = f"curve-{curve.measure}"
    if not along_axis(report, [p.setting for p in curve.points]) or len(names) > _PANELS:
        return [("", Drawing(_named_rows(source, rows, scale, series, curve.measure, width), {source: rows}))]
    x = _axis(report, rows)
    if len(names) <= _OVERLAID:
        return [("", Drawing(_lines(source, x, scale, series, curve.measure, width, height), {source: rows}))]
    return [
        (name, Drawing(_lines(f"{source}-{n}", x, scale, replace(series, legend=False), curve.measure, width, height),
                       {f"{source}-{n}": [row for row in rows if row["series"] == name]}))
        for n, name in enumerate(names)
    ]  # fmt: skip


def _curve_rows(report: Report, curve: Curve) -> list[dict[str, Any]]:
    return [
        {
            "setting": report.settings[p.setting].label,
            "series": report.settings[p.setting].series,
            "x": report.settings[p.setting].x,
            "mean": _short(p.mean),
            **_bounds(p.low, p.high, p.band_low, p.band_high),
            "said": estimated(p.mean, p.low, p.high),
            "band": interval(p.band_low, p.band_high),
        }
        for p in curve.points
    ]


def _axis(report: Report, rows: Sequence[dict[str, Any]]) -> Any:
    """The parameter along which curves run, the same for all charts of a measure."""
    import altair as alt

    places = sorted({row["x"] for row in rows})
    wide = places[0] > 0 and places[-1] / places[0] > _WIDE
    kind = {"type": "log"} if wide else {"zero": False, "nice": False}
    values = places if len(places) <= _ALL_PLACES else alt.Undefined
    axis = alt.Axis(grid=False, format=DIGITS, values=values)
    scale = alt.Scale(padding=12, domain=[places[0], places[-1]], **kind)
    return alt.X("x:Q", title=report.axis, scale=scale, axis=axis)


def _tooltip(measure: str) -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("setting:N", title=say("setting")),
        alt.Tooltip("said:N", title=f"{measure} (95%)"),
        alt.Tooltip("band:N", title=say("band")),
    ]


def _lines(
    source: str, x: Any, scale: dict[str, Any], series: Series, measure: str, width: int | str, height: int
) -> Any:
    import altair as alt

    base = alt.Chart(alt.NamedData(name=source))
    y: dict[str, Any] = {"title": None, **scale}
    colour = series.colour()
    return alt.layer(
        base.mark_area(opacity=0.2, line=False).encode(x, alt.Y("b0:Q", **y), alt.Y2("b1"), colour),
        base.mark_rule(strokeWidth=1.5, opacity=0.75).encode(x, alt.Y("low:Q", **y), alt.Y2("high"), colour),
        base.mark_line(strokeWidth=2).encode(x, alt.Y("mean:Q", **y), colour, *series.dash()),
        base.mark_point(filled=True, size=48, opacity=1).encode(
            x, alt.Y("mean:Q", **y), colour, *series.shape(), tooltip=_tooltip(measure)
        ),
    ).properties(width=width, height=height)


def _named_rows(
    source: str, rows: Sequence[dict[str, Any]], scale: dict[str, Any], series: Series, measure: str, width: int | str
) -> Any:
    import altair as alt

    base = alt.Chart(alt.NamedData(name=source))
    names = [row["setting"] for row in rows]
    y, step, above = _rows_axis(base, "setting", names, names)
    x = {"title": None, **scale}
    colour = series.colour()
    return alt.layer(
        base.mark_rule(strokeWidth=6, opacity=0.2).encode(y, alt.X("b0:Q", **x), alt.X2("b1"), colour),
        base.mark_rule(strokeWidth=1.5).encode(y, alt.X("low:Q", **x), alt.X2("high"), colour),
        base.mark_point(filled=True, size=55, opacity=1).encode(
            y, alt.X("mean:Q", **x), colour, *series.shape(), tooltip=_tooltip(measure)
        ),
        *above,
    ).properties(width=width, height=step * len(rows))


def _rows_axis(base: Any, field: str, names: Sequence[str], sort: Any) -> tuple[Any, int, list[Any]]:
    """The axis of named rows, the height of one, and a layer of names that are too long to stand beside them."""
    import altair as alt

    step = row_height(names)
    if step == ROW:
        return alt.Y(f"{field}:N", title=None, sort=sort, axis=alt.Axis(grid=True, labelLimit=0)), step, []
    y = alt.Y(f"{field}:N", title=None, sort=sort, axis=alt.Axis(grid=True, labels=False))
    look: dict[str, Any] = {"align": "left", "baseline": "bottom", "dy": -7, "fontSize": 11}
    ground = base.mark_text(**look, color=signal("paper"), stroke=signal("paper"), strokeWidth=4)
    written = (ground, base.mark_text(**look, color=signal("ink")))
    return y, step, [layer.encode(y, x=alt.value(0), text=f"{field}:N") for layer in written]


def row_height(names: Sequence[str]) -> int:
    """Pixels of one of the rows with these names."""
    return ROW if max(map(len, names)) <= _BESIDE else TALL_ROW


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
    """Paired differences with interval and band, against a line at nothing; told or not by shape.

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
        "title": worded(KINDS[differences.kind]),
        "scale": scale,
        "axis": alt.Axis(values=at if fixed else signal("at"), format=DIGITS),
    }
    base = alt.Chart(alt.NamedData(name=source))
    others = [choice] if fixed else choices(report, differences)
    y, step, above = _rows_axis(base, "pair", [name for other in others for name in other.names], None)
    told = list(map(outcome_shown, TOLD_LOOKS))
    shapes, colours = zip(*TOLD_LOOKS.values(), strict=True)
    colour = alt.Color("told:N", legend=None, scale=alt.Scale(domain=told, range=list(map(signal, colours))))
    shape = alt.Shape("told:N", legend=None, scale=alt.Scale(domain=told, range=list(shapes)))
    zero = alt.Chart(alt.InlineData(values=[{"nothing": 1 if ratio else 0}]))
    tooltip = [
        alt.Tooltip("pair:N", title=say("pair")),
        alt.Tooltip("effect:Q", title=say("effect")),
        alt.Tooltip("told:N", title=say("result")),
    ]
    chart = alt.layer(
        zero.mark_rule(color=signal("ink"), strokeDash=[4, 3]).encode(alt.X("nothing:Q", **x)),
        base.mark_rule(strokeWidth=1).encode(y, alt.X("b0:Q", **x), alt.X2("b1"), colour),
        base.mark_rule(strokeWidth=3).encode(y, alt.X("low:Q", **x), alt.X2("high"), colour),
        base.mark_point(size=75, strokeWidth=2, opacity=1).encode(
            y, alt.X("effect:Q", **x), shape, colour, fill=colour, tooltip=tooltip
        ),
        *above,
    ).properties(width=width, height=step * len(choice.pairs))
    params = {} if fixed else {"low": low, "high": high, "at": at}
    return Drawing(chart, {source: pair_rows(choice)}, params)


def frontier_chart(
    report: Report, frontier: Frontier, series: Series, width: int | str = "container", height: int = 380
) -> Drawing:
    """Diversity against likelihood, in the looks of the series; the frontier by filling and line; every point named."""
    import altair as alt

    scales = [scale_of([p.x for p in frontier.points], "log"), scale_of([p.y for p in frontier.points], "linear")]
    points = [
        Label(name, share_along(p.x, scales[0]), share_along(p.y, scales[1]))
        for name, p in zip(frontier_labels(report, frontier), frontier.points, strict=True)
    ]
    line = sorted((label.x, label.y) for label, p in zip(points, frontier.points, strict=True) if p.on_frontier)
    planned = {"wide": width} if isinstance(width, int) else _PLANNED
    places = {which: placed(points, pixels, height, line) for which, pixels in planned.items()}
    rows = [
        {
            "setting": report.settings[p.setting].label, "series": report.settings[p.setting].series,
            "x": _short(p.x), "y": _short(p.y), "on": p.on_frontier, "loops": p.loops, "rate": number(p.loop_rate),
            "label": points[n].text, **{which: asdict(places[which][n]) for which in places},
        }
        for n, p in enumerate(frontier.points)
    ]  # fmt: skip
    x = alt.X("x:Q", title=say("{measure} (log scale; left: more likely)", measure=frontier.x), **scales[0])
    y = alt.Y("y:Q", title=say("{measure} (up: more varied)", measure=frontier.y), **scales[1])
    colour = series.colour()
    base = alt.Chart(alt.NamedData(name="frontier"))
    filled = alt.condition("datum.on", colour, alt.value(signal("paper")))
    tooltip = [alt.Tooltip("setting:N", title=say("setting")), alt.Tooltip("x:Q", title=frontier.x),
               alt.Tooltip("y:Q", title=frontier.y),
               alt.Tooltip("rate:N", title=say("share of texts that loop"))]  # fmt: skip
    best = base.transform_filter("datum.on").mark_line(strokeWidth=1.5, strokeDash=[5, 3], color=signal("soft"))
    at = "datum.wide" if len(places) == 1 else f"(width >= {_NARROW} ? datum.wide : datum.narrow)"
    label = base.mark_text(
        fontSize=11, baseline="middle", color=signal("ink"),
        **{name: signal(f"{at}.{name}") for name in ("dx", "dy", "align")},
    )  # fmt: skip
    chart = alt.layer(
        best.encode(x, y, alt.Order("x:Q")),
        base.mark_point(size=80, strokeWidth=1.8, opacity=1).encode(
            x, y, colour, *series.shape(), fill=filled, tooltip=tooltip
        ),
        label.encode(x, y, text="label:N"),
    ).properties(width=width, height=height)
    return Drawing(chart, {"frontier": rows})


#: Widths for which labels are placed where a chart is as wide as the page lets it be, and below which width the
#: narrow ones are shown.
_PLANNED, _NARROW = {"wide": 640, "narrow": 260}, 480


def _bounds(
    low: float | None, high: float | None, band_low: float | None, band_high: float | None
) -> dict[str, float | None]:
    return {"low": _short(low), "high": _short(high), "b0": _short(band_low), "b1": _short(band_high)}


def _short(value: float | None) -> float | None:
    """A number with the digits that are seen."""
    return None if value is None else float(f"{value:.5g}")
