"""The engines behind an API: OpenAI, Anthropic, Gemini. What they run is what their documentation says they run."""

from __future__ import annotations

from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, words
from thermoscope.engines.servers import as_json
from thermoscope.params import SamplingParams


def _openai(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    fields["logit_bias"] = {str(token): bias for token, bias in params.logit_bias or ()}
    return [Snippet("body of a request to /v1/chat/completions", "json", as_json({"model": "...", **fields}))]


OPENAI = Dialect(
    name="openai",
    version="API reference, chat completions",
    source="platform.openai.com/docs/api-reference/chat/create; reasoning models take temperature 1 alone",
    order=("logit_bias", "penalties", "temperature", "top_p"),
    names={n: n for n in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias")},
    neutral={"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "logit_bias": None},
    ranges={"temperature": (0, 2), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)},
    order_known=False,
    edges=lambda params: (
        {"logit_bias": "must be from -100 to 100 there"}
        if any(abs(bias) > 100 for _, bias in params.logit_bias or ())
        else {}
    ),
    aside=words(
        "model messages prompt stream n seed stop max_tokens max_completion_tokens logprobs top_logprobs user "
        "tools tool_choice response_format stream_options reasoning_effort store"
    ),
    write=_openai,
)  # fmt: skip


def _anthropic(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    del params
    given = {name: value for name, value in fields.items() if value is not None}
    return [Snippet("body of a request to /v1/messages", "json", as_json({"model": "...", **given}))]


ANTHROPIC = Dialect(
    name="anthropic",
    version="API reference, messages",
    source="docs.anthropic.com/en/api/messages; the newest models take nothing but the default",
    order=("temperature", "top_k", "top_p"),
    names={n: n for n in ("temperature", "top_k", "top_p")},
    neutral={"temperature": 1.0, "top_k": None, "top_p": None},  # no value of theirs is documented as off
    ranges={"temperature": (0, 1)},
    order_known=False,
    aside=words(
        "model messages system max_tokens stop_sequences stream metadata tools tool_choice thinking"
    ),
    write=_anthropic,
)  # fmt: skip


def _gemini(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    del params
    given = {name: value for name, value in fields.items() if value is not None}
    return [Snippet("body of a request to generateContent", "json", as_json({"generationConfig": given}))]


GEMINI = Dialect(
    name="gemini",
    version="API reference, generateContent",
    source="ai.google.dev/api/generate-content (GenerationConfig)",
    order=("penalties", "top_k", "top_p", "temperature"),
    names={"temperature": "temperature", "top_k": "topK", "top_p": "topP", "presence_penalty": "presencePenalty",
           "frequency_penalty": "frequencyPenalty"},
    neutral={"temperature": 1.0, "topK": None, "topP": 1.0, "presencePenalty": 0.0, "frequencyPenalty": 0.0},
    ranges={"temperature": (0, 2), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)},
    aside=words(
        "maxOutputTokens stopSequences candidateCount seed responseMimeType responseSchema responseLogprobs "
        "logprobs thinkingConfig"
    ),
    write=_gemini,
)  # fmt: skip
