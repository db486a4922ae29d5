"""OpenAI's API. What it runs is what its documentation says it runs."""

from __future__ import annotations

from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, as_json, words
from thermoscope.engines.opaque import LEVELS, Opaque
from thermoscope.settings.params import SamplingParams


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    whole = {str(token): int(bias) if bias == int(bias) else bias for token, bias in params.logit_bias or ()}
    fields["logit_bias"] = whole
    return [Snippet("body of a request to /v1/chat/completions", "json", as_json({"model": "...", **fields}))]


def _edges(params: SamplingParams) -> dict[str, str]:
    if any(abs(bias) > 100 or bias != int(bias) for _, bias in params.logit_bias or ()):
        return {"logit_bias": "must be whole numbers from -100 to 100 there"}
    return {}


OPENAI = Dialect(
    name="openai",
    version="API reference as in openai-python f1fbc9c",
    source="src/openai/types/chat/completion_create_params.py; reasoning models take temperature 1 alone",
    order=("logit_bias", "penalties", "temperature", "top_p"),
    names={n: n for n in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias")},
    neutral={"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "logit_bias": None},
    ranges={"temperature": (0, 2), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)},
    order_known=False,
    edges=_edges,
    aside=words(
        "model messages prompt stream n seed stop max_tokens max_completion_tokens logprobs top_logprobs user "
        "tools tool_choice stream_options reasoning_effort store"
    ),
    masks={"response_format": "keeps the text to a form", "prediction": "keeps close to a text"},
    write=_write,
    opaque={"reasoning_effort": Opaque("reasoning_effort", LEVELS[:6])},
)  # fmt: skip
ENTRIES = (OPENAI,)
