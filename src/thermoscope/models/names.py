"""What a model is called: ``provider/model``, a hub name, a path, or one of the two that come by themselves.

A bare name or path stays Hugging Face's. A local folder of the given name always goes before a provider.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermoscope.errors import InputError

#: Providers of models that run here.
LOCAL = ("hf", "gguf", "bundled", "smollm2")
#: Providers behind an address that speaks OpenAI's protocol, with their default address; None: it must be given.
ENDPOINTS: dict[str, str | None] = {
    "openai-api": None,
    "vllm": "http://localhost:8000/v1",
    "sglang": "http://localhost:30000/v1",
    "transformers": "http://localhost:8000/v1",
    "ollama": "http://localhost:11434/v1",
    "llama-cpp": "http://localhost:8080/v1",
    "lmstudio": "http://localhost:1234/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "openai": "https://api.openai.com/v1",
}
#: Providers that can run a model in this process where their package is installed.
ENGINES = ("vllm",)


@dataclass(frozen=True, slots=True)
class ModelName:
    """A name that was understood.

    Attributes
    ----------
    given
        As it was written; what results and commands show.
    provider
        One of ``LOCAL`` or ``ENDPOINTS``.
    model
        The model's name with that provider: a hub name, a path, or what an endpoint calls it.
    base_url
        The address of an endpoint; None for a model that runs here.
    """

    given: str
    provider: str
    model: str
    base_url: str | None = None

    @property
    def is_endpoint(self) -> bool:
        """Whether the model runs behind an address."""
        return self.provider in ENDPOINTS

    @property
    def key_variable(self) -> str | None:
        """The environment variable that an endpoint's key is read from, such as OPENROUTER_API_KEY."""
        if not self.is_endpoint:
            return None
        owner = self.model.split("/")[0] if self.provider == "openai-api" and "/" in self.model else self.provider
        return re.sub(r"\W", "_", owner.removesuffix("-api")).upper() + "_API_KEY"


def parse_name(given: str | Path | None, base_url: str | None = None) -> ModelName:
    """Understand a model's name.

    Parameters
    ----------
    given
        The name; None is the bundled model.
    base_url
        The address of an endpoint, instead of its provider's default.

    Raises
    ------
    InputError
        A provider has no model behind it, an address is missing, or is given for a model that runs here.
    """
    text = "bundled" if given is None else str(given)
    name = _local(text) or _endpoint(text, base_url)
    if name is None:
        is_file = text.lower().endswith(".gguf")
        name = ModelName(text, "gguf" if is_file else "hf", text)
    if base_url is not None and not name.is_endpoint:
        raise InputError(
            f"a base URL is for endpoints ({', '.join(ENDPOINTS)}); got one for {text!r}; write openai-api/{text}"
        )
    return name


def runs_in_process(name: ModelName, base_url: str | None) -> bool:
    """Whether an engine is installed that runs the model in this process, and no address of a server was given."""
    return name.provider in ENGINES and base_url is None and importlib.util.find_spec(name.provider) is not None


def not_here(what: str, name: str, *, in_vllm: bool = False) -> InputError:
    """The error that something is for a model that runs here, where the model of that name does not."""
    where = "runs in vLLM" if in_vllm else "does not"
    return InputError(f"{what} is for a model that runs here; {name} {where}; leave it out")


def _local(text: str) -> ModelName | None:
    """A model that runs here and says so: by its provider, or by a folder of that name."""
    if text in ("bundled", "smollm2"):
        return ModelName(text, text, text)
    provider, slash, rest = text.partition("/")
    if slash and provider in ("hf", "gguf") and not _exists(text):
        if not rest.strip():
            raise InputError(f"{provider}/ must be followed by a model; got {text!r}; write {provider}/NAME")
        return ModelName(text, provider, rest)
    return ModelName(text, "hf", text) if _exists(text) and not text.lower().endswith(".gguf") else None


def _endpoint(text: str, base_url: str | None) -> ModelName | None:
    provider, slash, rest = text.partition("/")
    if not slash or provider not in ENDPOINTS:
        return None
    if not rest.strip():
        raise InputError(f"{provider}/ must be followed by a model; got {text!r}; write {provider}/NAME")
    address = base_url or ENDPOINTS[provider]
    if address is None:
        raise InputError(f"{provider}/ needs an address; got none for {text!r}; add --base-url http://HOST:PORT/v1")
    if not address.startswith(("http://", "https://")):
        host = address.split("://")[-1]
        raise InputError(f"a base URL must begin with http:// or https://; got {address!r}; write http://{host}")
    return ModelName(text, provider, rest, address.rstrip("/"))


def _exists(text: str) -> bool:
    try:
        return Path(os.path.expanduser(text)).exists()  # noqa: PTH111  (Path's own raises for an unknown ~user)
    except (OSError, ValueError):  # a name too long or with a null byte
        return False


def arguments(words: Sequence[str]) -> dict[str, Any]:
    """Arguments written as ``key=value``: numbers, true, false and null as what they are, all else as text.

    Raises
    ------
    InputError
        One has no equals sign, no key, or a key that was given already.
    """
    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            raise InputError(f"an argument must be written key=value; got {word!r}")
        if key in found:
            raise InputError(f"an argument must be given once; got {key} twice; leave one out")
        found[key] = _typed(value.strip())
    return found


def _typed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(value, value)
