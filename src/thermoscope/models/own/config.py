"""What ``config.json`` says of a network, if it is one of those that are written out and no more than that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Activations of GPT-2 that are torch's GELU by its tanh formula.
_TANH_GELU = ("gelu_new", "gelu_pytorch_tanh")
#: What transformers alone knows how to follow: other code or weights, and sampling in the place of an older format.
_ELSEWHERE = {"quantization_config", "auto_map", "do_sample", "temperature", "top_k", "top_p", "repetition_penalty"}
#: Architectures by ``model_type``.
ARCHITECTURES = {
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}


@dataclass(frozen=True)
class OwnConfig:
    """The numbers of a network, under the names that transformers gives them.

    Attributes
    ----------
    qkv_bias, out_bias, mlp_bias, head_norms
        Which parts the linear layers and the heads have.
    scales
        What each layer's scores are multiplied by.
    eos_token_id
        The tokens that end a text, by the configuration.
    stored
        The type of the weights in the file.
    """

    model_type: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    eps: float
    tie_word_embeddings: bool
    hidden_act: str
    rope_theta: float
    qkv_bias: bool
    out_bias: bool
    mlp_bias: bool
    head_norms: bool
    scales: tuple[float, ...]
    eos_token_id: int | list[int] | None
    stored: str
    sliding_window: None = None

    def get_text_config(self) -> OwnConfig:
        """The configuration itself, as transformers' have it."""
        return self


def read_config(folder: Path) -> OwnConfig | None:
    """The configuration in a folder; None if transformers has to read it."""
    try:
        given = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if given.get("architectures") != [ARCHITECTURES[given["model_type"]]] or _ELSEWHERE & given.keys():
            return None
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ):  # transformers says what is wrong
        return None
    return own_config(given)


def own_config(given: dict[str, Any]) -> OwnConfig | None:
    """What the fields of a ``config.json`` say of a network; None if it is not one of ours."""
    try:
        kind = given["model_type"]
        if kind not in ARCHITECTURES:
            return None
        return _gpt2(given) if kind == "gpt2" else _llama(given)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _gpt2(given: dict[str, Any]) -> OwnConfig | None:
    wide, heads, layers = given["n_embd"], given["n_head"], given["n_layer"]
    if given["activation_function"] not in _TANH_GELU or given.get("add_cross_attention") or wide % heads:
        return None
    if given.get("reorder_and_upcast_attn"):
        return None
    scale = (wide // heads) ** -0.5 if given.get("scale_attn_weights", True) else 1.0
    by_layer = given.get("scale_attn_by_inverse_layer_idx", False)
    return OwnConfig(
        "gpt2", given["vocab_size"], wide, given.get("n_inner") or 4 * wide, layers, heads, heads, wide // heads,
        given["n_positions"], given["layer_norm_epsilon"], given.get("tie_word_embeddings", True), "gelu", 0.0,
        qkv_bias=True, out_bias=True, mlp_bias=True, head_norms=False,
        scales=tuple(scale / (n + 1 if by_layer else 1) for n in range(layers)),
        eos_token_id=given.get("eos_token_id", 50256), stored=_stored(given),
    )  # fmt: skip


def _llama(given: dict[str, Any]) -> OwnConfig | None:
    kind, heads = given["model_type"], given["num_attention_heads"]
    theta = _plain_rotations(given)
    # the defaults of these differ between families and versions: where they are not written, transformers knows them
    if theta is None or given["hidden_act"] != "silu" or _windows(given):
        return None
    size = given.get("head_dim") or (given["hidden_size"] // heads if kind != "qwen3" else given["head_dim"])
    bias = bool(given.get("attention_bias", False)) if kind in ("llama", "qwen3") else False
    return OwnConfig(
        kind, given["vocab_size"], given["hidden_size"], given["intermediate_size"], given["num_hidden_layers"], heads,
        given["num_key_value_heads"], size, given["max_position_embeddings"], given["rms_norm_eps"],
        given.get("tie_word_embeddings", False), "silu", theta,
        qkv_bias=bias or kind == "qwen2", out_bias=bias, mlp_bias=kind == "llama" and bool(given.get("mlp_bias")),
        head_norms=kind == "qwen3", scales=(size**-0.5,) * given["num_hidden_layers"],
        eos_token_id=given["eos_token_id"], stored=_stored(given),
    )  # fmt: skip


def _windows(given: dict[str, Any]) -> bool:
    """Whether a layer may look at the last tokens alone."""
    if any(kind != "full_attention" for kind in given.get("layer_types") or ()):
        return True
    if given["model_type"] == "mistral":  # a missing key means 4,096
        return given["sliding_window"] is not None
    return bool(given.get("use_sliding_window"))


def _plain_rotations(given: dict[str, Any]) -> float | None:
    """The base of the rotations, None if they are scaled."""
    found = given.get("rope_parameters") or {}
    if (
        given.get("rope_scaling")
        or found.get("rope_type", "default") != "default"
        or given.get("partial_rotary_factor")
    ):
        return None
    if set(found) - {"rope_type", "rope_theta"}:
        return None
    return float(found["rope_theta"] if found else given["rope_theta"])


def _stored(given: dict[str, Any]) -> str:
    return given.get("dtype") or given.get("torch_dtype") or "float32"
