"""Measures on sentence embeddings."""

from __future__ import annotations

import numpy as np

from thermoscope.metrics.embedding import coherences, dispersion
from thermoscope.metrics.ragged import Array
from thermoscope.metrics.registry import Measure, by_group
from thermoscope.metrics.texts import Texts


def _dispersion(texts: Texts) -> Array:
    if texts.embedder is None:
        return np.full(len(texts.groups), np.nan)
    return by_group(texts, lambda rows: dispersion(texts.vectors[1][rows]))


def _coherence(texts: Texts) -> Array:
    if texts.embedder is None:
        return np.full(len(texts), np.nan)
    prompts, vectors = texts.vectors
    return coherences(prompts[texts.prompt_of], vectors)


ENTRIES = (
    Measure(
        name="semantic_dispersion",
        reads="text",
        unit="",
        direction="more varied",
        minimum_tokens=1,
        source="Tevet and Berant 2021",
        meaning="mean cosine distance between the embeddings of two samples of one prompt and setting",
        of=_dispersion,
        level="group",
        minimum_texts=2,
        needs="embeddings",
        bounds=(0.0, 2.0),
        shown=80,
    ),
    Measure(
        name="coherence",
        reads="text",
        unit="",
        direction="more coherent",
        minimum_tokens=1,
        source="Su et al. 2022",
        meaning="cosine of the embeddings of prompt and continuation; a weak proxy of coherence",
        of=_coherence,
        needs="embeddings",
        bounds=(-1.0, 1.0),
        shown=200,
    ),
)
