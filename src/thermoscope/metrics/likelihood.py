"""What the model thinks of a text: under its own distribution (T=1, untruncated), but for ``tempered_entropy``.

All of them are over the text's own tokens: neither an end-of-text token nor what a stop string cut off counts, so that
a text measures the same whether it was generated or read from a file.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np

from thermoscope.metrics.ragged import Array, Ragged, ratio, row_sums
from thermoscope.metrics.registry import NOT_NEGATIVE, Measure

if TYPE_CHECKING:
    from thermoscope.metrics.texts import Texts

#: Tokens from which on a text has two halves that can be compared.
DRIFT_TOKENS = 20


def perplexities(logprobs: Ragged) -> Array:
    """(N,) exp of the mean negative log-probability (Holtzman et al. 2020, section 4.1); NaN without tokens.

    Parameters
    ----------
    logprobs
        The model's own log-probability of each token, nats.
    """
    with np.errstate(over="ignore"):
        return np.exp(-ratio(row_sums(logprobs), logprobs.lengths))


def mean_entropies(entropies: Ragged) -> Array:
    """(N,) mean entropy of a next-token distribution along the text, nats; NaN without tokens.

    Parameters
    ----------
    entropies
        Of the model's own distribution (T=1) at each token, or of the tempered one (Du et al. 2025).
    """
    return ratio(row_sums(entropies), entropies.lengths)


def drifts(logprobs: Ragged) -> Array:
    """(N,) mean surprise (negative log-probability) of a text's second half minus that of its first, nats per token.

    Above 0 a text becomes less likely as it goes on. NaN below 20 tokens; a token in the middle belongs to neither.
    """
    half = logprobs.lengths // 2
    first = logprobs.spans(logprobs.starts[:-1], half)
    second = logprobs.spans(logprobs.starts[1:] - half, half)
    with np.errstate(invalid="ignore"):
        values = ratio(row_sums(first) - row_sums(second), half)
    return np.where(logprobs.lengths >= DRIFT_TOKENS, values, np.nan)


def _records(
    texts: Texts, name: Literal["logprobs", "entropies", "tempered_entropies"], of: Callable[..., Array]
) -> Array:
    rows = getattr(texts, name)
    values: Array = np.full(len(texts), np.nan) if rows is None else of(rows)
    return values


ENTRIES = (
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
        shown=40,
        beside_text=True,
    ),
    Measure(
        name="entropy",
        unit="nats",
        direction="less certain",
        minimum_tokens=1,
        source="-",
        meaning="mean entropy of the model's own next-token distribution (T=1) along the text; tempered_entropy is "
        "that at the sampling temperature",
        of=lambda texts: _records(texts, "entropies", mean_entropies),
        needs="records",
        bounds=NOT_NEGATIVE,
        shown=60,
        beside_text=True,
    ),
    Measure(
        name="tempered_entropy",
        unit="nats",
        direction="less certain",
        minimum_tokens=1,
        source="Du et al. 2025",
        meaning="mean entropy of softmax(logits / T) along the text, T the setting's temperature: before truncation "
        "and penalties, which Du et al. do not use; 0 at T=0",
        of=lambda texts: _records(texts, "tempered_entropies", mean_entropies),
        needs="temperatures",
        bounds=NOT_NEGATIVE,
        shown=65,
        stepwise=False,
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
        shown=100,
    ),
)
