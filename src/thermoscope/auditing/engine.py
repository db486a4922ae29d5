"""Which software a server is, by what it says of itself."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thermoscope.errors import EndpointError
from thermoscope.sources.client import Ask, Client


@dataclass(frozen=True, slots=True)
class Said:
    """What a server says of itself.

    Attributes
    ----------
    engine
        "llama.cpp", "vLLM", "Ollama", "SGLang"; "unknown" if it does not say.
    defaults
        The sampling parameters that it names as its defaults.
    precision
        The precision of the weights in its own words, such as "Q4_K_M"; "" where it does not say.
    """

    engine: str
    defaults: Mapping[str, float]
    precision: str = ""


_NAMES = ("temperature", "top_k", "top_p", "min_p")


def recognise(client: Client, model: str) -> Said:
    """Ask the routes that give an engine away, and what it says of a model; none of them samples."""
    props = _get(client, "/props")
    settings = props.get("default_generation_settings")
    if isinstance(settings, dict):
        values = settings.get("params", settings)
        values = values if isinstance(values, dict) else {}
        return Said("llama.cpp", {n: float(values[n]) for n in _NAMES if isinstance(values.get(n), int | float)})
    models = _get(client, "/v1/models").get("data")
    owner = models[0].get("owned_by") if isinstance(models, list) and models and isinstance(models[0], dict) else None
    known = {"vllm": "vLLM", "sglang": "SGLang", "llamacpp": "llama.cpp"}
    if owner in known:
        version = _get(client, "/version").get("version") if owner == "vllm" else None
        return Said(known[owner] + (f" {version}" if isinstance(version, str) else ""), {})
    if isinstance(_get(client, "/api/version").get("version"), str):
        return _ollama(client, model)
    return Said("unknown", {})


def _ollama(client: Client, model: str) -> Said:
    """What ``/api/show`` says of a model: its parameters are lines of a name and a value."""
    found: list[Mapping[str, Any]] = []
    with contextlib.suppress(EndpointError):
        client.ask_all([Ask(0, "/api/show", {"model": model})], lambda ask, answer: found.append(answer))
    shown = found[0] if found else {}
    details, lines = shown.get("details"), shown.get("parameters")
    precision = details.get("quantization_level") if isinstance(details, dict) else None
    defaults = {}
    for line in lines.splitlines() if isinstance(lines, str) else ():
        name, _, value = line.strip().partition(" ")
        if name in _NAMES:
            with contextlib.suppress(ValueError):
                defaults[name] = float(value)
    return Said("Ollama", defaults, precision if isinstance(precision, str) else "")


def _get(client: Client, path: str) -> Mapping[str, Any]:
    try:
        return client.get(path)
    except EndpointError:
        return {}
