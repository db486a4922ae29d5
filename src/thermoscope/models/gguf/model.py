"""A GGUF file as a model: transformers' modules with the file's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import processors

from thermoscope.models.gguf.load import FromGGUF, read_gguf
from thermoscope.models.huggingface import TransformersModel
from thermoscope.models.packing import pack


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
    network = _network(found)
    _generation(network, found)
    network = network.to(device).eval()
    pack(network)
    tokenizer = _tokenizer(found)
    model = TransformersModel(network, tokenizer, name=name, revision=f"sha256:{found.digest[:12]}")
    model.loading_notes = found.notes
    return model


def _network(found: FromGGUF) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    rest = dict(found.config)
    config = AutoConfig.for_model(rest.pop("model_type"), **rest)
    kind = AutoModelForCausalLM._model_mapping[type(config)]
    dtype = found.state[next(iter(found.state))].dtype
    network, info = kind.from_pretrained(
        None, config=config, state_dict=found.state, dtype=dtype, output_loading_info=True
    )
    found.state.clear()  # the network has them now, and lets go of them when it is packed
    for what in ("missing_keys", "unexpected_keys"):
        if info[what]:
            from thermoscope.errors import ModelError

            raise ModelError(
                f"the GGUF file has {'not all' if what == 'missing_keys' else 'more'} tensors "
                f"{'that' if what == 'missing_keys' else 'than'} its architecture needs, such as "
                f"{sorted(info[what])[0]}; convert the model again"
            )
    return network


def _generation(network: Any, found: FromGGUF) -> None:
    """What the file says of ends and sampling, where transformers keeps that."""
    network.generation_config.eos_token_id = sorted(set(found.special.ends.values())) or None
    for name in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty"):
        if name in found.sampling:
            setattr(network.generation_config, name, found.sampling[name])
            network.generation_config.do_sample = True  # a GGUF file has no such switch: what runs it samples


def _tokenizer(found: FromGGUF) -> Any:
    from transformers import PreTrainedTokenizerFast

    special, backend = found.special, found.tokenizer
    named = {name: number for name, number in (("bos", special.bos), ("eos", special.eos)) if number is not None}
    texts = {name: backend.id_to_token(number) for name, number in named.items()}
    before = f"{texts['bos']}:0 " if special.add_bos else ""
    after = f" {texts['eos']}:0" if special.add_eos else ""
    if before or after:
        wanted = [name for name, on in (("bos", special.add_bos), ("eos", special.add_eos)) if on]
        backend.post_processor = processors.TemplateProcessing(
            single=f"{before}$A:0{after}", special_tokens=[(texts[name], named[name]) for name in wanted]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, **{f"{name}_token": text for name, text in texts.items()}
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if found.chat_template is not None:
        tokenizer.chat_template = found.chat_template
    return tokenizer
