"""What vLLM and SGLang have in common."""

from __future__ import annotations

from typing import Any

from thermoscope.settings.params import SamplingParams

#: Parameters that they call as we do.
COMMON = {n: n for n in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "presence_penalty",
                          "frequency_penalty", "logit_bias")}  # fmt: skip


def bias_by_token(params: SamplingParams, key: type = str) -> dict[Any, float]:
    """Biases by token id."""
    return {key(token): bias for token, bias in params.logit_bias or ()}
