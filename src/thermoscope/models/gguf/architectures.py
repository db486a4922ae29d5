"""Architectures of GGUF files in Hugging Face's terms: the configuration, tensor names, and what differs in the values.

llama.cpp's converter renames tensors, reorders the rows of Llama's queries and keys for its rotary embedding, adds 1 to
Gemma's norms and transposes GPT-2's weights; here each is undone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thermoscope.errors import ModelError, NotCausalLMError
from thermoscope.models.gguf.file import Array, GGUFFile
from thermoscope.models.gguf.keys import Keys
from thermoscope.models.gguf.rotary import rope_parameters

#: What a value of a tensor becomes: its name in the file, the values, the configuration.
Change = Callable[[str, Array, Mapping[str, Any]], Array]

_LAYER = re.compile(r"^blk\.(\d+)\.(.+)\.(weight|bias)$")
_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_ATTENTION = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
}
_FEED_FORWARD = {"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
_LLAMA = _ATTENTION | _FEED_FORWARD | {"ffn_norm": "post_attention_layernorm"}
_QK_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
_GEMMA = _ATTENTION | _FEED_FORWARD | {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}  # fmt: skip
_PHI3 = {
    "attn_norm": "input_layernorm",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_up": "mlp.gate_up_proj",
    "ffn_down": "mlp.down_proj",
}
_GPT2_TOP = {
    "token_embd": "transformer.wte", "position_embd": "transformer.wpe", "output_norm": "transformer.ln_f",
    "output": "lm_head",
}  # fmt: skip
_GPT2 = {
    "attn_norm": "ln_1", "attn_qkv": "attn.c_attn", "attn_output": "attn.c_proj", "ffn_norm": "ln_2",
    "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj",
}  # fmt: skip

#: Keys of other architectures that change logits.
_ARITHMETIC = (
    "logit_scale", "residual_scale", "embedding_scale", "attention.scale", "attention.clamp_kqv",
    "attention.max_alibi_bias", "use_parallel_residual",
)  # fmt: skip
#: Tensors that are part of the configuration and not of the network.
ROPE_TENSORS = ("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")

#: The end of a sentence on what a file has.
_UNSUPPORTED = "which is not supported; choose another model, or its original from the hub"


def _same(_: str, values: Array, __: Mapping[str, Any]) -> Array:
    return values


def _unpermuted(name: str, values: Array, config: Mapping[str, Any]) -> Array:
    """Queries and keys with each head's rows in halves, as Hugging Face rotates them, not in pairs."""
    heads = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}
    key = heads.get(name.split(".")[-2])
    if key is None:
        return values
    pairs = values.reshape(config[key], -1, 2, *values.shape[1:])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(values.shape)


def _without_one(name: str, values: Array, _: Mapping[str, Any]) -> Array:
    return values - np.float32(1) if "norm" in name else values


def _transposed(name: str, values: Array, _: Mapping[str, Any]) -> Array:
    """GPT-2's products as Hugging Face stores them, (in, out)."""
    product = name.split(".")[-2] in ("attn_qkv", "attn_output", "ffn_up", "ffn_down")
    return np.ascontiguousarray(values.T) if product and values.ndim == 2 else values


@dataclass(frozen=True, slots=True)
class Architecture:
    """How one architecture of GGUF is told to Hugging Face.

    Attributes
    ----------
    model_type
        Hugging Face's name.
    layer
        Names of a layer's tensors.
    change
        What is done to the values of a tensor.
    more
        What the configuration has beyond that of Llama, from the file.
    top, prefix
        Names of the tensors outside the layers, and what precedes a layer's number.
    """

    model_type: str
    layer: Mapping[str, str]
    change: Change = _same
    more: Callable[[GGUFFile, Keys], dict[str, Any]] = field(default=lambda file, keys: {})
    top: Mapping[str, str] = field(default_factory=lambda: _TOP)
    prefix: str = "model.layers."

    def name(self, name: str) -> str | None:
        """Hugging Face's name of a tensor; None if this architecture has no such tensor."""
        if (match := _LAYER.match(name)) is not None:
            number, part, kind = match.groups()
            return f"{self.prefix}{number}.{self.layer[part]}.{kind}" if part in self.layer else None
        part, _, kind = name.rpartition(".")
        return f"{self.top[part]}.{kind}" if part in self.top and kind in ("weight", "bias") else None


def _biased(file: GGUFFile, _: Keys) -> dict[str, Any]:
    return {
        "hidden_act": "silu",
        "attention_bias": "blk.0.attn_q.bias" in file.tensors,
        "mlp_bias": "blk.0.ffn_up.bias" in file.tensors,
    }


def _qwen(_: GGUFFile, __: Keys) -> dict[str, Any]:
    return {"hidden_act": "silu", "use_sliding_window": False}


def _smollm3(file: GGUFFile, keys: Keys) -> dict[str, Any]:
    return _biased(file, keys) | {
        "no_rope_layer_interval": 4,  # llama.cpp's own constant: every fourth layer is not rotated
        "no_rope_layers": [int((n + 1) % 4 != 0) for n in range(keys.need("block_count"))],
        "use_sliding_window": False,
    }


def _gemma_scale(keys: Keys) -> int:
    """What queries are divided by the root of: the size of a head, but for the largest models."""
    heads, width = keys.one("attention.head_count"), keys.need("embedding_length")
    largest = keys.need("block_count") in (46, 62)  # gemma2 and gemma3 of 27 billion parameters
    return int(width // heads if largest else keys.get("attention.key_length", width // heads))


def _gemma2(_: GGUFFile, keys: Keys) -> dict[str, Any]:
    layers = keys.need("block_count")
    return {
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": _gemma_scale(keys),
        "sliding_window": keys.get("attention.sliding_window", 4096),
        "attn_logit_softcapping": keys.get("attn_logit_softcapping", 50.0),
        "final_logit_softcapping": keys.get("final_logit_softcapping", 30.0),
        "layer_types": [("full" if n % 2 else "sliding") + "_attention" for n in range(layers)],
    }


def _gemma3(file: GGUFFile, keys: Keys) -> dict[str, Any]:
    layers, every = keys.need("block_count"), 6
    pattern = keys.get("attention.sliding_window_pattern", every)
    if isinstance(pattern, list):
        kinds = ["sliding_attention" if sliding else "full_attention" for sliding in pattern]
    else:
        kinds = [("sliding" if (n + 1) % pattern else "full") + "_attention" for n in range(layers)]
    local = float(keys.get("rope.freq_base_swa", 10000.0))
    return {
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": _gemma_scale(keys),
        "sliding_window": keys.get("attention.sliding_window", 4096),
        "attn_logit_softcapping": keys.get("attn_logit_softcapping"),
        "final_logit_softcapping": keys.get("final_logit_softcapping"),
        "layer_types": kinds,
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": local},
            "full_attention": rope_parameters(file, keys, usual_base=1_000_000.0),
        },
    }


def _phi3(_: GGUFFile, keys: Keys) -> dict[str, Any]:
    context = keys.need("context_length")
    window = keys.get("attention.sliding_window")
    return {
        "original_max_position_embeddings": keys.get("rope.scaling.original_context_length", context),
        "sliding_window": window if window and window < context else None,
        "partial_rotary_factor": 1.0,
    }


ARCHITECTURES: Mapping[str, Architecture] = {
    "llama": Architecture("llama", _LLAMA, _unpermuted, _biased),
    "smollm3": Architecture("smollm3", _LLAMA, _unpermuted, _smollm3),
    "qwen2": Architecture("qwen2", _LLAMA, more=_qwen),
    "qwen3": Architecture("qwen3", _LLAMA | _QK_NORMS, more=_qwen),
    "gemma2": Architecture("gemma2", _GEMMA, _without_one, _gemma2),
    "gemma3": Architecture("gemma3_text", _GEMMA | _QK_NORMS, _without_one, _gemma3),
    "phi3": Architecture("phi3", _PHI3, more=_phi3),
    "gpt2": Architecture("gpt2", _GPT2, _transposed, top=_GPT2_TOP, prefix="transformer.h."),
}


def architecture_of(file: GGUFFile) -> Architecture:
    """The architecture of a file.

    Raises
    ------
    ModelError
        It is unknown here, has experts, or has a key that changes the arithmetic in a way that is not known here.
    NotCausalLMError
        The file is no model, or one that does not continue text.
    """
    kind = file.metadata.get("general.type", "model")
    if kind != "model":
        raise NotCausalLMError(
            f"the file {str(file.path)!r} is of the type {kind!r}, not a model that continues text; name a model's file"
        )
    name = str(file.metadata.get("general.architecture"))
    known = ", ".join(ARCHITECTURES)
    if name not in ARCHITECTURES:
        raise ModelError(
            f"the file {str(file.path)!r} has the architecture {name!r}; known are {known} (Mistral is llama); use its "
            "Hugging Face form instead"
        )
    if file.metadata.get(f"{name}.attention.causal") is False:
        raise NotCausalLMError(
            f"the file {str(file.path)!r} is a model that looks at what follows and does not continue text; use another"
        )
    if changed := [key for key in _ARITHMETIC if file.metadata.get(f"{name}.{key}")]:
        raise ModelError(
            f"the file {str(file.path)!r} has {name}.{changed[0]}, which is not supported; use its Hugging Face form"
        )
    if file.metadata.get(f"{name}.expert_count"):
        raise ModelError(
            f"the file {str(file.path)!r} has experts, which are not supported in GGUF files; use its Hugging Face form"
        )
    return ARCHITECTURES[name]


def configuration(file: GGUFFile) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The configuration in Hugging Face's form, and the keys of the architecture that are not used.

    Raises
    ------
    ModelError
        The architecture is unknown, or a key is missing.
    """
    known = architecture_of(file)
    keys = Keys(file, file.metadata["general.architecture"])
    if "token_embd.weight" not in file.tensors:
        raise ModelError(
            f"the file {str(file.path)!r} has no token_embd.weight: it is a vocabulary alone; name the file of a model"
        )
    vocabulary, width = file.tensors["token_embd.weight"].shape
    for name in ("vocab_size", "expert_count", "attention.causal"):
        keys.get(name)
    ends = {"eos_token_id": file.metadata.get("tokenizer.ggml.eos_token_id")}
    ends |= {"bos_token_id": file.metadata.get("tokenizer.ggml.bos_token_id"), "pad_token_id": None}
    shared = {"model_type": known.model_type, "vocab_size": vocabulary, **ends}
    shared["tie_word_embeddings"] = "output.weight" not in file.tensors
    layers, heads = keys.need("block_count"), keys.one("attention.head_count")
    if known.model_type == "gpt2":
        config = shared | {
            "activation_function": "gelu_new",
            "n_embd": keys.get("embedding_length", width),
            "n_layer": layers,
            "n_head": heads,
            "n_positions": file.tensors["position_embd.weight"].shape[0],
            "n_inner": keys.one("feed_forward_length"),
            "layer_norm_epsilon": keys.get("attention.layer_norm_epsilon", 1e-5),
        }
        keys.get("context_length")
        return config, tuple(keys.unused)
    head = keys.get("attention.key_length") or width // heads
    if keys.get("attention.value_length", head) != head:
        raise ModelError(f"the file {str(file.path)!r} has values of another size than keys, {_UNSUPPORTED}")
    if keys.get("rope.dimension_count", head) != head:
        raise ModelError(f"the file {str(file.path)!r} rotates a part of each head, {_UNSUPPORTED}")
    more = known.more(file, keys)
    config = shared | {
        "hidden_size": keys.get("embedding_length", width),
        "intermediate_size": keys.one("feed_forward_length"),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": keys.one("attention.head_count_kv", heads),
        "head_dim": head,
        "max_position_embeddings": keys.need("context_length"),
        "rms_norm_eps": keys.need("attention.layer_norm_rms_epsilon"),
    }
    if "rope_parameters" not in more:
        config["rope_parameters"] = rope_parameters(file, keys)
    return config | more, tuple(keys.unused)
