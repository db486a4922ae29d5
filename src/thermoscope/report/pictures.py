"""A report's charts as one picture, for a paper or a slide: PNG or SVG, on white, made without the network."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from thermoscope.errors import InputError
from thermoscope.report import charts
from thermoscope.report.contrasts import TOLD_KEY, choices
from thermoscope.report.escaped import escaped
from thermoscope.report.figures import FRONTIER_KEY, curve_figure, titled, unit_of
from thermoscope.report.records.schema import Report

#: Measures that are drawn, the most telling first: what can be read on one sheet.
LEADING = 4
#: Pixels: width of a column, and between columns; pixels of PNG per pixel of the sheet.
_COLUMN, _BETWEEN, _SCALE = 400, 48, 2
#: Letters in a line of a column and of the sheet.
_LINE, _SHEET = 66, 128
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
    rows = [*_curves(report), *_differences(report), *_frontier(report)]
    if not rows:
        raise InputError("this report has no charts; write it as html or md")
    lines = [line for sentence in report.finding for line in textwrap.wrap(sentence, _SHEET)]
    title = alt.TitleParams(
        text=report.title, subtitle=lines, fontSize=18, subtitleFontSize=12, subtitleLineHeight=17, offset=18
    )
    chart = alt.vconcat(*(row for row, _ in rows), spacing=28).properties(title=title)
    chart = chart.resolve_scale(color="independent", shape="independent", strokeDash="independent")
    spec = charts.vega_lite(chart, [drawing for _, row in rows for drawing in row], charts.LIGHT | {"paper": "#ffffff"})
    return {**spec, "config": charts.config(background="white"), "padding": 16}


_Row = tuple[Any, list[charts.Drawing]]


def _curves(report: Report) -> list[_Row]:
    """The leading curves, two beside each other."""
    drawn = []
    for curve in [curve for curve in report.curves if curve.points][:LEADING]:
        drawing = charts.curve_chart(report, curve, width=_COLUMN)
        figure = curve_figure(report, curve)
        drawn.append((drawing, titled(curve.measure, curve.unit), f"{figure.caption} Larger: {curve.direction}."))
    note = f"Points: means; bars: 95 % intervals over {unit_of(report)}; shaded: 95 % band of the whole curve."
    return _pairs(drawn, "Measures", note)


def _differences(report: Report) -> list[_Row]:
    drawn = []
    for found in [found for found in report.differences if found.pairs][:LEADING]:
        choice = choices(report, found)[0]
        drawing = charts.differences_chart(report, found, choice, width=_COLUMN, fixed=True)
        drawn.append((drawing, found.measure, f"{found.kind}, {choice.name}"))
    signs = ", ".join(f"{sign} {meaning}" for sign, meaning in TOLD_KEY)
    note = f"Same prompts and seeds. Thick: 95 % intervals; thin: bands over all pairs, which tell: {signs}."
    return _pairs(drawn, "Differences", note)


def _frontier(report: Report) -> list[_Row]:
    import altair as alt

    if not report.frontier or not report.frontier.points:
        return []
    drawing = charts.frontier_chart(report, report.frontier, width=2 * _COLUMN + _BETWEEN)
    signs = ", ".join(f"{sign} {meaning}" for sign, meaning in FRONTIER_KEY)
    title = alt.TitleParams(
        text=f"{report.frontier.y} against {report.frontier.x}", subtitle=textwrap.wrap(f"{signs}.", _SHEET)
    )
    return [(drawing.chart.properties(title=title), [drawing])]


def _pairs(drawn: Sequence[tuple[charts.Drawing, str, str]], title: str, note: str) -> list[_Row]:
    """Charts two by two; the first row bears the title and the note of all."""
    import altair as alt

    rows: list[_Row] = []
    for start in range(0, len(drawn), 2):
        beside = drawn[start : start + 2]
        titled_charts = [
            drawing.chart.properties(title=alt.TitleParams(text=name, subtitle=textwrap.wrap(caption, _LINE)))
            for drawing, name, caption in beside
        ]
        row = alt.hconcat(*titled_charts, spacing=_BETWEEN)
        row = row.resolve_scale(color="independent", shape="independent", strokeDash="independent")
        if not start:
            row = row.properties(
                title=alt.TitleParams(text=title, subtitle=textwrap.wrap(note, _SHEET), fontSize=15, offset=14)
            )
        rows.append((row, [drawing for drawing, _, _ in beside]))
    return rows
