"""What a source of texts can do, and what its texts have cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What the log-probabilities of a source are: the model's own at T=1 ("raw"), those after the temperature
#: ("tempered"), given but of an unknown kind, or not given at all.
Logprobs = Literal["raw", "tempered", "unknown", "none"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source can do.

    Attributes
    ----------
    logits
        Whether all logits of a step can be had: ``spectrum`` and ``inspect`` need them.
    shared_noise
        Whether settings share their random noise. Without it texts at different settings are independent samples.
    seeds
        "exact": a seed determines the text; "sent": a seed is sent, and the server may or may not honour it; "none".
    logprobs
        What the log-probabilities of the drawn tokens are.
    top_logprobs
        How many of the most probable tokens come with each step at most; 0 for none.
    """

    logits: bool
    shared_noise: bool
    seeds: Literal["exact", "sent", "none"]
    logprobs: Logprobs
    top_logprobs: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What texts have cost so far.

    Attributes
    ----------
    requests, retries, cached
        Requests that were answered, attempts that had to be repeated, and answers that were already kept.
    prompt_tokens, completion_tokens
        As the server counts them.
    cost
        In the currency of the prices that were given; None without prices.
    """

    requests: int = 0
    retries: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
