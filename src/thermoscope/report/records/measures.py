"""Measures as reports name them: by what their mean is called, the most telling first."""

from __future__ import annotations

from typing import Literal

from thermoscope.metrics.registry import MEASURES, Measure
from thermoscope.report.records.schema import Meaning
from thermoscope.statistics.reference import DISTANCE

#: The most telling first.
SHOWN = (
    "rep_4", "loop_rate", "self_bleu", "perplexity", "distinct_2", "entropy", "reference_distance",
    "semantic_dispersion", "score", "drift", "compression_ratio", "self_repetition", "zipf", "diversity", "agreement",
    "rep_2", "rep_3", "distinct_1", "distinct_3", "coherence", "tokens",
)  # fmt: skip

#: Every measure by the name of its mean.
BY_SUMMARY: dict[str, Measure] = {m.summary_name: m for m in (*MEASURES.values(), DISTANCE)}


def scale_of(name: str) -> Literal["linear", "share", "log"]:
    """How a measure is drawn: an indicator's mean is a share."""
    scale = BY_SUMMARY[name].scale
    return "share" if scale == "indicator" else scale


def meaning_of(name: str) -> Meaning:
    """What a reader must know of a measure."""
    m = BY_SUMMARY[name]
    text = m.meaning if m.summary_name == m.name else f"mean of: {m.meaning}"
    return Meaning(name, m.unit, m.direction, text, m.source)
