"""Measures as reports name them: by what their mean is called, in the order that their entries give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from thermoscope.language.saying import say, worded
from thermoscope.metrics.registry import MEASURES, Measure
from thermoscope.report.records.schema import Meaning
from thermoscope.statistics.reference import DISTANCE


def by_summary() -> dict[str, Measure]:
    """Every measure by the name of its mean."""
    return {m.summary_name: m for m in (*MEASURES.values(), DISTANCE)}


def shown() -> tuple[str, ...]:
    """The names that reports show, in their order: ``Measure.shown``."""
    places = {name: m.shown for name, m in by_summary().items() if m.shown is not None}
    return tuple(sorted(places, key=lambda name: places[name]))


def beside_texts() -> tuple[str, ...]:
    """What is said of one text beside it (``Measure.beside_text``); not what is marked in the text itself."""
    return tuple(name for name, m in MEASURES.items() if m.beside_text and m.scale != "indicator")


def scale_of(name: str) -> Literal["linear", "share", "log"]:
    """How a measure is drawn: an indicator's mean is a share."""
    scale = by_summary()[name].scale
    return "share" if scale == "indicator" else scale


def unmeasured(known: Iterable[str]) -> tuple[str, ...]:
    """Which measures are not known though they could be, and why, a sentence each, from the names of those that are."""
    from thermoscope.metrics.embedding import how_to_get

    there = set(known)
    missing = [m for name, m in by_summary().items() if m.shown is not None and name not in there]
    embedded = [m.summary_name for m in missing if m.needs == "embeddings"]
    tempered = [m.summary_name for m in missing if m.needs == "temperatures" and "entropy" in there]
    said: list[str] = []
    if embedded:
        said.append(say("Not measured: {measures} ({how}).", measures=", ".join(embedded), how=how_to_get()))
    if tempered:
        said.append(
            say(
                "Unknown: {measures} (it was not recorded with these texts, or their temperature is not known).",
                measures=", ".join(tempered),
            )
        )
    return tuple(said)


def meaning_of(name: str) -> Meaning:
    """What a reader must know of a measure."""
    m = by_summary()[name]
    text = meaning = worded(m.meaning)
    if m.summary_name != m.name and m.scale == "indicator":
        text = say("share of texts with a {measure}: {meaning}", measure=m.name, meaning=meaning)
    elif m.summary_name != m.name:
        text = say("mean of {meaning}", meaning=meaning)
    return Meaning(name, worded(m.unit), worded(m.direction), text, m.source)
