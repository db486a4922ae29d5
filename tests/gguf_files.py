"""Small GGUF files of the tiny models, written as llama.cpp's converter does."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

from tests.tiny import VOCABULARY, tokenizer

_COMMON: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
#: Widths are multiples of 32, the block of most quantisations.
_SHAPE: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-5,
}  # fmt: skip
_SLIDING = ["sliding_attention", "full_attention"] * 2
_LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}  # fmt: skip
_LONG = {
    "rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 24,
    "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7], "long_factor": [1.0, 2, 4, 8, 16, 32, 64, 128],
}  # fmt: skip
#: Architectures by GGUF's names, and variants of them.
CONFIGS: dict[str, Any] = {
    "llama": LlamaConfig(tie_word_embeddings=True, **_SHAPE, **_COMMON),
    "llama-biased": LlamaConfig(attention_bias=True, mlp_bias=True, head_dim=32, **_SHAPE, **_COMMON),
    "llama-3": LlamaConfig(rope_parameters=_LLAMA3, **_SHAPE, **_COMMON),
    "llama-linear": LlamaConfig(
        rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}, **_SHAPE, **_COMMON
    ),
    "llama-yarn": LlamaConfig(
        rope_parameters={
            "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64,
        },
        **_SHAPE, **_COMMON,
    ),
    "mistral": MistralConfig(sliding_window=None, **_SHAPE, **_COMMON),
    "qwen2": Qwen2Config(tie_word_embeddings=True, **_SHAPE, **_COMMON),
    "qwen3": Qwen3Config(head_dim=32, **_SHAPE, **_COMMON),
    "smollm3": SmolLM3Config(**_SHAPE, **_COMMON),
    "gemma2": Gemma2Config(
        head_dim=32, query_pre_attn_scalar=32, sliding_window=7, layer_types=_SLIDING,
        attn_logit_softcapping=50.0, final_logit_softcapping=30.0, **_SHAPE, **_COMMON,
    ),
    "gemma3": Gemma3TextConfig(
        head_dim=32, query_pre_attn_scalar=32, sliding_window=7, **(_SHAPE | {"num_hidden_layers": 7}), **_COMMON
    ),
    "phi3": Phi3Config(**_SHAPE, **_COMMON),
    "phi3-long": Phi3Config(original_max_position_embeddings=24, rope_parameters=_LONG, **_SHAPE, **_COMMON),
    "gpt2": GPT2Config(n_embd=64, n_layer=2, n_head=4, n_positions=96, **_COMMON),
}  # fmt: skip
_ARCHITECTURES = {"mistral": "llama"}


def network(kind: str) -> Any:
    """A network with random weights, norms and biases too, float32."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = AutoModelForCausalLM.from_config(deepcopy(CONFIGS[kind]))
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return made.eval()


def architecture(kind: str) -> str:
    """GGUF's name of the architecture of a kind."""
    name = kind.split("-")[0]
    return _ARCHITECTURES.get(name, name)


def write(
    path: Path,
    kind: str,
    quantisation: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32,
    more: Callable[[gguf.GGUFWriter], None] | None = None,
) -> Any:
    """Write a network as a GGUF file; return it, with the weights that the file holds."""
    made, name = network(kind), architecture(kind)
    config, writer = made.config, gguf.GGUFWriter(path, name)
    _metadata(writer, config, name)
    _rotary(writer, config, name)
    tokens(writer)
    if more is not None:
        more(writer)
    names = gguf.get_tensor_name_map(_number(name), config.num_hidden_layers)
    state, held = made.state_dict(), {}
    for called, tensor in state.items():
        if called == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = _converted(called, tensor.numpy(), config, name)
        target = names.get_name(called, try_suffixes=(".weight", ".bias"))
        assert target is not None, called
        kept = quantisation if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        raw = gguf.quantize(values, kept)
        writer.add_tensor(target, raw, raw_dtype=kept)
        held[called] = torch.from_numpy(_original(called, gguf.dequantize(raw, kept), config, name).copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    made.load_state_dict(held, strict=False)
    return made


def tokens(writer: gguf.GGUFWriter) -> None:
    """The tiny models' tokenizer."""
    backend = tokenizer().backend_tokenizer
    vocabulary = sorted(backend.get_vocab(), key=backend.get_vocab().__getitem__)
    import json

    merges = [" ".join(pair) for pair in json.loads(backend.to_str())["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([3] + [1] * (len(vocabulary) - 1))
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)


def _number(name: str) -> gguf.MODEL_ARCH:
    return next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == name)


def _metadata(writer: gguf.GGUFWriter, config: Any, name: str) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    if name == "gpt2":
        writer.add_feed_forward_length(4 * config.hidden_size)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    if name.startswith("gemma"):
        writer.add_sliding_window(config.sliding_window)
        for cap in ("attn_logit_softcapping", "final_logit_softcapping"):
            if (value := getattr(config, cap)) is not None:
                getattr(writer, f"add_{cap}")(value)


def _rotary(writer: gguf.GGUFWriter, config: Any, name: str) -> None:
    rope = getattr(config, "rope_parameters", None)
    if not rope:
        return
    rope = rope.get("full_attention", rope)
    writer.add_rope_freq_base(rope["rope_theta"])
    kind = rope.get("rope_type", "default")
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(rope["factor"])
    if kind in ("yarn", "longrope"):
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if kind == "longrope":
        ratio = config.max_position_embeddings / rope["original_max_position_embeddings"]
        scale = math.sqrt(1 + math.log(ratio) / math.log(rope["original_max_position_embeddings"]))
        writer.add_rope_scaling_attn_factors(scale)
        for which in ("long", "short"):
            values = np.array(rope[f"{which}_factor"], dtype=np.float32)
            writer.add_tensor(f"rope_factors_{which}.weight", values)
    if kind == "llama3":
        writer.add_tensor("rope_freqs.weight", _llama3(config))


def _llama3(config: Any) -> np.ndarray:
    """By what the frequencies are divided, from transformers' own rule."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    size = 2 * len(scaled)
    plain = 1 / 500000.0 ** (np.arange(0, size, 2) / size)
    return (plain / scaled.numpy()).astype(np.float32)


def _converted(called: str, values: np.ndarray, config: Any, name: str) -> np.ndarray:
    """Values as the converter stores them."""
    if name in ("llama", "smollm3") and ("q_proj" in called or "k_proj" in called):
        heads = config.num_attention_heads if "q_proj" in called else config.num_key_value_heads
        rows = values.shape[0] // heads // 2
        values = values.reshape(heads, 2, rows, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
    if name.startswith("gemma") and "norm" in called:
        values = values + np.float32(1)
    if name == "gpt2" and values.ndim == 2 and "c_" in called:
        values = values.T
    return np.ascontiguousarray(values)


def _original(called: str, values: np.ndarray, config: Any, name: str) -> np.ndarray:
    """What those values were before."""
    if name in ("llama", "smollm3") and ("q_proj" in called or "k_proj" in called):
        heads = config.num_attention_heads if "q_proj" in called else config.num_key_value_heads
        rows = values.shape[0] // heads // 2
        values = values.reshape(heads, rows, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
    if name.startswith("gemma") and "norm" in called:
        values = values - np.float32(1)
    if name == "gpt2" and values.ndim == 2 and "c_" in called:
        values = values.T
    return values
