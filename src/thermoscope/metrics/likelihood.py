"""What the model itself thinks of a text: under its own distribution (T=1, untruncated), never the tempered one.

All of them are over the text's own tokens: neither an end-of-text token nor what a stop string cut off counts, so that
a text measures the same whether it was generated or read from a file.
"""

from __future__ import annotations

import numpy as np

from thermoscope.metrics.ragged import Array, Ragged, ratio, row_sums

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
    """(N,) mean entropy of the model's next-token distribution along the text, nats; NaN without tokens.

    The distribution is the model's own at T=1. Du et al. 2025 take the tempered one, which is another quantity.
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
