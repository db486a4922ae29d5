"""The charts of a report in Altair: curves with bands, paired differences, the frontier.

Colours are Okabe and Ito's (2008), which the colour-blind tell apart; shape and dash say the same once more. They are
parameters of the charts (``ink``, ``c0``, ...), so that a page changes between light and dark without drawing anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from thermoscope.report.contrasts import Choice
from thermoscope.report.figures import along_axis, by_series, interval, number, place
from thermoscope.report.labels import Label, placed
from thermoscope.report.records.schema import Curve, Differences, Frontier, Report

LIGHT = {
    "ink": "#1d1f23", "soft": "#5a5f69", "grid": "#e4e1d8", "paper": "#fbfaf7",
    "c0": "#0072b2", "c1": "#d55e00", "c2": "#009e73", "c3": "#1d1f23", "c4": "#b35c8e", "c5": "#b87d00",
}  # fmt: skip
DARK = {
    "ink": "#e8e6e1", "soft": "#a2a7b1", "grid": "#2c3038", "paper": "#16181c",
    "c0": "#56b4e9", "c1": "#e69f00", "c2": "#2bbd92", "c3": "#e8e6e1", "c4": "#cc79a7", "c5": "#f0e442",
}  # fmt: skip
_COLOURS = ("c0", "c1", "c2", "c3", "c4", "c5")
_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right")
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4])
TOLD_SHAPES = {"higher": "triangle-right", "lower": "triangle-left", "can't be told": "circle", "unknown": "cross"}
_TOLD_COLOURS = {"higher": "c1", "lower": "c0", "can't be told": "soft", "unknown": "soft"}
#: Format of numbers on axes. Without its own number of digits Vega takes as many as a step has, and 1.2 is a 1.
_DIGITS = ".6~g"
#: Pixels of one row of a chart with named rows.
ROW = 20
#: An axis whose values span more than this is logarithmic; ticks of a logarithmic one that spans less are equal steps.
_WIDE, _SHORT_AXIS = 50, 6
#: Places of the axis that are all written, at most.
_ALL_PLACES = 8
#: For pictures; pages take the system's.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart without its data, which are put in last: Altair copies what a chart holds at every step.

    Attributes
    ----------
    chart
        Altair's chart; it refers to its data by their names.
    data
        The data by name.
    params
        Parameters of this chart besides the colours.
    """

    chart: Any
    data: dict[str, list[dict[str, Any]]]
    params: dict[str, Any] = field(default_factory=dict)


def vega_lite(chart: Any, drawings: Sequence[Drawing], colours: dict[str, str]) -> dict[str, Any]:
    """The Vega-Lite of a chart that is made of some drawings: with their data, and colours as parameters."""
    made: dict[str, Any] = chart.to_dict()
    params = {**colours, **{name: value for drawing in drawings for name, value in drawing.params.items()}}
    made["params"] = [{"name": name, "value": value} for name, value in params.items()]
    data = {name: rows for drawing in drawings for name, rows in drawing.data.items()}
    made["datasets"] = {**made.get("datasets", {}), **data}
    if made.get("width") == "container":
        made["autosize"] = {"type": "fit-x", "contains": "padding"}
    return made


def config(font: str = FONT, background: str = "transparent") -> dict[str, Any]:
    """The look that all charts share."""
    import altair as alt

    ink, soft, grid = (_signal(name) for name in ("ink", "soft", "grid"))
    made: dict[str, Any] = alt.Config(
        font=font,
        background=background,
        aria=False,  # the page says it better
        padding=4,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=soft, titleColor=soft, gridColor=grid, domainColor=soft, tickColor=soft,
            titleFontWeight="normal", labelFontSize=11, titleFontSize=11, labelLimit=190, tickSize=4,
        ),
        axisY=alt.AxisConfig(domain=False, ticks=False, labelPadding=6),
        legend=alt.LegendConfig(
            labelColor=ink, labelFontSize=11, labelLimit=280, symbolStrokeWidth=0, symbolSize=70, symbolOpacity=1
        ),
        title=alt.TitleConfig(
            color=ink, fontSize=13, anchor="start", subtitleColor=soft, subtitleFontSize=11, offset=8
        ),
    ).to_dict()  # fmt: skip
    return made


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
    scale = _scale(known, curve.scale)
    names = [name for name, _ in by_series(report, curve.points)]
    source = f"curve-{curve.measure}"
    base = alt.Chart(alt.NamedData(name=source))
    tooltip = [
        alt.Tooltip("setting:N"),
        alt.Tooltip("said:N", title=f"{curve.measure} (95 %)"),
        alt.Tooltip("band:N", title="band"),
    ]
    if not along_axis(report, [p.setting for p in curve.points]):
        return Drawing(_named_rows(base, rows, scale, names, tooltip, width), {source: rows})
    places = [row["x"] for row in rows]
    wide = min(places) > 0 and max(places) / min(places) > _WIDE
    kind = {"type": "log"} if wide else {"zero": False, "nice": False}
    values = sorted(set(places)) if len(set(places)) <= _ALL_PLACES else alt.Undefined
    axis = alt.Axis(grid=False, format=_DIGITS, values=values)
    x = alt.X("x:Q", title=report.axis, scale=alt.Scale(padding=12, **kind), axis=axis)
    y: dict[str, Any] = {"title": None, **scale}
    colour = _colour(names)
    chart = alt.layer(
        base.mark_area(opacity=0.2, line=False).encode(x, alt.Y("b0:Q", **y), alt.Y2("b1"), colour),
        base.mark_rule(strokeWidth=1.5, opacity=0.75).encode(x, alt.Y("low:Q", **y), alt.Y2("high"), colour),
        base.mark_line(strokeWidth=2).encode(x, alt.Y("mean:Q", **y), colour, *_dash(names)),
        base.mark_point(filled=True, size=48, opacity=1).encode(
            x, alt.Y("mean:Q", **y), colour, *_shape(names), tooltip=tooltip
        ),
    ).properties(width=width, height=height)
    return Drawing(chart, {source: rows})


def _named_rows(
    base: Any, rows: Sequence[dict[str, Any]], scale: dict[str, Any], names: Sequence[str], tooltip: Any, width: Any
) -> Any:
    import altair as alt

    y = alt.Y("setting:N", title=None, sort=[row["setting"] for row in rows], axis=alt.Axis(grid=True))
    x = {"title": None, **scale}
    colour = _colour(names)
    return alt.layer(
        base.mark_rule(strokeWidth=6, opacity=0.2).encode(y, alt.X("b0:Q", **x), alt.X2("b1"), colour),
        base.mark_rule(strokeWidth=1.5).encode(y, alt.X("low:Q", **x), alt.X2("high"), colour),
        base.mark_point(filled=True, size=55, opacity=1).encode(
            y, alt.X("mean:Q", **x), colour, *_shape(names), tooltip=tooltip
        ),
    ).properties(width=width, height=ROW * len(rows))


def pair_rows(choice: Choice) -> list[dict[str, Any]]:
    """The rows of a chart of differences."""
    return [
        {
            "pair": name,
            "effect": _short(pair.effect),
            **_bounds(pair.low, pair.high, pair.band_low, pair.band_high),
            "told": pair.told,
        }
        for name, pair in zip(choice.names, choice.pairs, strict=True)
    ]


def pair_range(choice: Choice, kind: str) -> tuple[list[float], list[float]]:
    """The ends and the ticks of a chart of differences: nothing, and all that is known, lie inside."""
    nothing = 1.0 if kind == "ratio" else 0.0
    values = [v for p in choice.pairs for v in (p.effect, p.low, p.high, p.band_low, p.band_high)]
    known = [nothing, *(v for v in values if v is not None)]
    ends = _ends(known, "log" if nothing else "linear")
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
    domain = [low, high] if fixed else [_signal("low"), _signal("high")]
    source = f"differences-{differences.measure}" if fixed else "pairs"
    scale = alt.Scale(type="log", domain=domain, nice=False) if ratio else alt.Scale(domain=domain, nice=False)
    x: dict[str, Any] = {
        "title": differences.kind,
        "scale": scale,
        "axis": alt.Axis(values=at if fixed else _signal("at"), format=_DIGITS),
    }
    y = alt.Y("pair:N", title=None, sort=None, axis=alt.Axis(grid=True))
    told = list(TOLD_SHAPES)
    colour = alt.Color(
        "told:N", legend=None, scale=alt.Scale(domain=told, range=[_signal(_TOLD_COLOURS[t]) for t in told])
    )
    shape = alt.Shape("told:N", legend=None, scale=alt.Scale(domain=told, range=list(TOLD_SHAPES.values())))
    filled = alt.condition("datum.told == 'higher' || datum.told == 'lower'", colour, alt.value(_signal("paper")))
    base = alt.Chart(alt.NamedData(name=source))
    zero = alt.Chart(alt.InlineData(values=[{"nothing": 1 if ratio else 0}]))
    tooltip = [alt.Tooltip(f"{name}:{kind}") for name, kind in (("pair", "N"), ("effect", "Q"), ("told", "N"))]
    chart = alt.layer(
        zero.mark_rule(color=_signal("ink"), strokeDash=[4, 3]).encode(alt.X("nothing:Q", **x)),
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
    scales = [_scale([p.x for p in frontier.points], "log"), _scale([p.y for p in frontier.points], "linear")]
    short = len(names) < 2 and along_axis(report, [p.setting for p in frontier.points])
    points = [
        Label(
            place(report, p.setting) if short else report.settings[p.setting].label,
            _share(p.x, scales[0]),
            _share(p.y, scales[1]),
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
    x = alt.X("x:Q", title=f"{frontier.x} (logarithmic; left: likelier)", **scales[0])
    y = alt.Y("y:Q", title=f"{frontier.y} (up: more varied)", **scales[1])
    colour = _colour(names)
    shape = alt.Shape(
        "loops:N",
        scale=alt.Scale(domain=["few loops", "too many loops"], range=["circle", "square"]),
        legend=None,
    )
    base = alt.Chart(alt.NamedData(name="frontier"))
    filled = alt.condition("datum.on", colour, alt.value(_signal("paper")))
    tooltip = [alt.Tooltip("setting:N"), alt.Tooltip("x:Q", title=frontier.x), alt.Tooltip("y:Q", title=frontier.y),
               alt.Tooltip("rate:N", title="loops")]  # fmt: skip
    best = base.transform_filter("datum.on").mark_line(strokeWidth=1.5, strokeDash=[5, 3], color=_signal("soft"))
    texts = [
        base.transform_filter(f"datum.{which} == '{side}'")
        .mark_text(fontSize=11, color=_signal("ink"), opacity=_signal(_SHOWN[which]) if len(sides) > 1 else 1, **how)
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


def ticks(low: float, high: float) -> list[float]:
    """Places of a logarithmic axis that people read easily: by powers of ten, or by equal steps where it is short."""
    if high / low > _SHORT_AXIS:
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digits in ((1,), (1, 3), (1, 2, 5)):
            found = [round(d * 10**e, 12) for e in exponents for d in digits]
            inside = [value for value in found if low <= value <= high]
            if len(inside) >= 4:
                break
        return inside[:: math.ceil(len(inside) / 7)]
    return steps(low, high, most=6)


def steps(low: float, high: float, most: int) -> list[float]:
    """Equal steps of 1, 2 or 5 by powers of ten, about so many."""
    raw = (high - low) / most
    size = 10 ** math.floor(math.log10(raw))
    step = next(d * size for d in (1, 2, 5, 10) if d * size >= raw)
    return [round(n * step, 12) + 0.0 for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _scale(known: Sequence[float], kind: str) -> dict[str, Any]:
    """Scale and axis of a measure, as what Altair's X and Y take."""
    import altair as alt

    low, high = _ends(known, kind)
    if kind == "log":
        return {
            "scale": alt.Scale(type="log", domain=[low, high], nice=False),
            "axis": alt.Axis(values=ticks(low, high), format=_DIGITS),
        }
    return {
        "scale": alt.Scale(domain=[low, high], nice=False),
        "axis": alt.Axis(values=steps(low, high, most=5), format=_DIGITS),
    }


def _ends(known: Sequence[float], kind: str) -> list[float]:
    """The ends of a scale on which some values lie, with a little room: [low, high]."""
    low, high = min(known), max(known)
    if kind == "log":
        pad = max((high / low) ** 0.03, 1.01)
        ends = [low / pad, high * pad]
    elif kind == "share":
        ends = [0.0, min(1.04 * high, 1.0) or 1.0]
    else:
        pad = 0.04 * (high - low) or 0.1
        ends = [low - pad, high + pad]
    return [float(f"{end:.5g}") for end in ends]


def _share(value: float, scale: dict[str, Any]) -> float:
    """Where a value stands on a scale, 0 to 1."""
    made = scale["scale"].to_dict()
    low, high = map(float, made["domain"])
    if made.get("type") == "log":
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def _colour(names: Sequence[str]) -> Any:
    import altair as alt

    if len(names) < 2:
        return alt.ColorValue(_signal("c0"))
    return alt.Color("series:N", **_series(names, [_signal(_COLOURS[n % len(_COLOURS)]) for n in range(len(names))]))


def _shape(names: Sequence[str]) -> list[Any]:
    import altair as alt

    shapes = [_SHAPES[n % len(_SHAPES)] for n in range(len(names))]
    return [alt.Shape("series:N", **_series(names, shapes))] if names[1:] else []


def _dash(names: Sequence[str]) -> list[Any]:
    import altair as alt

    dashes = [_DASHES[n % len(_DASHES)] for n in range(len(names))]
    return [alt.StrokeDash("series:N", **_series(names, dashes))] if names[1:] else []


def _series(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Scale and legend of the series; one legend for colour, shape and dash."""
    import altair as alt

    columns = max(1, 300 // (7 * max(map(len, names)) + 24))  # what a phone's width holds
    legend = alt.Legend(title=None, orient="top", columns=columns)
    return {"scale": alt.Scale(domain=list(names), range=list(values)), "legend": legend}


def _bounds(
    low: float | None, high: float | None, band_low: float | None, band_high: float | None
) -> dict[str, float | None]:
    return {"low": _short(low), "high": _short(high), "b0": _short(band_low), "b1": _short(band_high)}


def _signal(expression: str) -> Any:
    import altair as alt

    return alt.ExprRef(expr=expression)


def _short(value: float | None) -> float | None:
    """A number with the digits that are seen."""
    return None if value is None else float(f"{value:.5g}")
