"""The registry: every measure once, with what a reader must know of it. Tables, docs and reports are made from it.

A measure is of one text, of a *group* (the samples of one prompt and setting) or of a *setting* (all its texts). It
takes many texts at once and gives one number for each, NaN where it can't be known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

import numpy as np

from thermoscope.decode.sample import Sample
from thermoscope.metrics import embedding
from thermoscope.metrics.answers import agreement, scores
from thermoscope.metrics.diversity import ZIPF_TYPES, compression_ratio, counts_of, distinct, self_repetition, zipf
from thermoscope.metrics.likelihood import DRIFT_TOKENS, drifts, mean_entropies, perplexities
from thermoscope.metrics.ragged import Array
from thermoscope.metrics.repetition import SHORTEST_LOOP, ends_in_loop, rep_rates
from thermoscope.metrics.self_bleu import MOST_SAMPLES, ORDERS, self_bleu
from thermoscope.metrics.texts import Texts

Direction = Literal[
    "more repetitive", "more varied", "more alike", "less likely", "less certain", "longer", "more coherent",
    "more in agreement", "better", "steeper", "less like the reference",
]  # fmt: skip
#: Ranges that a measure can have.
ANY, NOT_NEGATIVE, SHARE = (-inf, inf), (0.0, inf), (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure.

    Attributes
    ----------
    name
        As in tables and JSON.
    unit
        "" for a share or a ratio.
    direction
        What a larger value means.
    minimum_tokens
        With fewer tokens than this in a text the measure is unknown (NaN).
    source
        Where the definition comes from.
    meaning
        One line.
    of
        The measure itself: (N,), (G,) or (F,) by its level, NaN where it can't be known.
    level
        What has a value of its own: a text, a group or a setting.
    minimum_texts
        With fewer texts than this it is unknown.
    scale
        How it is averaged and compared: "linear" by means and differences; "share" likewise, between 0 and 1; "log"
        by geometric means and ratios; "indicator" is 0 or 1, and its mean a share.
    needs
        What must be there besides the texts, or "".
    summary
        What the mean over texts is called, if not by the name.
    bounds
        The least and the largest value that is possible; a mean lies between them too.
    """

    name: str
    unit: str
    direction: Direction
    minimum_tokens: int
    source: str
    meaning: str
    of: Callable[[Texts], Array]
    level: Literal["text", "group", "setting"] = "text"
    minimum_texts: int = 1
    scale: Literal["linear", "share", "log", "indicator"] = "linear"
    needs: Literal["", "records", "embeddings", "scorer", "reference"] = ""
    summary: str = ""
    bounds: tuple[float, float] = ANY

    @property
    def summary_name(self) -> str:
        """What it is called once it is averaged: the share of texts with a ``loop`` is the ``loop_rate``."""
        return self.summary or self.name


def _rep(n: int) -> Measure:
    return Measure(
        name=f"rep_{n}",
        unit="",
        direction="more repetitive",
        minimum_tokens=n,
        source="Welleck et al. 2020",
        meaning=f"share of {n}-grams that were there before in the same text",
        of=lambda texts: rep_rates(texts.ngrams, n),
        scale="share",
        bounds=SHARE,
    )


def _distinct(n: int) -> Measure:
    words = {1: "tokens", 2: "pairs of tokens", 3: "triples of tokens"}[n]
    return Measure(
        name=f"distinct_{n}",
        unit="",
        direction="more varied",
        minimum_tokens=n,
        source="Li et al. 2016",
        meaning=f"different {words} / all {words} over the samples of one prompt and setting",
        of=lambda texts: distinct(texts.ngrams, n),
        level="group",
        scale="share",
        bounds=SHARE,
    )


def _diversity(texts: Texts) -> Array:
    values = np.ones(len(texts))
    for n in (2, 3, 4):
        values *= 1 - rep_rates(texts.ngrams, n)
    return values


def _records(texts: Texts, name: Literal["logprobs", "entropies"], of: Callable[..., Array]) -> Array:
    rows = getattr(texts, name)
    values: Array = np.full(len(texts), np.nan) if rows is None else of(rows)
    return values


def _by_group(texts: Texts, of: Callable[[slice], float | None]) -> Array:
    values = [of(rows) for rows in texts.group_rows()]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _compression(texts: Texts) -> Array:
    """Equal lengths and equal numbers only: the ratio grows with both.

    Of every group, as many texts of full length as the group with the fewest has; a group in which fewer than half
    (or than two) are of full length is unknown and doesn't count there.
    """
    rows = texts.group_rows()
    full = [np.flatnonzero(texts.full[row]) + row.start for row in rows]
    least = max(2, -(-int(texts.groups.max(initial=0)) // 2))
    number = min((len(places) for places in full if len(places) >= least), default=0)
    number = min(number, MOST_SAMPLES)  # deflate looks back no further than 32 KB
    strings = texts.strings

    def of(group: int) -> float | None:
        if number == 0 or len(full[group]) < number:
            return None
        return compression_ratio([strings[i].encode(errors="replace") for i in full[group][:number].tolist()])

    return np.array([np.nan if (v := of(i)) is None else v for i in range(len(rows))], dtype=np.float64)


def _zipf(texts: Texts) -> Array:
    counts = texts.setting_counts()
    edges = np.concatenate([[0], np.cumsum(counts)])
    tokens = texts.tokens.joined(texts.groups)
    values = []
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        ids = tokens.values[tokens.starts[low] : tokens.starts[high]]
        values.append(zipf(counts_of(ids)))
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _score(texts: Texts) -> Array:
    if texts.scorer is None:
        return np.full(len(texts), np.nan)
    return scores(texts.scorer, texts.strings, texts.answers)


def _dispersion(texts: Texts) -> Array:
    if texts.embedder is None:
        return np.full(len(texts.groups), np.nan)
    return _by_group(texts, lambda rows: embedding.dispersion(texts.vectors[1][rows]))


def _coherence(texts: Texts) -> Array:
    if texts.embedder is None:
        return np.full(len(texts), np.nan)
    prompts, vectors = texts.vectors
    return embedding.coherences(prompts[texts.prompt_of], vectors)


#: Every measure, by name.
MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        _rep(2),
        _rep(3),
        _rep(4),
        Measure(
            name="diversity",
            unit="",
            direction="more varied",
            minimum_tokens=4,
            source="Su et al. 2022",
            meaning="product of 1 - rep_n over n = 2, 3, 4",
            of=_diversity,
            scale="share",
            bounds=SHARE,
        ),
        Measure(
            name="loop",
            unit="",
            direction="more repetitive",
            minimum_tokens=SHORTEST_LOOP,
            source="Holtzman et al. 2020",
            meaning="1 if the text ends in a phrase of 2 or more tokens repeated 3 or more times in a row, else 0",
            of=lambda texts: ends_in_loop(texts.tokens),
            scale="indicator",
            bounds=SHARE,
            summary="loop_rate",
        ),
        Measure(
            name="perplexity",
            unit="",
            direction="less likely",
            minimum_tokens=1,
            source="Holtzman et al. 2020",
            meaning="exp of the mean negative log-probability under the model's own distribution (T=1, untruncated)",
            of=lambda texts: _records(texts, "logprobs", perplexities),
            scale="log",
            needs="records",
            bounds=(1.0, inf),
        ),
        Measure(
            name="entropy",
            unit="nats",
            direction="less certain",
            minimum_tokens=1,
            source="-",
            meaning="mean entropy of the model's own next-token distribution (T=1, untruncated) along the text",
            of=lambda texts: _records(texts, "entropies", mean_entropies),
            needs="records",
            bounds=NOT_NEGATIVE,
        ),
        Measure(
            name="drift",
            unit="nats per token",
            direction="less likely",
            minimum_tokens=DRIFT_TOKENS,
            source="-",
            meaning="mean surprise of the second half minus that of the first, under the model's own distribution",
            of=lambda texts: _records(texts, "logprobs", drifts),
            needs="records",
        ),
        Measure(
            name="tokens",
            unit="tokens",
            direction="longer",
            minimum_tokens=0,
            source="-",
            meaning="number of tokens of the text, a final end-of-text token not counted",
            of=lambda texts: texts.tokens.lengths.astype(np.float64),
            bounds=NOT_NEGATIVE,
        ),
        _distinct(1),
        _distinct(2),
        _distinct(3),
        Measure(
            name="self_bleu",
            unit="",
            direction="more alike",
            minimum_tokens=ORDERS,
            source="Zhu et al. 2018",
            meaning="mean BLEU-4 of each sample against the others of its prompt and setting "
            f"({MOST_SAMPLES} of them, evenly spaced, where there are more)",
            of=lambda texts: self_bleu(texts.mixed, texts.groups),
            level="group",
            scale="share",
            bounds=SHARE,
            minimum_texts=2,
        ),
        Measure(
            name="compression_ratio",
            unit="",
            direction="more repetitive",
            minimum_tokens=1,
            source="Shaib et al. 2024",
            meaning="bytes / deflate-compressed bytes (zlib level 6; the paper: gzip level 9, 18 bytes of header) of "
            "the samples joined; as many of each group, of equal length",
            of=_compression,
            level="group",
            minimum_texts=2,
            bounds=NOT_NEGATIVE,
        ),
        Measure(
            name="self_repetition",
            unit="nats",
            direction="more alike",
            minimum_tokens=4,
            source="Shaib et al. 2024",
            meaning="mean of ln(1 + times that a text's 4-grams stand in other samples of its prompt and setting)",
            of=lambda texts: self_repetition(texts.ngrams),
            level="group",
            minimum_texts=2,
            bounds=NOT_NEGATIVE,
        ),
        Measure(
            name="semantic_dispersion",
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
        ),
        Measure(
            name="coherence",
            unit="",
            direction="more coherent",
            minimum_tokens=1,
            source="Su et al. 2022",
            meaning="cosine of the embeddings of prompt and continuation; a weak proxy of coherence",
            of=_coherence,
            needs="embeddings",
            bounds=(-1.0, 1.0),
        ),
        Measure(
            name="zipf",
            unit="",
            direction="steeper",
            minimum_tokens=ZIPF_TYPES,
            source="Holtzman et al. 2020",
            meaning="minus the slope of log frequency on log rank of the 5,000 most frequent tokens of a setting",
            of=_zipf,
            level="setting",
            bounds=NOT_NEGATIVE,
        ),
        Measure(
            name="agreement",
            unit="",
            direction="more in agreement",
            minimum_tokens=0,
            source="Wang et al. 2023",
            meaning="share of pairs of samples of one prompt and setting with the same normalised answer",
            of=lambda texts: _by_group(texts, lambda rows: agreement(texts.extracted[rows])),
            level="group",
            scale="share",
            bounds=SHARE,
            minimum_texts=2,
        ),
        Measure(
            name="score",
            unit="",
            direction="better",
            minimum_tokens=0,
            source="-",
            meaning="what the user's own scorer gives: a function, an exact answer or a pattern",
            of=_score,
            needs="scorer",
        ),
    )
}  # fmt: skip


def as_scored(m: Measure, values: Array) -> Measure:
    """The measure as its values (any shape) show it: a user's score that is 0 or 1 for all texts is an indicator."""
    known = values[~np.isnan(values)]
    if m.needs == "scorer" and len(known) and np.isin(known, (0, 1)).all():
        return replace(m, scale="indicator", bounds=SHARE)
    return m


#: Measures of one text that need nothing but its sample, by name.
TEXT_MEASURES: dict[str, Measure] = {
    name: measure for name, measure in MEASURES.items() if measure.level == "text" and measure.needs in ("", "records")
}


def measure_text(sample: Sample) -> dict[str, float | None]:
    """Every measure of one text, by name; None where unknown."""
    texts = Texts.from_samples([sample])
    values = {name: float(measure.of(texts)[0]) for name, measure in TEXT_MEASURES.items()}
    return {name: None if np.isnan(value) else value for name, value in values.items()}
