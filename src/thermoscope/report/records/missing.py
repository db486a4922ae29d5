"""Why a measure is known for fewer texts than there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

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
    parts = [f"{point.texts} of {there[point.setting]} at {settings[point.setting].label}" for point in fewer[:_NAMED]]
    parts += [f"fewer at {count(len(fewer) - _NAMED, 'more setting')}"] if len(fewer) > _NAMED else []
    lacking = sum(there[point.setting] - point.texts for point in fewer)
    too_short = sum(short[point.setting] for point in fewer)
    why = "" if not too_short else f"; {count(too_short, 'text')} {'is' if too_short == 1 else 'are'} too short"
    why += f" ({measure} needs {count(known.minimum_tokens, 'token')})" if too_short else ""
    return f"Texts with a value: {joined(parts)}{why if too_short <= lacking else ''}"
