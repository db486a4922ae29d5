"""A report's charts as one picture, for a paper or a slide: PNG or SVG, on white, made without the network."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Any

from thermoscope.errors import InputError
from thermoscope.report.charts import charts
from thermoscope.report.charts.contrasts import TOLD_KEY, choices
from thermoscope.report.charts.drawing import LIGHT, Drawing, config, vega_lite
from thermoscope.report.charts.figures import FRONTIER_KEY, constant, curve_figure, frontier_numbers, titled, unit_of
from thermoscope.report.escaped import escaped
from thermoscope.report.records.schema import Report
from thermoscope.statistics.frontier import Frontier
from thermoscope.words import first_upper

#: Measures that are drawn, the most telling first: what can be read on one sheet.
LEADING = 4
#: Pixels: width of a column, between columns, and of a small multiple; pixels of PNG per pixel of the sheet.
_COLUMN, _BETWEEN, _SMALL, _SCALE = 400, 48, 165, 2
#: Letters in a line of a column and of the sheet.
_LINE, _SHEET = 74, 160
FORMATS = ("png", "svg")


def picture(report: Report, form: str) -> bytes:
    """The charts of a report on one sheet, with title and captions.

    Parameters
    ----------
    report
        A report of a run, or of two.
    form
        "png" or "svg".

    Raises
    ------
    InputError
        The format is another one, or the report has nothing that could be drawn.
    """
    if form not in FORMATS:
        raise InputError(f"a picture is {' or '.join(FORMATS)}; got {form!r}")
    spec = sheet(report)
    import vl_convert

    if form == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=_SCALE))
    return str(vl_convert.vegalite_to_svg(spec)).encode("utf-8")


def sheet(report: Report) -> dict[str, Any]:
    """The Vega-Lite of the sheet."""
    import altair as alt

    report = escaped(report)
    parts = [*_curves(report), *_differences(report)]
    apart: dict[str, Any] = dict.fromkeys(("color", "fill", "shape", "strokeDash"), "independent")
    rows: list[Any] = []
    if parts:
        rows.append(alt.concat(*(part.chart for part in parts), columns=2, spacing=_BETWEEN).resolve_scale(**apart))
    if report.frontier and report.frontier.points:
        parts.append(_frontier(report, report.frontier))
        rows.append(parts[-1].chart)
    if not rows:
        raise InputError("this report has no charts; write it as html or md")
    lines = [line for sentence in (*report.finding, *_notes(report)) for line in textwrap.wrap(sentence, _SHEET)]
    title = alt.TitleParams(
        text=report.title, subtitle=lines, fontSize=18, subtitleFontSize=12, subtitleLineHeight=17, offset=22
    )
    chart = alt.vconcat(*rows, spacing=_BETWEEN).properties(title=title).resolve_scale(**apart)
    spec = vega_lite(chart, parts, {**LIGHT, "paper": "#ffffff"})
    return {**spec, "config": config(background="white"), "padding": 16}


def _notes(report: Report) -> list[str]:
    """How the charts are read."""
    notes = []
    if any(curve.points for curve in report.curves):
        unit = unit_of(report)
        notes.append(f"Curves: means with 95% intervals over {unit} (bars) and 95% bands for the whole curve (shaded).")
    if any(found.pairs for found in report.differences):
        signs = ", ".join(f"{sign} {meaning}" for sign, meaning in TOLD_KEY)
        notes.append(f"Paired differences with 95% intervals (thick) and bands for all pairs together (thin). {signs}.")
    return notes


def _curves(report: Report) -> list[Drawing]:
    """The leading curves that change; small multiples side by side."""
    import altair as alt

    series = charts.series_of(report, legend=True)
    drawn = []
    for curve in [c for c in report.curves if c.points and not constant(report, c)][:LEADING]:
        made = charts.curve_charts(report, curve, series, width=_COLUMN)
        if len(made) > 1:
            small = charts.curve_charts(report, curve, series, width=_SMALL, height=110)
            panels = [each.chart.properties(title=alt.TitleParams(name, fontSize=11)) for name, each in small]
            data = {name: rows for _, each in small for name, rows in each.data.items()}
            drawing = Drawing(alt.concat(*panels, columns=2, spacing=12), data)
        else:
            ((_, drawing),) = made
        caption = f"{curve_figure(report, curve).caption} Higher means {curve.direction}."
        drawn.append(_titled(drawing, titled(curve.measure, curve.unit), caption, _LINE))
    return drawn


def _differences(report: Report) -> list[Drawing]:
    """The differences of the leading measure of each kind: those that are subtracted, and those that are divided."""
    leading = {found.kind: found for found in reversed(report.differences) if found.pairs}
    drawn = []
    for found in [found for found in report.differences if leading.get(found.kind) is found]:
        choice = choices(report, found)[0]
        drawing = charts.differences_chart(report, found, choice, width=_COLUMN, fixed=True)
        drawn.append(_titled(drawing, found.measure, f"{first_upper(found.kind)}, {choice.name}", _LINE))
    return drawn


def _frontier(report: Report, frontier: Frontier) -> Drawing:
    series = charts.series_of(report, legend=True)
    drawing = charts.frontier_chart(report, frontier, series, width=2 * _COLUMN + 2 * _BETWEEN)
    signs = ", ".join(f"{sign}: {meaning}" for sign, meaning in FRONTIER_KEY)
    names = "; ".join(f"{number} {label}" for number, label in frontier_numbers(report, frontier))
    return _titled(drawing, f"{frontier.y} against {frontier.x}", f"{first_upper(signs)}. {names}".strip(), _SHEET)


def _titled(drawing: Drawing, title: str, caption: str, line: int) -> Drawing:
    import altair as alt

    params = alt.TitleParams(text=title, subtitle=textwrap.wrap(caption, line), frame="group")
    return replace(drawing, chart=drawing.chart.properties(title=params))
