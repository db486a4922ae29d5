"""What the model itself thinks of a text: under its own distribution (T=1, untruncated), never the tempered one."""

from __future__ import annotations

import math
from collections.abc import Sequence


def perplexity(logprobs: Sequence[float]) -> float | None:
    """Exp of the mean negative log-probability (Holtzman et al. 2020, section 4.1); None without tokens.

    Parameters
    ----------
    logprobs
        The model's own log-probability of each token, nats.
    """
    if not logprobs:
        return None
    nll_nats = -math.fsum(logprobs) / len(logprobs)
    return math.exp(nll_nats) if nll_nats < 709 else math.inf


def mean_entropy(entropies: Sequence[float]) -> float | None:
    """Mean entropy of the model's next-token distribution along the text, nats; None without tokens."""
    return math.fsum(entropies) / len(entropies) if entropies else None
