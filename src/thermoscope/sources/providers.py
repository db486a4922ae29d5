"""Providers: for each kind of endpoint its default address, its key, and how it is asked.

A provider is one entry here. The fields of a setting are not repeated: they are those of its engine (``engines/``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from thermoscope.errors import InputError
from thermoscope.sources.base import Logprobs
from thermoscope.words import nearest


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of endpoint.

    Attributes
    ----------
    name
        The prefix of its models' names: ``vllm/NAME``.
    base_url
        Where it is unless another address is given; None if there is no default.
    engine
        Whose words its sampling parameters are in (a name in ``engines``).
    key
        The environment variable that holds its key; None if it asks for none.
    routes
        The routes that it has, the default first.
    seeds
        Whether a seed is sent.
    logprobs
        What its log-probabilities are, as far as its documentation says.
    top_logprobs
        The most that it gives at each step; 0 if it gives none.
    """

    name: str
    base_url: str | None
    engine: str
    key: str | None
    routes: tuple[Literal["chat", "completions"], ...] = ("chat", "completions")
    seeds: bool = True
    logprobs: Logprobs = "unknown"
    top_logprobs: int = 20


#: Providers by name. Addresses are the defaults of each server's documentation.
PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("openai-api", None, "openai", "OPENAI_API_KEY"),
        Provider("vllm", "http://127.0.0.1:8000/v1", "vllm", "VLLM_API_KEY", logprobs="raw"),
        Provider("sglang", "http://127.0.0.1:30000/v1", "sglang", "SGLANG_API_KEY", logprobs="tempered"),
        Provider("llama-cpp", "http://127.0.0.1:8080/v1", "llama.cpp", "LLAMA_CPP_API_KEY", logprobs="raw"),
        Provider("ollama", "http://127.0.0.1:11434/v1", "openai", "OLLAMA_API_KEY", logprobs="raw"),
        Provider("lmstudio", "http://127.0.0.1:1234/v1", "openai", "LMSTUDIO_API_KEY"),
        Provider("openrouter", "https://openrouter.ai/api/v1", "openai", "OPENROUTER_API_KEY", routes=("chat",)),
        Provider("openai", "https://api.openai.com/v1", "openai", "OPENAI_API_KEY", routes=("chat",), logprobs="raw"),
    )
}


def provider(name: str) -> Provider:
    """The provider of this name.

    Raises
    ------
    InputError
        It is not known.
    """
    if name not in PROVIDERS:
        known = ", ".join(PROVIDERS)
        raise InputError(f"unknown provider {name!r}{nearest(name, PROVIDERS)}; the providers are {known}")
    return PROVIDERS[name]


def key_of(of: Provider) -> str | None:
    """The provider's key from the environment; None if it is not set."""
    return (os.environ.get(of.key) or None) if of.key else None
