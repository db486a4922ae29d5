"""Models of real shapes with random weights, saved so that they load as any other."""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: A prompt of exactly ten tokens for ``byte_pairs``.
TEN_TOKENS = "once upon a time"


def gpt2(folder: Path, *, layers: int = 12) -> str:
    """GPT-2's shape (124 million parameters at 12 layers) with its vocabulary size; returns the folder."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return _saved(folder, GPT2LMHeadModel, GPT2Config(n_layer=layers))


def smollm(folder: Path, *, layers: int = 30) -> str:
    """SmolLM-135M's shape: Llama's architecture, 9 heads on 3 key heads, tied embeddings; returns the folder."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=layers, num_attention_heads=9,
        num_key_value_heads=3, max_position_embeddings=2048, tie_word_embeddings=True,
    )  # fmt: skip
    return _saved(folder, LlamaForCausalLM, config)


def qwen(folder: Path, *, layers: int = 28, size: int = 1536) -> str:
    """Qwen2's shape, with 1.5 billion parameters at 28 layers of 1,536 channels, tied; returns the folder."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=151936, hidden_size=size, intermediate_size=size * 35 // 6, num_hidden_layers=layers,
        num_attention_heads=size // 128, num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True,
    )  # fmt: skip
    return _saved(folder, Qwen2ForCausalLM, config)


def _saved(folder: Path, network, config) -> str:
    """Save a network of this configuration as if it came from the hub; returns the folder.

    The tokenizer has as many tokens as GPT-2's at most, so that ``TEN_TOKENS`` are ten, or eleven where transformers
    loads it as Qwen2's; its last token ends a text.
    """
    import torch
    from transformers import PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    if not (folder / "config.json").exists():
        torch.manual_seed(0)
        network(config).save_pretrained(folder)
        tokenizer = byte_pairs(min(config.vocab_size, 50257) - 1)
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(folder)
    return str(folder)


def byte_pairs(size: int):
    """A byte-level BPE whose tokens are all bytes and then pairs of bytes: a vocabulary of any size, without text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters.sort(key=lambda c: not c.isascii())  # pairs of ASCII first
    pairs = [(a, b) for a in letters for b in letters][: size - len(letters)]
    words = [*letters, *(a + b for a, b in pairs)]
    tokenizer = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def versions() -> dict[str, str]:
    """Versions of what is timed."""
    import torch
    import transformers

    import thermoscope

    peers = {"xllamacpp": _installed("xllamacpp")}
    return {
        "thermoscope": thermoscope.__version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        **{name: version for name, version in peers.items() if version},
        "python": sys.version.split()[0],
        "threads": str(torch.get_num_threads()),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _installed(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None
