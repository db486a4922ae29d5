"""A report as Markdown: what one pastes into an issue or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thermoscope.escape import escape
from thermoscope.language.saying import in_words, say, worded
from thermoscope.report.claims import contrast_line, tested, untested
from thermoscope.report.markdown_text import lines, plain
from thermoscope.report.marks import UNICODE, signs_meaning
from thermoscope.report.records.effects import is_clear
from thermoscope.report.records.schema import Differences, Point, Ran, Report, TextRecord
from thermoscope.report.records.settings import neighbours
from thermoscope.statistics.verdicts import claim_verdict, outcome_shown
from thermoscope.words import estimate, first_upper, short

#: Texts that are shown, of the first prompt and seed: a page has all of them.
MOST_TEXTS = 6
#: Measures of which the differences between two runs are listed: those that the finding cites are the first.
MOST_DIFFERENCES = 4
#: Measures that have a column in the table; all of them are in the page and in JSON.
MOST_MEASURES = 6


def markdown(report: Report) -> str:
    """The report as Markdown, in the order of the page.

    Texts are quoted and escaped, so that nothing in them is read as markup.
    """
    return "\n\n".join(part for part in _parts(in_words(report)) if part) + "\n"


def _parts(report: Report) -> Iterator[str]:
    yield f"# {plain(report.title)}"
    yield _list(report.finding)
    if report.texts:
        yield f"## {say('Texts')}"
        yield _texts(report)
    if report.curves:
        yield f"## {say('Measures')}"
        yield _measures(report)
    if report.differences:
        yield f"## {say('Differences')}"
        yield _differences(report)
    elif report.notes:
        yield _list(report.notes)
    if report.frontier is not None:
        yield f"## {say('Diversity against likelihood')}"
        yield _frontier(report)
    yield f"## {say('Settings')}"
    yield _settings(report)
    if any(run.claims for run in report.runs):
        yield f"## {say('The article’s claims')}"
        yield plain(report.claimed)
    for run in report.runs:
        yield from _claims(run, report)
    if report.meanings:
        yield f"## {say('What the measures mean')}"
        yield _list(
            say(
                "{measure}: {meaning}; higher means {direction} ({source})",
                measure=f"`{m.name}`",
                meaning=m.meaning,
                direction=m.direction,
                source=m.source,
            )
            for m in report.meanings
        )
    for run in report.runs:
        yield f"## {say('What ran')}{_of(run, report)}"
        yield _list(f"{name}: {value}" for name, value in run.facts)
        yield f"```\n{escape(run.command, keep='').replace('```', '` ` `')}\n```"


def _list(lines: Any) -> str:
    return "\n".join(f"- {_code_kept(line)}" for line in lines)


def _code_kept(line: str) -> str:
    """Escape a line but for what stands in backticks, which is ours."""
    return "".join(part if i % 2 else plain(part, begins=not i) for i, part in enumerate(re.split(r"(`\w+`)", line)))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rows_ = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in rows_)


def _of(run: Ran, report: Report) -> str:
    return f": {plain(run.name)}" if len(report.runs) > 1 else ""


def _claims(run: Ran, report: Report) -> Iterator[str]:
    """The claims that were tested on a run, and in one line those that were not."""
    if run.claims and len(report.runs) > 1:
        yield f"### {plain(run.name)}"
    yield "\n".join(_claim(claim, run) for claim in tested(run.claims))
    yield plain(untested(run.claims))


def _claim(claim: Mapping[str, Any], run: Ran) -> str:
    name, statement = (plain(first_upper(worded(claim[part]))) for part in ("name", "statement"))
    told = [f"- **{name}: {claim_verdict(claim['verdict'])}.** {statement}."]
    told += [f"  - {plain(contrast_line(contrast, run.unit))}" for contrast in claim["contrasts"]]
    if claim["reason"]:
        told.append(f"  - {plain(first_upper(worded(claim['reason'])))}.")
    return "\n".join(told)


def _measures(report: Report) -> str:
    curves = report.curves[:MOST_MEASURES]
    points = [{point.setting: point for point in curve.points} for curve in curves]
    rows = [[plain(setting.label), *(_cell(of.get(i)) for of in points)] for i, setting in enumerate(report.settings)]
    text = f"{say('Means with 95% intervals.')} {' '.join(map(plain, report.methods))}".strip() + "\n\n"
    text += _table([say("setting"), *(f"`{c.measure}`" for c in curves)], rows)
    rest = [f"`{curve.measure}`" for curve in report.curves[MOST_MEASURES:]]
    text += f"\n\n{say('Also measured: {measures}.', measures=', '.join(rest))}" if rest else ""
    text += f"\n\n{' '.join(map(plain, report.unmeasured))}" if report.unmeasured else ""
    limits = _list(
        f"`{curve.measure}`: {said}." for curve in report.curves for said in (curve.note, curve.missing) if said
    )
    return f"{text}\n\n{limits}" if limits else text


def _cell(point: Point | None) -> str:
    return say("unknown") if point is None else estimate(point.mean, point.low, point.high)


def _differences(report: Report) -> str:
    """Between two runs every pair; of one run how many pairs differ clearly."""
    if len(report.runs) > 1:
        chosen = report.differences[:MOST_DIFFERENCES]
        rows = [
            [
                f"`{found.measure}`",
                plain(f"{_label(report, p.b)} {_sign(found)} {_label(report, p.a)}"),
                estimate(p.effect, p.band_low, p.band_high),
                outcome_shown(p.told),
            ]
            for found in chosen
            for p in found.pairs
        ]
        notes = f"\n\n{_list(report.notes)}" if report.notes else ""
        said = f"{' '.join(map(plain, report.difference_methods))}\n\n" if report.difference_methods else ""
        return said + _table([say("measure"), say("settings"), say("effect (95% band)"), say("result")], rows) + notes
    rows = []
    near = set(neighbours(report.settings))
    for found in report.differences[:MOST_MEASURES]:
        beside = [p for p in found.pairs if (p.a, p.b) in near or (p.b, p.a) in near]
        apart = [p for p in beside if is_clear(p)]
        told = sum(map(is_clear, found.pairs))
        rows.append([f"`{found.measure}`", _share(told, len(found.pairs)), _share(len(apart), len(beside))])
    head = [say("measure"), say("pairs that differ clearly"), say("neighbours that differ clearly")]
    said = say(
        "Same prompts and seeds. A pair differs clearly if its 95% band, which covers all pairs together, excludes "
        "zero (for ratios, one)."
    )
    return f"{said} {' '.join(map(plain, report.difference_methods))}".strip() + "\n\n" + _table(head, rows)


def _share(some: int, of: int) -> str:
    return say("{n} of {of}", n=some, of=of)


def _sign(found: Differences) -> str:
    return "/" if found.kind == "ratio" else "-"


def _label(report: Report, setting: int) -> str:
    return report.settings[setting].label


def _frontier(report: Report) -> str:
    assert report.frontier is not None
    rows = [
        [plain(_label(report, p.setting)), short(p.x), short(p.y), short(p.loop_rate),
         ", ".join(word for word, there in ((say("on the frontier"), p.on_frontier), (say("loops"), p.loops)) if there)]
        for p in report.frontier.points
    ]  # fmt: skip
    head = [say("setting"), f"`{report.frontier.x}`", plain(report.frontier.y), say("loop rate"), ""]
    return _table(head, rows)


def _texts(report: Report) -> str:
    prompt = report.texts[0].prompt
    first = [text for text in report.texts if text.prompt == prompt and text.seed == report.texts[0].seed]
    step = max(1, -(-len(first) // MOST_TEXTS))
    shown = [(f"{plain(_label(report, text.setting))}:", _quoted(text)) for text in first[::step]]
    signs = _legend(first[::step])
    seed = say("seed {n}", n=report.seeds[report.texts[0].seed])
    head = f"**{plain(report.prompts[prompt])}** ({seed})"
    return "\n\n".join([head, *(part for pair in shown for part in pair), *signs])


def _legend(texts: Sequence[TextRecord]) -> list[str]:
    """What the signs that occur mean."""
    passages = [passage for text in texts for passage in text.passages]
    meanings = signs_meaning(
        UNICODE,
        differs=any(text.differs_at is not None for text in texts),
        repeated=any(passage.repeated for passage in passages),
        loop=any(passage.loop for passage in passages),
    )
    return [", ".join(meanings)] if meanings else []


def _quoted(text: TextRecord) -> str:
    """The text as a quotation, with the signs of the terminal."""
    made, done, looping, repeated = "", 0, False, False
    for passage in text.passages:
        if repeated and not passage.repeated:
            made += UNICODE.closes
        if passage.loop and not looping:
            made += UNICODE.loop
        if passage.repeated and not repeated:
            made += UNICODE.opens
        looping, repeated = passage.loop, passage.repeated
        at = None if text.differs_at is None else text.differs_at - done
        if at is not None and 0 <= at < len(passage.text):
            made += passage.text[:at] + UNICODE.differs + passage.text[at:]
        else:
            made += passage.text
        done += len(passage.text)
    made += (UNICODE.closes if repeated else "") + (" …" if text.finish_reason == "length" else "")
    return "\n".join(f"> {line}" if line else ">" for line in lines(made.strip("\n")).split("\n"))


def _settings(report: Report) -> str:
    rows = [[plain(s.label), f"`{s.id}`", plain(" > ".join(s.stages))] for s in report.settings]
    effective = [sentence for run in report.runs for sentence in run.effective]
    return _table([say("setting"), "id", say("active stages, in order")], rows) + (
        f"\n\n{_list(effective)}" if effective else ""
    )
