"""Anthropic's API. What it runs is what its documentation says it runs."""

from __future__ import annotations

from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, as_json, words
from thermoscope.engines.opaque import THREE, Opaque
from thermoscope.settings.params import SamplingParams


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    given = {name: value for name, value in fields.items() if value is not None}
    if params.top_p is not None and params.temperature == 1:
        del given["temperature"]  # its default, and newer models refuse the two together
    return [Snippet("body of a request to /v1/messages", "json", as_json({"model": "...", **given}))]


def _edges(params: SamplingParams) -> dict[str, str]:
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
    edges=_edges,
    aside=words(
        "model messages system max_tokens stop_sequences stream metadata tools tool_choice thinking output_config "
        "service_tier container cache_control inference_geo"
    ),
    opaque={
        "reasoning_effort": Opaque("output_config.effort", (*THREE, "xhigh", "max")),
        "thinking_budget": Opaque(
            "thinking.budget_tokens", least=1024, beside={"thinking.type": "enabled"}, off={"thinking.type": "disabled"}
        ),
    },
    write=_write,
)  # fmt: skip
ENTRIES = (ANTHROPIC,)
