"""The registry of engines: one file each, whose ``ENTRIES`` are loaded on first use."""

from __future__ import annotations

from thermoscope.engines.dialect import Dialect
from thermoscope.errors import InputError
from thermoscope.registry import Registry
from thermoscope.words import nearest

#: Every engine that settings are written for and read from, by name.
ENGINES = Registry(
    Dialect,
    "engine",
    built_in=[
        f"thermoscope.engines.{module}"
        for module in ("transformers", "vllm", "sglang", "llama_cpp", "ollama", "tgi", "openai", "anthropic", "gemini",
                       "webui", "mlx")
    ],
)  # fmt: skip


def register_engine(engine: Dialect) -> Dialect:
    """Add an engine: ``export`` writes for it and reads its files.

    Raises
    ------
    InputError
        Its name is taken.
    """
    return ENGINES.register(engine)


def engine_named(name: str) -> Dialect:
    """The engine of this name.

    Raises
    ------
    InputError
        It is not known.
    """
    if name not in ENGINES:
        raise InputError(f"unknown engine {name!r}{nearest(str(name), ENGINES)}; the engines are {', '.join(ENGINES)}")
    return ENGINES[name]
