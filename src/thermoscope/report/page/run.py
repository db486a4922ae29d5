"""A report as one self-contained page: a reader's order, charts drawn as they are come to, texts shown as chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from thermoscope.language.saying import phrase, say, worded
from thermoscope.report.charts import charts
from thermoscope.report.charts.contrasts import KINDS, TOLD_KEY, Choice, choices, header, table, unchanged
from thermoscope.report.charts.drawing import DARK, LIGHT, Drawing, Series, config, vega_lite
from thermoscope.report.charts.figures import (
    FRONTIER_KEY,
    constant,
    curve_figure,
    frontier_figure,
    frontier_numbers,
    titled,
    unit_of,
)
from thermoscope.report.claims import contrast_line, tested, untested
from thermoscope.report.escaped import escaped, visible_passages
from thermoscope.report.marks import UNICODE
from thermoscope.report.page.pages import render
from thermoscope.report.page.prompts import told_apart
from thermoscope.report.page.vega import runtime
from thermoscope.report.records.schema import Curve, Differences, Ran, Report, TextRecord
from thermoscope.statistics.verdicts import claim_verdict
from thermoscope.words import ENDINGS, count, ending, first_upper, short

#: Measures whose charts are open; those of the others are opened at will.
LEADING = 4
_SIGNS = {"holds": "✓", "does not hold": "✗", "can't be told": "?", "not tested": "–"}
_FONT = "system-ui, sans-serif"
#: Pixels of height of one of several charts of a measure.
_SMALL = 120
#: The shapes of series as paths around 0, 0, at the size of a legend.
_PATHS = {
    "circle": "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
    "square": "M-4,-4H4V4H-4Z",
    "triangle-up": "M0,-4.5L4.5,4H-4.5Z",
    "diamond": "M0,-5L5,0L0,5L-5,0Z",
    "triangle-down": "M0,4.5L4.5,-4H-4.5Z",
    "cross": "M-1.5,-4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z",
}
#: What two texts side by side have in common.
_SHARED = phrase("Same prompt, same seed, same noise: any difference comes from the setting.")
_INDEPENDENT = phrase(
    "Same prompt and seed. The texts are independent samples without common noise: part of any difference is chance."
)


def report_page(report: Report) -> str:
    """The page of a report of one run, of two beside each other or of a comparison.

    The answer stands below the title, then texts, then what else was found; sections without content are left out. The
    page loads nothing and evaluates nothing.
    """
    report = escaped(report)
    series = charts.series_of(report)
    drawings: dict[str, Drawing] = {}
    curves = [_curve(report, curve, series, drawings) for curve in report.curves if curve.points]
    differences = [_differences(report, found) for found in report.differences if found.pairs]
    moving = [found for found in differences if not found["unchanged"]]
    frontier = _frontier(report, series, drawings)
    changing = [curve for curve in curves if not curve["constant"]]
    drawn = bool(changing or moving or frontier)
    claims = [_run_claims(run) for run in report.runs if run.claims]
    sections = [
        ("texts", say("Texts side by side"), report.texts),
        ("finding", say("What else was found"), report.finding[1:] or report.notes),
        ("curves", say("Measures by setting"), curves),
        ("differences", say("Differences"), differences),
        ("frontier", say("Diversity against likelihood"), frontier),
        ("settings", say("Settings"), report.settings),
        ("claims", say("The article’s claims"), claims),
        ("meanings", say("What the measures mean"), report.meanings),
        ("ran", say("What ran"), report.runs),
    ]
    return render(
        "report.html.j2",
        report=report,
        contents=[(name, title) for name, title, there in sections if there],
        titles={name: title for name, title, _ in sections},
        overview=_overview(report),
        claims=claims,
        unit=unit_of(report),
        curves=changing,
        constant=[curve["constant"] for curve in curves if curve["constant"]],
        differences=moving,
        unchanged=[found["unchanged"] for found in differences if found["unchanged"]],
        choices=[choice["name"] for choice in max((d["choices"] for d in moving), key=len, default=[])],
        frontier=frontier,
        key=series_key(series) if drawn and len(series.names) > 1 else [],
        colours={"light": _series_colours(LIGHT), "dark": _series_colours(DARK)},
        leading=LEADING,
        told_key=[(sign, worded(meaning)) for sign, meaning in TOLD_KEY],
        frontier_key=[(sign, worded(sign), worded(meaning)) for sign, meaning in FRONTIER_KEY],
        texts=_texts(report),
        meanings=[(titled(m.name, m.unit), m, m.source.strip("-")) for m in report.meanings],
        data=_data(report, moving, drawings),
        runtime=Markup(runtime()) if drawn else "",
        many=len(report.runs) > 1,
    )


def _series_colours(theme: Mapping[str, str]) -> dict[str, str]:
    return {name: colour for name, colour in theme.items() if name[1:].isdecimal()}


def shape_path(shape: str) -> str:
    """A shape of series as a path around 0, 0."""
    return _PATHS[shape]


def series_key(series: Series) -> list[dict[str, Any]]:
    """The one legend of a page: each series with its colour, shape and dash."""
    looks = [(name, *series.look(name)) for name in series.names]
    return [
        {"name": name, "colour": colour, "shape": _PATHS[shape], "dash": " ".join(map(str, dash)) if dash[1] else ""}
        for name, colour, shape, dash in looks
    ]


def _curve(report: Report, curve: Curve, series: Series, drawings: dict[str, Drawing]) -> dict[str, Any]:
    """A measure in words and numbers, and its charts, which go into ``drawings``; one line where it is constant."""
    figure = {
        **_figure(curve_figure(report, curve)),
        "meaning": worded(curve.direction),
        "constant": constant(report, curve),
    }
    if figure["constant"]:
        return {**figure, "panels": []}
    made = charts.curve_charts(report, curve, series)
    if len(made) > 1:
        made = charts.curve_charts(report, curve, series, height=_SMALL)
    ids = [f"{figure['id']}-{n}" if len(made) > 1 else figure["id"] for n in range(len(made))]
    drawings |= {name: drawing for name, (_, drawing) in zip(ids, made, strict=True)}
    panels = [{"id": name, "name": shown} for name, (shown, _) in zip(ids, made, strict=True)]
    return {**figure, "panels": panels}


def _frontier(report: Report, series: Series, drawings: dict[str, Drawing]) -> dict[str, Any] | None:
    if report.frontier is None or not report.frontier.points:
        return None
    drawings["chart-frontier"] = charts.frontier_chart(report, report.frontier, series)
    return {
        **_figure(frontier_figure(report, report.frontier)),
        "numbers": frontier_numbers(report, report.frontier),
        "loops": any(point.loops for point in report.frontier.points),
    }


def _overview(report: Report) -> tuple[str, ...]:
    """How much was measured, a line each: ``12 prompts × 15 settings × 8 seeds, 1,440 texts``.

    Of two runs it is said of each what its own texts are, or once where that is the same.
    """
    if len(report.runs) < 2:
        return tuple(filter(None, [_amount(report.prompts, report.settings, report.seeds, report.texts)]))
    amounts = []
    for run in range(len(report.runs)):
        texts = [text for text in report.texts if report.settings[text.setting].run == run]
        settings = [setting for setting in report.settings if setting.run == run]
        amounts.append(_amount({text.prompt for text in texts}, settings, {text.seed for text in texts}, texts))
    if len(set(amounts)) == 1:
        return (say("Each run: {amount}", amount=amounts[0]),)
    return tuple(f"{run.name}: {amount}" for run, amount in zip(report.runs, amounts, strict=True))


def _amount(prompts: Collection[Any], settings: Collection[Any], seeds: Collection[Any], texts: Collection[Any]) -> str:
    counted = [(len(prompts), "prompt"), (len(settings), "setting"), (len(seeds), "seed")]
    parts = " × ".join(count(number, name) for number, name in counted if number)
    return ", ".join(part for part in (parts, count(len(texts), "text") if texts else "") if part)


def _figure(figure: Any) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in ("id", "title", "caption", "alt", "header", "rows")}


def _run_claims(run: Ran) -> dict[str, Any]:
    """The claims of a run: those that were tested, and in one line those that were not."""
    return {
        "run": run,
        "tested": [_claim(claim, run) for claim in tested(run.claims)],
        "untested": untested(run.claims),
    }


def _claim(claim: Mapping[str, Any], run: Ran) -> dict[str, Any]:
    return {
        "name": first_upper(worded(claim["name"])),
        "statement": f"{first_upper(worded(claim['statement']))}.",
        "verdict": claim["verdict"],
        "shown": claim_verdict(claim["verdict"]),
        "sign": _SIGNS[claim["verdict"]],
        "lines": [contrast_line(contrast, run.unit) for contrast in claim["contrasts"]],
        "reason": f"{first_upper(worded(claim['reason']))}." if claim["reason"] else "",
    }


def _differences(report: Report, differences: Differences) -> dict[str, Any]:
    made = [_choice(differences, choice) for choice in choices(report, differences)]
    return {
        "id": f"differences-{differences.measure}",
        "measure": differences.measure,
        "kind": first_upper(worded(KINDS[differences.kind])),
        "header": header(report, differences),
        "choices": made,
        "unchanged": unchanged(differences),
        "row": charts.row_height([row[0] for choice in made for row in choice["rows"]]),
    }


def _choice(differences: Differences, choice: Choice) -> dict[str, Any]:
    ends, at = charts.pair_range(choice, differences.kind)
    return {
        "name": choice.name,
        "alt": choice.alt,
        "rows": [list(row.values()) for row in charts.pair_rows(choice)],
        "ends": ends,
        "at": at,
        "table": table(choice),
    }


def _compact(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A choice without what is there twice: the name and what is told stand at the ends of each row."""
    return {**choice, "table": [row[1:-1] for row in choice["table"]]}


def _texts(report: Report) -> dict[str, Any] | None:
    """What the choice of texts shows before anything is chosen; None without texts."""
    if not report.texts:
        return None
    last = len(report.settings) - 1
    second = max((n for n, s in enumerate(report.settings) if s.run == report.settings[last].run), default=last)
    first = min(n for n, s in enumerate(report.settings) if s.run == report.settings[0].run)
    return {
        "panes": [("a", say("First text"), first), ("b", say("Second text"), second)][: 1 if last == 0 else 2],
        "last": last,
        "prompts": told_apart(report.prompts),
        "seeds": report.seeds,
        "signs": UNICODE,
        "pairing": worded(_SHARED if all(run.shared_noise for run in report.runs) else _INDEPENDENT),
    }


def _data(report: Report, differences: Sequence[Mapping[str, Any]], drawings: Mapping[str, Drawing]) -> dict[str, Any]:
    """What the page's script needs: specifications of the charts, all choices of differences, all texts."""
    made = dict(drawings)
    endings = list(dict.fromkeys(filter(None, map(_ending, report.texts))))
    shown = {found["measure"] for found in differences}
    for found in report.differences:
        if found.measure in shown:
            first = choices(report, found)[0]
            made[f"differences-{found.measure}"] = charts.differences_chart(report, found, first)
    return {
        "specs": {name: vega_lite(drawing.chart, [drawing], LIGHT) for name, drawing in made.items()},
        "config": config(_FONT) if made else {},
        "themes": {"light": LIGHT, "dark": DARK} if made else {},
        "pairs": {found["id"]: [_compact(choice) for choice in found["choices"]] for found in differences},
        "rows": {found["id"]: found["row"] for found in differences},
        "settings": [setting.label for setting in report.settings],
        "prompts": report.prompts,
        "texts": [_text(text, endings) for text in report.texts],
        "endings": endings,
        "signs": {name: getattr(UNICODE, name) for name in ("differs", "opens", "closes", "loop")},
    }  # fmt: skip


def _ending(text: TextRecord) -> str:
    """How a text ended; "" where that is not known."""
    whole = "".join(passage.text for passage in text.passages)
    return ending(text.finish_reason, whole) if text.finish_reason in ENDINGS else ""


def _text(text: TextRecord, endings: Sequence[str]) -> list[Any]:
    """A text as prompt, setting, seed, ending, its line of measures, and passages each with what it is (0 to 3)."""
    m = text.measures
    tokens = m.get("tokens")
    line = " · ".join(
        [
            *(f"{name} {short(m[name])}" for name in m if name != "tokens" and m[name] is not None),
            *([count(int(tokens), "token")] if tokens is not None else []),
        ]
    )
    passages: list[Any] = []
    for shown, passage in visible_passages(text.passages):
        passages += [(1 if passage.repeated else 0) + (2 if passage.loop else 0), shown]
    ended = _ending(text)
    return [text.prompt, text.setting, text.seed, endings.index(ended) if ended else -1, line, *passages]
