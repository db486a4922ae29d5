"""Tiny real models, made on the spot: random weights, spread wide so that near-ties are improbable."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

from thermoscope.models.huggingface import TransformersModel
from thermoscope.models.load import load_model

END = "<|endoftext|>"
VOCABULARY = 320
#: Short and long, plain and not: what the tests continue.
PROMPTS = (
    "Once upon a time, in a distant galaxy, there was a spaceship called Voyager.",
    "A",
    "The spaceship",
    "naïve café — 日本 🚀",
    "Explain how it works in simple terms, with an example or two, please",
)
CORPUS = [
    "Once upon a time, in a distant galaxy, there was a spaceship called Voyager.",
    "Explain how it works in simple terms. The quick brown fox jumps over the lazy dog.",
    "What are some of the best strategies? There are many, and none of them is simple.",
]


@lru_cache
def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE of 320 tokens, trained here; it has an end-of-text token and no pad token."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    assert bpe.get_vocab_size() == VOCABULARY
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, bos_token=END)


_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
    "initializer_range": 0.3,
}
_SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}
CONFIGS: dict[str, PreTrainedConfig] = {
    "gpt2": GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=256, **_COMMON),
    "llama": LlamaConfig(num_key_value_heads=2, **_SHAPE, **_COMMON),
    "qwen3": Qwen3Config(num_key_value_heads=2, head_dim=8, **_SHAPE, **_COMMON),
    "mistral": MistralConfig(num_key_value_heads=2, sliding_window=7, **_SHAPE, **_COMMON),
    "gemma3": Gemma3TextConfig(
        num_key_value_heads=1,
        head_dim=8,
        sliding_window=7,
        query_pre_attn_scalar=8,
        tie_word_embeddings=False,
        layer_types=["sliding_attention", "full_attention"],
        **_SHAPE,
        **_COMMON,
    ),
    # rotations that change for the whole batch once a row is longer than 24 tokens
    "longrope": Phi3Config(
        num_key_value_heads=2,
        original_max_position_embeddings=24,
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": [1.0, 1.0, 1.0, 1.0],
            "long_factor": [1.0, 2.0, 4.0, 8.0],
            "original_max_position_embeddings": 24,
        },
        **_SHAPE,
        **_COMMON,
    ),
    # no key/value cache of the usual kind
    "bloom": BloomConfig(hidden_size=32, n_layer=2, n_head=4, **_COMMON),
    "mamba": MambaConfig(hidden_size=32, num_hidden_layers=2, state_size=4, **_COMMON),
    # local attention of its own kind
    "gpt_neo": GPTNeoConfig(
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        window_size=12,
        max_position_embeddings=256,
        **_COMMON,
    ),
}


def network(kind: str, seed: int = 0) -> Any:
    """A network with random weights, float32, on the CPU."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = AutoModelForCausalLM.from_config(deepcopy(CONFIGS[kind]))
        with torch.no_grad():  # heads that are tied to small embeddings would give nearly flat logits
            for name, parameter in made.named_parameters():
                if parameter.ndim == 2 and "pos" not in name and "wpe" not in name:
                    parameter.normal_(std=0.3)
    return made.eval()


def save(kind: str, folder: Path, *, with_tokenizer: bool = True) -> Path:
    """Save a network (and the tokenizer) as ``save_pretrained`` does."""
    folder.mkdir(parents=True, exist_ok=True)
    network(kind).save_pretrained(folder)
    if with_tokenizer:
        tokenizer().save_pretrained(folder)
    return folder


def load(kind: str, folder: Path, **how: Any) -> TransformersModel:
    """Save a network and load it as a user would."""
    path = folder / kind
    if not path.exists():
        save(kind, path)
    return load_model(path, **how)
