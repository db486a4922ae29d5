"""What is wrong with a model's files, and what to do about it: one line, whichever library noticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from thermoscope.errors import ModelError
from thermoscope.words import quoted

#: More layers than any model has; building them alone would take minutes.
MOST_LAYERS = 10_000
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
#: What libraries say, by a part of it, and what to do.
_FIXES = (
    (("does not recognize this architecture",), "update transformers, or choose another model"),
    (("pip install",), "install it, or name the model that the weights were made from"),
    (("deserializing header", "incomplete metadata"), "its weights are damaged: download them again"),
    (("no file named",), "save the weights there as well, with save_pretrained"),
    (("not a valid JSON file", "config.json"), "fix its config.json, or download it again"),
)
_USUAL_FIX = "fix its config.json, or download or save the model again"


def fault(name: str, error: BaseException) -> ModelError:
    """The error for a model of this name that can't be loaded.

    Parameters
    ----------
    name
        As messages show it.
    error
        What was raised.
    """
    text = str(error)
    if "Weights only load failed" in text or type(error).__name__ == "UnpicklingError":
        return ModelError(
            f"the weights of {name} are a pickle with more than tensors in it, which could run any program as it is "
            "read; convert them to safetensors (save_pretrained, on a machine where you trust them)"
        )
    if "ignore_mismatched_sizes" in text or "size mismatch" in text:
        return ModelError(
            f"the weights of {name} have other shapes than its config.json says; use the config.json that belongs to "
            "them"
        )
    why = first_lines(error).partition(". This could be because")[0]
    fix = next((fix for parts, fix in _FIXES if any(part in text for part in parts)), _USUAL_FIX)
    return ModelError(f"the model {name} can't be loaded: {why.rstrip('.')}; {fix}")


def first_lines(error: BaseException) -> str:
    """The first line of an error, and the next one if the first introduces it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    said = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    kind = type(error).__name__
    return f"{kind}: {said}"[:200].removesuffix(": ") if len(said.split()) < 2 else said[:200]


def check_layers(config: Mapping[str, Any], name: str) -> None:
    """Raise ModelError unless a ``config.json`` says a number of layers that can be built, if it says one."""
    parts = [config, *(part for part in config.values() if isinstance(part, Mapping))]
    for layers in (part[key] for part in parts for key in _LAYERS if key in part):
        if isinstance(layers, int) and not 0 < layers <= MOST_LAYERS:
            raise ModelError(
                f"the number of layers of {name!r} must be from 1 to {MOST_LAYERS:,}; its config.json says "
                f"{quoted(layers)}; fix it, or download it again"
            )


def check_quantisation(config: Any, name: str) -> None:
    """Raise ModelError unless the weights of a configuration of transformers' are quantised as it knows, if at all."""
    quantisation = getattr(config, "quantization_config", None)
    if quantisation is None:
        return
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as KNOWN

    given = quantisation if isinstance(quantisation, dict) else getattr(quantisation, "__dict__", {})
    method = getattr(given.get("quant_method"), "value", given.get("quant_method"))
    if method not in KNOWN and not given.get("load_in_4bit") and not given.get("load_in_8bit"):
        raise ModelError(
            f"the weights of {name!r} are quantised in a way that transformers does not know: {quoted(method)}; name "
            "the model that they were made from, or remove quantization_config if they are not quantised"
        )


def end_ids(given: Any, vocabulary: int, name: str) -> frozenset[int]:
    """The tokens that end a text, as a configuration gives them: a token id, several or none.

    Raises
    ------
    ModelError
        One is no token of the vocabulary.
    """
    if given is None:
        return frozenset()
    ids = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for number in ids:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < vocabulary:
            raise ModelError(
                f"a text of {name!r} must end at a token from 0 to {vocabulary - 1}; its configuration says "
                f"{quoted(number)}; correct eos_token_id in generation_config.json, or else in config.json"
            )
    return frozenset(ids)
