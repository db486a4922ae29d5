"""The own routes of engines, put in the words of OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from thermoscope.engines.export import export
from thermoscope.settings.params import SamplingParams


class Native(Protocol):
    """An engine's own route."""

    path: str

    def fields(self, setting: SamplingParams) -> dict[str, Any]:
        """A setting in the words of the route."""

    def body(
        self, model: str, prompt: str, fields: Mapping[str, Any], tokens: int, top: int, seed: int | None
    ) -> dict[str, Any]:
        """What is sent."""

    def as_openai(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """An answer as the completion route would give it."""

    def echoed(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings that an answer names as those that it was made with."""


class _LlamaCpp:
    path = "/completion"

    def fields(self, setting: SamplingParams) -> dict[str, Any]:
        return _exported(setting, "llama.cpp")

    def body(
        self, model: str, prompt: str, fields: Mapping[str, Any], tokens: int, top: int, seed: int | None
    ) -> dict[str, Any]:
        body: dict[str, Any] = {**fields, "prompt": prompt, "n_predict": tokens}
        if top:
            body["n_probs"] = top
        return body if seed is None else {**body, "seed": seed}

    def as_openai(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        choice: dict[str, Any] = {"text": found.get("content"), "finish_reason": "length"}
        if isinstance(found.get("completion_probabilities"), list):
            choice["logprobs"] = {"content": found["completion_probabilities"]}
        return {"choices": [choice]}

    def echoed(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        settings = found.get("generation_settings")
        return settings if isinstance(settings, dict) else {}


class _Ollama:
    path = "/api/generate"

    def fields(self, setting: SamplingParams) -> dict[str, Any]:
        return _exported(setting, "ollama")

    def body(
        self, model: str, prompt: str, fields: Mapping[str, Any], tokens: int, top: int, seed: int | None
    ) -> dict[str, Any]:
        options = {**fields, "num_predict": tokens} | ({} if seed is None else {"seed": seed})
        body: dict[str, Any] = {"model": model, "prompt": prompt, "raw": True, "stream": False, "options": options}
        return body | ({"logprobs": True, "top_logprobs": top} if top else {})

    def as_openai(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        choice: dict[str, Any] = {"text": found.get("response"), "finish_reason": "length"}
        if isinstance(found.get("logprobs"), list):
            choice["logprobs"] = {"content": found["logprobs"]}
        return {"choices": [choice]}

    def echoed(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}


def _exported(setting: SamplingParams, engine: str) -> dict[str, Any]:
    """A setting in the words of an engine's request, without an order of stages."""
    found = export(setting, engine).request_fields
    return {name: value for name, value in found.items() if name != "samplers"}


#: Routes by engine.
NATIVE: Mapping[str, Native] = {"llama.cpp": _LlamaCpp(), "Ollama": _Ollama()}
