"""A GGUF file as a model: a network of our own or, where there is none, transformers', with the file's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import processors
from torch import Tensor

from thermoscope.errors import ModelError
from thermoscope.models.gguf.load import FromGGUF, read_gguf
from thermoscope.models.huggingface import TransformersModel
from thermoscope.models.own.config import own_config
from thermoscope.models.own.load import TURNED, network_of
from thermoscope.models.own.network import GenerationConfig, OwnNetwork
from thermoscope.models.own.tokenizer import OwnTokenizer
from thermoscope.models.packing import pack
from thermoscope.models.quiet import quiet


def gguf_model(path: Path, name: str, device: torch.device, dtype: str | None) -> TransformersModel:
    """Load a GGUF file.

    Parameters
    ----------
    path
        The file.
    name
        What the model is called in results.
    device
        Where it runs.
    dtype
        The type of the weights; "auto" is the file's own where it is not quantised, else float32.

    Raises
    ------
    ModelError
        The file can't be read, its architecture, quantisation or tokenizer is not known, or it needs more memory.
    """
    found = read_gguf(path, dtype or "float32", device)
    network = _own(found) if device.type == "cpu" else None
    if network is None:
        with quiet():
            network = _of_transformers(found).to(device).eval()
    found.state.clear()  # the network has them now, and lets go of them when it is packed
    pack(network)
    tokenizer = _tokenizer(found)
    model = TransformersModel(network, tokenizer, name=name, revision=f"sha256:{found.digest[:12]}")
    model.loading_notes = found.notes
    return model


def _own(found: FromGGUF) -> OwnNetwork | None:
    """A network of ours, which needs no import of transformers; None if there is none of this architecture."""
    config = own_config({**found.config, "dtype": str(_dtype(found)).removeprefix("torch.")})
    if config is None:
        return None
    return network_of(config, _as_linears(found), GenerationConfig(_generation(found)))


def _of_transformers(found: FromGGUF) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    rest = dict(found.config)
    config = AutoConfig.for_model(rest.pop("model_type"), **rest)
    kind = AutoModelForCausalLM._model_mapping[type(config)]
    network, info = kind.from_pretrained(
        None, config=config, state_dict=found.state, dtype=_dtype(found), output_loading_info=True
    )
    for what in ("missing_keys", "unexpected_keys"):
        if info[what]:
            raise ModelError(
                f"the GGUF file has {'not all' if what == 'missing_keys' else 'more'} tensors "
                f"{'that' if what == 'missing_keys' else 'than'} its architecture needs, such as "
                f"{sorted(info[what])[0]}; convert the model again"
            )
    for name, value in _generation(found).items():
        setattr(network.generation_config, name, value)
    return network


def _dtype(found: FromGGUF) -> torch.dtype:
    return found.state[next(iter(found.state))].dtype


def _as_linears(found: FromGGUF) -> dict[str, Tensor]:
    """The weights as our networks have them: GPT-2's products as linear layers."""
    if found.config["model_type"] != "gpt2":
        return found.state
    return {name: tensor.t() if name.endswith(TURNED) else tensor for name, tensor in found.state.items()}


def _generation(found: FromGGUF) -> dict[str, Any]:
    """What the file says of ends and sampling, in the words of a ``generation_config.json``."""
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
    said = {name: found.sampling[name] for name in names if name in found.sampling}
    if said:
        said["do_sample"] = True  # a GGUF file has no such switch: what runs it samples
    return {"eos_token_id": sorted(set(found.special.ends.values())) or None, **said}


def _tokenizer(found: FromGGUF) -> OwnTokenizer:
    special, backend = found.special, found.tokenizer
    named = {name: number for name, number in (("bos", special.bos), ("eos", special.eos)) if number is not None}
    texts = {name: str(backend.id_to_token(number)) for name, number in named.items()}
    before = f"{texts['bos']}:0 " if special.add_bos else ""
    after = f" {texts['eos']}:0" if special.add_eos else ""
    if before or after:
        wanted = [name for name, on in (("bos", special.add_bos), ("eos", special.add_eos)) if on]
        backend.post_processor = processors.TemplateProcessing(
            single=f"{before}$A:0{after}", special_tokens=[(texts[name], named[name]) for name in wanted]
        )
    tokenizer = OwnTokenizer(backend, {f"{name}_token": text for name, text in texts.items()}, found.chat_template)
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
