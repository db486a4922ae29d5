"""Gemini's API. What it runs is what its documentation says it runs."""

from __future__ import annotations

from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, as_json, words
from thermoscope.engines.opaque import THREE, Opaque
from thermoscope.settings.params import SamplingParams


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    del params
    given = {name: value for name, value in fields.items() if value is not None}
    return [Snippet("body of a request to generateContent", "json", as_json({"generationConfig": given}))]


def _edges(params: SamplingParams) -> dict[str, str]:
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
    edges=_edges,
    aside=words(
        "maxOutputTokens stopSequences candidateCount seed responseLogprobs logprobs thinkingConfig "
        "responseModalities mediaResolution speechConfig audioTimestamp enableEnhancedCivicAnswers"
    ),
    masks={"responseMimeType": "keeps the text to a form", "responseSchema": "keeps the text to a form",
           "responseJsonSchema": "keeps the text to a form", "_responseJsonSchema": "keeps the text to a form"},
    opaque={
        "reasoning_effort": Opaque("generationConfig.thinkingConfig.thinkingLevel", ("minimal", *THREE)),
        "thinking_budget": Opaque("generationConfig.thinkingConfig.thinkingBudget"),
    },
    write=_write,
    inside="generationConfig",
)  # fmt: skip
ENTRIES = (GEMINI,)
