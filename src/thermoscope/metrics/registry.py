"""The registry: every measure once, with what a reader must know of it. Tables, docs and reports are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from thermoscope.decode.sample import Sample
from thermoscope.metrics.likelihood import mean_entropy, perplexity
from thermoscope.metrics.repetition import LOOP_REPEATS, LOOP_TOKENS, find_loop, rep_n


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of one text.

    Attributes
    ----------
    name
        As in tables and JSON.
    unit
        "" for a share or a ratio.
    direction
        What a larger value means.
    minimum_tokens
        With fewer tokens than this the measure is unknown (None), or can't be other than 0.
    source
        Where the definition comes from.
    meaning
        One line.
    of
        The measure itself: None where it can't be known.
    """

    name: str
    unit: str
    direction: Literal["more repetitive", "less likely", "less certain", "longer"]
    minimum_tokens: int
    source: str
    meaning: str
    of: Callable[[Sample], float | None]


def _rep(n: int) -> Measure:
    return Measure(
        name=f"rep_{n}",
        unit="",
        direction="more repetitive",
        minimum_tokens=n,
        source="Welleck et al. 2020",
        meaning=f"share of {n}-grams that were there before in the same text",
        of=lambda sample: rep_n(sample.text_token_ids, n),
    )


#: Measures of one text, by name.
TEXT_MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        _rep(2),
        _rep(3),
        _rep(4),
        Measure(
            name="loop",
            unit="",
            direction="more repetitive",
            minimum_tokens=LOOP_TOKENS * LOOP_REPEATS,
            source="Holtzman et al. 2020",
            meaning="1 if the text ends in a phrase of 2 or more tokens repeated 3 or more times in a row, else 0",
            of=lambda sample: float(find_loop(sample.text_token_ids) is not None),
        ),
        Measure(
            name="perplexity",
            unit="",
            direction="less likely",
            minimum_tokens=1,
            source="Holtzman et al. 2020",
            meaning="exp of the mean negative log-probability under the model's own distribution (T=1, untruncated)",
            of=lambda sample: perplexity(sample.logprobs),
        ),
        Measure(
            name="entropy",
            unit="nats",
            direction="less certain",
            minimum_tokens=1,
            source="Du et al. 2025",
            meaning="mean entropy of the model's own next-token distribution along the text",
            of=lambda sample: mean_entropy(sample.entropies),
        ),
        Measure(
            name="tokens",
            unit="tokens",
            direction="longer",
            minimum_tokens=0,
            source="-",
            meaning="number of tokens of the text, a final end-of-text token not counted",
            of=lambda sample: float(len(sample.text_token_ids)),
        ),
    )
}


def measure_text(sample: Sample) -> dict[str, float | None]:
    """Every measure of one text, by name."""
    return {name: measure.of(sample) for name, measure in TEXT_MEASURES.items()}
