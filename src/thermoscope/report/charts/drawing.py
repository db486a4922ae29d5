"""What all charts share: colours, look, scales, and how series are told apart.

Colours are those of Okabe and Ito (2008), which the colour-blind tell apart, some of them darker or lighter for
contrast with the page; shape and dash say the same once more. A colour and a shape mean a series and nothing else on
a whole page: differences and the frontier are drawn in ink. They are parameters of the charts (``ink``, ``c0``, ...),
so that a page changes between light and dark without drawing anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

LIGHT = {
    "ink": "#1d1f23", "soft": "#5a5f69", "grid": "#e4e1d8", "paper": "#fbfaf7",
    "c0": "#0072b2", "c1": "#b87d00", "c2": "#009e73", "c3": "#b35c8e", "c4": "#5b5ea6",
}  # fmt: skip
DARK = {
    "ink": "#e8e6e1", "soft": "#a2a7b1", "grid": "#2c3038", "paper": "#16181c",
    "c0": "#56b4e9", "c1": "#f0e442", "c2": "#2bbd92", "c3": "#cc79a7", "c4": "#a5a8ee",
}  # fmt: skip
#: For pictures; pages take the system's.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
#: Format of numbers on axes. Without its own number of digits Vega takes as many as a step has, and 1.2 is a 1.
DIGITS = ".6~g"
_COLOURS = ("c0", "c1", "c2", "c3", "c4")
_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4])
#: Ticks of a logarithmic axis that spans less are equal steps.
_SHORT_AXIS = 6


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
    made: dict[str, Any] = chart.to_dict(validate=False)  # checking takes half of a page's time: tests do it
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

    ink, soft, grid = (signal(name) for name in ("ink", "soft", "grid"))
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
            labelColor=ink, labelFontSize=11, symbolStrokeWidth=0, symbolSize=70, symbolOpacity=1
        ),
        title=alt.TitleConfig(
            color=ink, fontSize=13, anchor="start", subtitleColor=soft, subtitleFontSize=11, offset=8
        ),
    ).to_dict()  # fmt: skip
    return made


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


def scale_of(known: Sequence[float], kind: str) -> dict[str, Any]:
    """Scale and axis of a measure, as what Altair's X and Y take."""
    import altair as alt

    low, high = ends_of(known, kind)
    if kind == "log":
        return {
            "scale": alt.Scale(type="log", domain=[low, high], nice=False),
            "axis": alt.Axis(values=ticks(low, high), format=DIGITS),
        }
    return {
        "scale": alt.Scale(domain=[low, high], nice=False),
        "axis": alt.Axis(values=steps(low, high, most=5), format=DIGITS),
    }


def ends_of(known: Sequence[float], kind: str) -> list[float]:
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


def share_along(value: float, scale: dict[str, Any]) -> float:
    """Where a value stands on a scale, 0 to 1."""
    made = scale["scale"].to_dict()
    low, high = map(float, made["domain"])
    if made.get("type") == "log":
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


@dataclass(frozen=True, slots=True)
class Series:
    """How the series of a report are told apart in all of its charts: by their place in it.

    Attributes
    ----------
    names
        The series, in the order of the settings.
    legend
        Whether charts bring their own legend; a page has one for all.
    """

    names: tuple[str, ...]
    legend: bool = False

    def look(self, name: str) -> tuple[str, str, list[int]]:
        """Colour, shape and dash of a series."""
        n = self.names.index(name)
        return _COLOURS[n % len(_COLOURS)], _SHAPES[n % len(_SHAPES)], _DASHES[n % len(_DASHES)]

    def colour(self) -> Any:
        """The channel of colours; one colour where there is one series."""
        import altair as alt

        if len(self.names) < 2:
            return alt.ColorValue(signal(_COLOURS[0]))
        return alt.Color("series:N", **self._scale([signal(self.look(name)[0]) for name in self.names]))

    def shape(self) -> list[Any]:
        """The channel of shapes; none for one series."""
        import altair as alt

        return [alt.Shape("series:N", **self._scale([self.look(n)[1] for n in self.names]))] if self.names[1:] else []

    def dash(self) -> list[Any]:
        """The channel of dashes; none for one series."""
        import altair as alt

        dashes = [self.look(name)[2] for name in self.names]
        return [alt.StrokeDash("series:N", **self._scale(dashes))] if self.names[1:] else []

    def _scale(self, values: Sequence[Any]) -> dict[str, Any]:
        """Scale and legend; one legend for colour, shape and dash, whose names are never cut."""
        import altair as alt

        columns = max(1, 380 // (7 * max(map(len, self.names)) + 24))
        legend = alt.Legend(title=None, orient="top", columns=columns, labelLimit=0) if self.legend else None
        return {"scale": alt.Scale(domain=list(self.names), range=list(values)), "legend": legend}


def signal(expression: str) -> Any:
    """An expression that the chart computes as it is drawn: a parameter's name."""
    import altair as alt

    return alt.ExprRef(expr=expression)
