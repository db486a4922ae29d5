"""Why a measure is known for fewer texts than there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from thermoscope.language.saying import say
from thermoscope.report.records.measures import by_summary
from thermoscope.report.records.schema import Point, Setting
from thermoscope.report.records.source import Source
from thermoscope.words import count, joined

#: Settings that are named before the rest are counted.
_NAMED = 3


def missing(source: Source, measure: str, points: Sequence[Point], settings: Sequence[Setting], offset: int) -> str:
    """Which values of a measure of single texts are unknown at some settings of a run, as a sentence; else "".

    ``settings`` are those of the whole report, among which the run's begin at ``offset``.
    """
    known = by_summary()[measure]
    if known.level != "text" or not source.texts:
        return ""
    there = Counter(text.setting + offset for text in source.texts)
    short = Counter(text.setting + offset for text in source.texts if len(text.token_ids) < known.minimum_tokens)
    fewer = [point for point in points if 0 < point.texts < there[point.setting]]
    if not fewer:
        return ""
    parts: list[str] = [
        say("{n} of {of} at {setting}", n=p.texts, of=there[p.setting], setting=settings[p.setting].label)
        for p in fewer[:_NAMED]
    ]
    if len(fewer) > _NAMED:
        parts.append(say("fewer at {settings}", settings=count(len(fewer) - _NAMED, "more setting")))
    lacking = sum(there[point.setting] - point.texts for point in fewer)
    too_short = sum(short[point.setting] for point in fewer)
    if not 0 < too_short <= lacking:
        return say("Texts with a value: {parts}", parts=joined(parts))
    short_texts, needed = count(too_short, "text"), count(known.minimum_tokens, "token")
    return say(
        "Texts with a value: {parts}; {texts} is too short ({measure} needs {tokens})"
        if too_short == 1
        else "Texts with a value: {parts}; {texts} are too short ({measure} needs {tokens})",
        parts=joined(parts), texts=short_texts, measure=measure, tokens=needed,
    )  # fmt: skip
