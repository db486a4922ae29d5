"""Providers: how each kind of endpoint is asked, and what its answers hold.

A provider is one entry here. Its default address stands with the names of models (``models/names.py``), and the fields
of a setting are those of its engine (``engines/``): neither is repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from thermoscope.errors import InputError
from thermoscope.sources.base import Logprobs
from thermoscope.words import nearest

Route = Literal["chat", "completions"]


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of endpoint.

    Attributes
    ----------
    name
        The prefix of its models' names: ``vllm/NAME``.
    engine
        Whose words its sampling parameters are in (a name in ``engines``).
    routes
        The routes that it has, the default first.
    seeds
        Whether a seed is sent.
    logprobs
        What its log-probabilities are, as far as its documentation says.
    top_logprobs
        The most that it gives at each step; 0 if it gives none.
    setting_field
        The field that holds a whole setting, as JSON in a text; None where each parameter has a field of its own.
    remarks
        What a reader of its texts must know, a sentence each.
    """

    name: str
    engine: str
    routes: tuple[Route, ...] = ("chat", "completions")
    seeds: bool = True
    logprobs: Logprobs = "unknown"
    top_logprobs: int = 20
    setting_field: str | None = None
    remarks: tuple[str, ...] = ()


#: Providers by name.
PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("openai-api", "openai"),
        Provider("vllm", "vllm", logprobs="raw"),
        Provider("sglang", "sglang", logprobs="tempered"),
        Provider("llama-cpp", "llama.cpp", logprobs="raw"),
        # it samples only where do_sample is set, and takes anything but temperature and top_p, from generation_config
        Provider(
            "transformers",
            "transformers",
            logprobs="none",
            top_logprobs=0,
            setting_field="generation_config",
            remarks=(
                "transformers serve draws all texts from one stream of random numbers: a seed gives the same text "
                "again only with -M at_once=1.",
            ),
        ),
        Provider("ollama", "openai", logprobs="raw"),
        Provider("lmstudio", "openai"),
        Provider("openrouter", "openai", routes=("chat",)),
        Provider("openai", "openai", routes=("chat",), logprobs="raw"),
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
