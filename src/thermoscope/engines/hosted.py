"""The engines behind an API: OpenAI, Anthropic, Gemini. What they run is what their documentation says they run."""

from __future__ import annotations

from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, words
from thermoscope.engines.servers import as_json
from thermoscope.settings.params import SamplingParams


def _openai(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    whole = {str(token): int(bias) if bias == int(bias) else bias for token, bias in params.logit_bias or ()}
    fields["logit_bias"] = whole
    return [Snippet("body of a request to /v1/chat/completions", "json", as_json({"model": "...", **fields}))]


def _openai_edges(params: SamplingParams) -> dict[str, str]:
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
    edges=_openai_edges,
    aside=words(
        "model messages prompt stream n seed stop max_tokens max_completion_tokens logprobs top_logprobs user "
        "tools tool_choice response_format stream_options reasoning_effort store"
    ),
    write=_openai,
)  # fmt: skip


def _anthropic(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    given = {name: value for name, value in fields.items() if value is not None}
    if params.top_p is not None and params.temperature == 1:
        del given["temperature"]  # its default, and newer models refuse the two together
    return [Snippet("body of a request to /v1/messages", "json", as_json({"model": "...", **given}))]


def _anthropic_edges(params: SamplingParams) -> dict[str, str]:
    if params.top_p is not None and params.temperature != 1:
        return {"top_p": "is refused together with temperature by Claude 4.5 and newer"}
    return {}


ANTHROPIC = Dialect(
    name="anthropic",
    version="API reference as in anthropic-sdk-python 00dcf92 and anthropic-sdk-java b1c37b8",
    source="message_create_params.py, MessageCreateParams.kt; models after Claude Opus 4.6 take no temperature but 1, "
    "no top_p below 0.99 and no top_k",
    order=("temperature", "top_k", "top_p"),
    names={n: n for n in ("temperature", "top_k", "top_p")},
    neutral={"temperature": 1.0, "top_k": None, "top_p": None},  # no value of theirs is documented as off
    ranges={"temperature": (0, 1)},
    order_known=False,
    edges=_anthropic_edges,
    aside=words(
        "model messages system max_tokens stop_sequences stream metadata tools tool_choice thinking output_config "
        "service_tier container cache_control inference_geo"
    ),
    write=_anthropic,
)  # fmt: skip


def _gemini(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    del params
    given = {name: value for name, value in fields.items() if value is not None}
    return [Snippet("body of a request to generateContent", "json", as_json({"generationConfig": given}))]


def _gemini_edges(params: SamplingParams) -> dict[str, str]:
    penalties = {"presence_penalty": params.presence_penalty, "frequency_penalty": params.frequency_penalty}
    return {name: "must be below 2 there" for name, value in penalties.items() if value == 2}


GEMINI = Dialect(
    name="gemini",
    version="API reference, generateContent, v1beta",
    source="ai.google.dev/api/generate-content (GenerationConfig); models from 2.5 on refuse the penalties",
    order=("penalties", "top_k", "top_p", "temperature"),
    names={"temperature": "temperature", "top_k": "topK", "top_p": "topP", "presence_penalty": "presencePenalty",
           "frequency_penalty": "frequencyPenalty"},
    neutral={"temperature": 1.0, "topK": None, "topP": 1.0, "presencePenalty": 0.0, "frequencyPenalty": 0.0},
    ranges={"temperature": (0, 2), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)},
    edges=_gemini_edges,
    aside=words(
        "maxOutputTokens stopSequences candidateCount seed responseMimeType responseSchema responseLogprobs "
        "logprobs thinkingConfig"
    ),
    write=_gemini,
)  # fmt: skip
