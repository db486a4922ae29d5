"""A recommendation as one self-contained page."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from thermoscope.recommending.recommendation import Recommendation
from thermoscope.recommending.sentences import in_language
from thermoscope.report.charts import recommendation as charts
from thermoscope.report.charts.drawing import DARK, LIGHT, Drawing, config, vega_lite
from thermoscope.report.escaped import safe
from thermoscope.report.page.pages import render
from thermoscope.report.page.run import series_key, shape_path
from thermoscope.report.page.vega import runtime
from thermoscope.report.terminal.recommendation import spent_sentence
from thermoscope.words import estimate, short

_FONT = "system-ui, sans-serif"


def recommendation_page(found: Recommendation) -> str:
    """The page: finding, range with cliffs, set, frontier, held-out prompts, texts, and what would change the advice.

    It loads nothing and evaluates nothing.
    """
    found = safe(in_language(found))
    drawings: dict[str, Drawing] = {"range": charts.range_chart(found)}
    known = found.ranges[0]
    curves: list[dict[str, Any]] = [
        {"id": f"curve-{curve.bound.measure}", "curve": curve, "alt": charts.curve_alt(curve)}
        for curve in known.curves
        if any(point.mean is not None for point in curve.points)
    ]
    for curve in curves:
        drawings[curve["id"]] = charts.curve_chart(found, known, curve["curve"])
    if (objective := charts.objective_chart(found)) is not None:
        drawings["objective"] = objective
    if (made := charts.frontier_of(found)) is not None:
        drawings["frontier"] = charts.frontier_chart(found, made)
    families: list[dict[str, Any]] = []
    if found.families:
        drawings["families"], series = charts.families_chart(found)
        families = series_key(series)
    data = {
        "specs": {name: vega_lite(drawing.chart, [drawing], LIGHT) for name, drawing in drawings.items()},
        "config": config(_FONT), "themes": {"light": LIGHT, "dark": DARK}, "pairs": {}, "texts": [],
    }  # fmt: skip
    return render(
        "recommendation.html.j2",
        found=found,
        known=known,
        curves=curves,
        drawn=drawings,
        alt=charts.range_alt(found),
        states=[
            (name, shape_path(charts.STATES[name][0]), charts.STATES[name][1]) for name in charts.candidates_seen(found)
        ],
        state_of=lambda one: charts.state_of(found, one),
        families=families,
        scored=found.kind != "none",
        spent=spent_sentence(found),
        estimate=lambda one: "" if one.value is None else estimate(one.value, one.low, one.high),
        short=short,
        data=data,
        colours={"light": _series_colours(LIGHT), "dark": _series_colours(DARK)},
        runtime=Markup(runtime()),
    )


def _series_colours(theme: dict[str, str]) -> dict[str, str]:
    return {name: colour for name, colour in theme.items() if name[1:].isdecimal()}
