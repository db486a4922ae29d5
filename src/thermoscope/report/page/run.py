"""A report as one self-contained page: a reader's order, charts drawn as they are come to, texts shown as chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from thermoscope.report.charts import charts
from thermoscope.report.charts.contrasts import TOLD_KEY, Choice, choices, header, table
from thermoscope.report.charts.drawing import DARK, LIGHT, Drawing, config, vega_lite
from thermoscope.report.charts.figures import FRONTIER_KEY, curve_figure, frontier_figure, titled, unit_of
from thermoscope.report.claims import contrast_line
from thermoscope.report.escaped import escaped, visible_passages
from thermoscope.report.marks import UNICODE
from thermoscope.report.page.pages import render
from thermoscope.report.page.vega import runtime
from thermoscope.report.records.schema import Differences, Ran, Report, TextRecord
from thermoscope.statistics.verdicts import claim_verdict
from thermoscope.words import ENDINGS, count, first_upper, short

#: Measures whose charts are open; those of the others are opened at will.
LEADING = 4
_SIGNS = {"holds": "✓", "does not hold": "✗", "can't be told": "?", "not tested": "–"}
_FONT = "system-ui, sans-serif"
#: Characters of a prompt in the list of prompts.
_PROMPT = 90
#: What two texts side by side have in common.
_SHARED = "Same prompt, same seed, same noise: any difference comes from the setting."
_INDEPENDENT = (
    "Same prompt and seed, but the texts of an endpoint are independent samples: part of any difference is chance."
)


def report_page(report: Report) -> str:
    """The page of a report of one run, of two beside each other or of a comparison.

    Sections without content are left out. The page loads nothing and evaluates nothing.
    """
    report = escaped(report)
    curves = [{**_figure(curve_figure(report, c)), "meaning": c.direction} for c in report.curves if c.points]
    differences = [_differences(report, found) for found in report.differences if found.pairs]
    frontier = report.frontier if report.frontier and report.frontier.points else None
    drawn = bool(curves or differences or frontier)
    sections = [
        ("claims", "The article’s claims", any(run.claims for run in report.runs)),
        ("curves", "Measures by setting", curves),
        ("differences", "Differences", differences),
        ("frontier", "Diversity against likelihood", frontier),
        ("texts", "Texts side by side", report.texts),
        ("settings", "Settings", report.settings),
        ("meanings", "What the measures mean", report.meanings),
        ("ran", "What ran", report.runs),
    ]
    texts_first = len(report.prompts) == 1  # a comparison of one prompt is about its texts
    if texts_first:
        sections.sort(key=lambda section: section[0] != "texts")
    return render(
        "report.html.j2",
        texts_first=texts_first,
        report=report,
        contents=[(name, title) for name, title, there in sections if there],
        titles={name: title for name, title, _ in sections},
        overview=_overview(report),
        claims=[(run, [_claim(claim, run) for claim in run.claims]) for run in report.runs if run.claims],
        unit=unit_of(report),
        curves=curves,
        differences=differences,
        choices=[choice["name"] for choice in max((d["choices"] for d in differences), key=len, default=[])],
        frontier=_figure(frontier_figure(report, frontier)) if frontier else None,
        leading=LEADING,
        told_key=TOLD_KEY,
        frontier_key=FRONTIER_KEY,
        texts=_texts(report),
        meanings=[(titled(m.name, m.unit), m, m.source.strip("-")) for m in report.meanings],
        data=_data(report, differences, drawn),
        runtime=Markup(runtime()) if drawn else "",
        many=len(report.runs) > 1,
    )


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
        return (f"Each run: {amounts[0]}",)
    return tuple(f"{run.name}: {amount}" for run, amount in zip(report.runs, amounts, strict=True))


def _amount(prompts: Collection[Any], settings: Collection[Any], seeds: Collection[Any], texts: Collection[Any]) -> str:
    counted = [(len(prompts), "prompt"), (len(settings), "setting"), (len(seeds), "seed")]
    parts = " × ".join(count(number, name) for number, name in counted if number)
    return ", ".join(part for part in (parts, count(len(texts), "text") if texts else "") if part)


def _figure(figure: Any) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in ("id", "title", "caption", "alt", "header", "rows")}


def _claim(claim: Mapping[str, Any], run: Ran) -> dict[str, Any]:
    return {
        "name": first_upper(claim["name"]),
        "statement": f"{first_upper(claim['statement'])}.",
        "verdict": claim["verdict"],
        "shown": claim_verdict(claim["verdict"]),
        "sign": _SIGNS[claim["verdict"]],
        "lines": [contrast_line(contrast, run.unit) for contrast in claim["contrasts"]],
        "reason": f"{first_upper(claim['reason'])}." if claim["reason"] else "",
    }


def _differences(report: Report, differences: Differences) -> dict[str, Any]:
    made = [_choice(differences, choice) for choice in choices(report, differences)]
    return {
        "id": f"differences-{differences.measure}",
        "measure": differences.measure,
        "kind": first_upper(differences.kind),
        "header": header(report, differences),
        "choices": made,
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
        "panes": [("a", "First text", first), ("b", "Second text", second)][: 1 if last == 0 else 2],
        "last": last,
        "prompts": [p if len(p) <= _PROMPT else f"{p[:_PROMPT]}…" for p in (_line(p) for p in report.prompts)],
        "seeds": report.seeds,
        "signs": UNICODE,
        "pairing": _SHARED if all(run.shared_noise for run in report.runs) else _INDEPENDENT,
    }


def _line(text: str) -> str:
    return " ".join(text.split())


def _data(report: Report, differences: Sequence[Mapping[str, Any]], drawn: bool) -> dict[str, Any]:
    """What the page's script needs: specifications of the charts, all choices of differences, all texts."""
    drawings: dict[str, Drawing] = {}
    for curve in report.curves:
        if curve.points:
            drawings[f"curve-{curve.measure}"] = charts.curve_chart(report, curve)
    for found in report.differences:
        if found.pairs:
            first = choices(report, found)[0]
            drawings[f"differences-{found.measure}"] = charts.differences_chart(report, found, first)
    if report.frontier and report.frontier.points:
        drawings["chart-frontier"] = charts.frontier_chart(report, report.frontier)
    return {
        "specs": {name: vega_lite(made.chart, [made], LIGHT) for name, made in drawings.items()},
        "config": config(_FONT) if drawn else {},
        "themes": {"light": LIGHT, "dark": DARK} if drawn else {},
        "pairs": {found["id"]: [_compact(choice) for choice in found["choices"]] for found in differences},
        "row": charts.ROW,
        "settings": [setting.label for setting in report.settings],
        "prompts": report.prompts,
        "texts": [_text(text) for text in report.texts],
        "endings": list(ENDINGS.values()),
        "signs": {name: getattr(UNICODE, name) for name in ("differs", "opens", "closes", "loop")},
    }  # fmt: skip


def _text(text: TextRecord) -> list[Any]:
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
    ending = list(ENDINGS).index(text.finish_reason) if text.finish_reason in ENDINGS else -1
    return [text.prompt, text.setting, text.seed, ending, line, *passages]
