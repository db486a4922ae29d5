"""A folder with a model of the commonest families, read without importing transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from thermoscope.models.memory import check_memory
from thermoscope.models.own.config import OwnConfig, read_config
from thermoscope.models.own.network import GPT2, GenerationConfig, Llama, OwnNetwork
from thermoscope.models.own.tokenizer import OwnTokenizer, read_tokenizer

_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
#: Layers that GPT-2's checkpoints keep as (in, out).
TURNED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


def read_folder(folder: Path, device: torch.device, dtype: str | None) -> tuple[OwnTokenizer, OwnNetwork] | None:
    """Tokenizer and network in a folder; None if transformers has to read them.

    Whatever is not plainly supported, or wrong, is left to transformers, which says what it is.

    Raises
    ------
    ModelMemoryError
        The weights are larger than the memory that is free.
    """
    if device.type != "cpu" or not (folder / _WEIGHTS).is_file() or (folder / _INDEX).exists():
        return None
    config = read_config(folder)
    tokenizer = None if config is None else read_tokenizer(folder)
    generation = None if config is None else _generation(folder, config)
    if config is None or tokenizer is None or generation is None:
        return None
    wanted = getattr(torch, config.stored if dtype == "auto" else dtype or "float32", None)
    if not isinstance(wanted, torch.dtype) or not wanted.is_floating_point:
        return None
    network = _empty(config)
    tied = network.lm_head.weight.numel() if config.tie_word_embeddings else 0
    check_memory(sum(p.numel() for p in network.parameters()) - tied, wanted, device)
    weights = _weights(folder / _WEIGHTS, config, wanted)
    if weights is None or not _assign(network, weights):
        return None
    network.generation_config = generation
    return tokenizer, network


def network_of(config: OwnConfig, weights: dict[str, Tensor], generation: GenerationConfig) -> OwnNetwork | None:
    """A network on the CPU with these weights, by its names for them; None if they are not all that it has."""
    network = _empty(config)
    if not _assign(network, weights):
        return None
    network.generation_config = generation
    return network


def _empty(config: OwnConfig) -> OwnNetwork:
    with torch.device("meta"):
        network: OwnNetwork = (GPT2 if config.model_type == "gpt2" else Llama)(config)
    return network


def _assign(network: OwnNetwork, weights: dict[str, Tensor]) -> bool:
    """Make tensors the network's weights, if they are all that it has, in its shapes, and nothing else."""
    tied = network.config.tie_word_embeddings
    wanted: dict[str, Any] = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if tied:
        wanted.pop("lm_head.weight")
    if wanted != {name: tensor.shape for name, tensor in weights.items()}:
        return False
    network.load_state_dict(weights, strict=False, assign=True)
    if tied:
        embedding: Any = network.get_input_embeddings()
        network.lm_head.weight = embedding.weight
    network.requires_grad_(False).eval()
    return True


def _weights(path: Path, config: OwnConfig, dtype: torch.dtype) -> dict[str, Tensor] | None:
    """The tensors of a file by the names that the network has for them."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        stored = load_file(path)
    except (OSError, SafetensorError):
        return None
    bare = config.model_type == "gpt2" and not any(name.startswith("transformer.") for name in stored)
    found = {}
    for name, tensor in stored.items():
        if not tensor.is_floating_point():
            return None
        own = tensor.t() if config.model_type == "gpt2" and name.endswith(TURNED) else tensor
        found["transformer." + name if bare and name != "lm_head.weight" else name] = own.to(dtype)
    return found


def _generation(folder: Path, config: OwnConfig) -> GenerationConfig | None:
    """What ``generation_config.json`` says; where there is none, what the configuration says of ends."""
    path = folder / "generation_config.json"
    if not path.exists():
        return GenerationConfig({"eos_token_id": config.eos_token_id})
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return GenerationConfig(given) if isinstance(given, dict) else None
