"""Measures of answers: agreement of samples, and the user's own score."""

from __future__ import annotations

import numpy as np

from thermoscope.metrics.answers import agreement, scores
from thermoscope.metrics.ragged import Array
from thermoscope.metrics.registry import SHARE, Measure, by_group
from thermoscope.metrics.texts import Texts


def _score(texts: Texts) -> Array:
    if texts.scorer is None:
        return np.full(len(texts), np.nan)
    texts.score_failures.clear()
    return scores(texts.scorer, texts.strings, texts.answers, texts.score_failures)


ENTRIES = (
    Measure(
        name="agreement",
        reads="text",
        unit="",
        direction="more in agreement",
        minimum_tokens=0,
        source="Wang et al. 2023",
        meaning="share of pairs of samples of one prompt and setting with the same normalised answer",
        of=lambda texts: by_group(texts, lambda rows: agreement(texts.extracted[rows])),
        level="group",
        scale="share",
        bounds=SHARE,
        minimum_texts=2,
        shown=150,
    ),
    Measure(
        name="score",
        reads="text",
        unit="",
        direction="better",
        minimum_tokens=0,
        source="-",
        meaning="what the user's own scorer gives: a function, an exact answer or a pattern",
        of=_score,
        needs="scorer",
        shown=90,
    ),
)
