"""Loading: from a name, a local path or nothing (the bundled model) to a model that is ready to decode.

Nothing resolves silently: whatever goes wrong is one line that says what to do.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thermoscope.checks import one_of
from thermoscope.cpu import probe
from thermoscope.errors import (
    InputError,
    ModelError,
    ModelNotFoundError,
    NotCausalLMError,
    TokenizerError,
)
from thermoscope.models.base import Model
from thermoscope.models.chat import ChatStyle
from thermoscope.models.faults import check_quantisation
from thermoscope.models.folders import adapter_base, apply_adapter, refuse_other_folders
from thermoscope.models.huggingface import TransformersModel
from thermoscope.models.memory import check_memory
from thermoscope.models.names import ModelName, parse_name
from thermoscope.models.own.load import read_folder
from thermoscope.models.packing import pack
from thermoscope.models.quiet import quiet
from thermoscope.models.where import (
    Where,
    commit_of,
    content_hash,
    explained,
    first_line,
    is_network_fault,
    is_there,
    on_the_hub,
)

_log = logging.getLogger(__name__)

BUNDLED = Path(__file__).parent / "bundled"
#: Types that weights may be loaded in; "auto" is what the checkpoint has.
DTYPES = ("float32", "bfloat16", "float16", "auto")
#: Ends of names of what old checkpoints hold beside weights.
_BUFFERS = ("inv_freq", "attn.bias", "attn.masked_bias")


def load_model(
    name_or_path: str | Path | None = None,
    *,
    revision: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    chat: bool | None = None,
    system: str | None = None,
    chat_options: Mapping[str, Any] | None = None,
) -> Model:
    """Load a causal language model with its tokenizer.

    Parameters
    ----------
    name_or_path
        A name on the Hugging Face hub or a local folder (``hf/NAME`` where a provider has that name), a GGUF file
        (``gguf/FILE``, or any path that ends in .gguf), "smollm2", or None or "bundled" for the bundled model.
    revision
        A branch, tag or commit on the hub; by default the main branch.
    device
        "cpu", "cuda", "cuda:1", ...; by default CUDA if there is a device, else the CPU.
    dtype
        "float32" (the default: the reference), "bfloat16", "float16", or "auto" for what the checkpoint has.
    chat
        Whether a prompt is put into the model's chat template; by default, if the model has one.
    system
        The system message of every chat.
    chat_options
        What else the template is given, such as ``{"enable_thinking": False}``.

    Raises
    ------
    InputError
        The device or the type is unknown, a revision is asked of a local file or folder, or a chat of a model that
        has no template.
    ModelError
        Not found, no network, not a causal language model, no tokenizer, or out of memory: see ``errors``.
    """
    if dtype is not None:
        one_of("dtype", dtype, DTYPES)
    parsed = parse_name(name_or_path)
    if parsed.is_endpoint:
        raise InputError(
            f"{parsed.given} is behind an endpoint, so its logits are not at hand; use compare, measure --use-case or "
            f"audit, which take endpoints, or write hf/{parsed.given} for the model of that name on the hub"
        )
    place = _device(device)
    if parsed.provider in ("gguf", "smollm2"):
        model = _from_gguf(parsed, revision, place, dtype)
    else:
        model = _from_hugging_face(parsed, revision, place, dtype)
    model.use_chat(ChatStyle(chat, system, dict(chat_options or {})))
    with (
        quiet() if "transformers" in sys.modules else contextlib.nullcontext()
    ):  # it may say something at its first pass
        notes = model.notes
    _log.info("%s: %s on %s; %s", model.name, model.dtype, model.device, model.decoded_by)
    for line in probe.missing():
        _log.info("%s", line)
    for note in notes:
        _log.info("%s: %s", model.name, note)
    return model


def _from_hugging_face(parsed: ModelName, revision: str | None, place: Any, dtype: str | None) -> TransformersModel:
    name = parsed.given
    source = str(BUNDLED) if parsed.provider == "bundled" else parsed.model
    local = Path(os.path.expanduser(source))  # noqa: PTH111  (Path's own raises for an unknown ~user)
    if source.strip() and is_there(Path.is_dir, local) and (base := adapter_base(local, name)) is not None:
        return _with_adapter(local, base, name, revision, place, dtype)
    if source.strip() and is_there(Path.is_dir, local):
        source = str(local)
        refuse_other_folders(local, name)
        if revision is not None:
            raise InputError(f"revision is for models of the hub; got {revision!r} for the local {name}; leave it out")
    elif (
        is_there(Path.is_file, local)
        or local.is_absolute()
        or source.startswith(("./", "../", "~"))
        or not source.strip()
    ):
        raise ModelNotFoundError(
            f"no model at {name!r}: a path must be a folder with config.json; check it, or give a hub name"
        )
    here = is_there(Path.is_dir, local)
    if here:
        with explained(name, revision, dtype):
            own = read_folder(local, place, dtype)
            if own is not None:
                tokenizer, network = own
                pack(network)
                return TransformersModel(network, tokenizer, name=name, revision=content_hash(local))
    with quiet(), explained(name, revision, dtype):
        where = Where(source, None, offline=True) if here else on_the_hub(source, revision)
        tokenizer, network = _load(where, place, dtype)
    commit = content_hash(Path(source)) if here else commit_of(source, revision)
    return TransformersModel(network, tokenizer, name=name, revision=commit)


def _with_adapter(
    folder: Path, base: str, name: str, revision: str | None, place: Any, dtype: str | None
) -> TransformersModel:
    """The model that a LoRA adapter is for, with the adapter merged into it."""
    here = is_there(Path.is_dir, Path(base))
    if here:
        refuse_other_folders(Path(base), base)
    with quiet(), explained(base, revision, dtype):
        where = Where(base, None, offline=True) if here else on_the_hub(base, revision)
        tokenizer, network = _load(where, place, dtype, folder)
    model = TransformersModel(network, tokenizer, name=name, revision=content_hash(folder))
    own = content_hash(Path(base)) if here else commit_of(base, revision)
    model.loading_notes = (f"a LoRA adapter, merged by peft into {base}, revision {own or 'unknown'}",)
    return model


def _from_gguf(parsed: ModelName, revision: str | None, place: Any, dtype: str | None) -> TransformersModel:
    from thermoscope.models import smollm2
    from thermoscope.models.gguf.model import gguf_model

    if revision is not None:
        raise InputError(f"revision is for models of the hub; got {revision!r} for {parsed.given}; leave it out")
    local = os.path.expanduser(parsed.model)  # noqa: PTH111
    path = smollm2.path() if parsed.provider == "smollm2" else Path(local)
    with explained(parsed.given, None, dtype):
        return gguf_model(path, parsed.given, place, dtype)


def _load(where: Where, device: Any, dtype: str | None, adapter: Path | None = None) -> tuple[Any, Any]:
    """Tokenizer and network of a model, the network with a LoRA adapter merged into it if there is one."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    source = where.source
    config = where.load(AutoConfig)
    if type(config) not in AutoModelForCausalLM._model_mapping:
        raise NotCausalLMError(
            f"the model {source!r} is of type {config.model_type!r}, which does not continue text; "
            "choose a causal language model such as gpt2"
        )
    check_quantisation(config, source)
    _check_memory(config, device, dtype)
    try:
        tokenizer = where.load(AutoTokenizer)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        if is_network_fault(error):
            raise
        raise TokenizerError(
            f"the model {source!r} has no usable tokenizer ({first_line(error)}); "
            "save one beside it with tokenizer.save_pretrained(folder)"
        ) from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if not len(tokenizer) or not tokenizer("a")["input_ids"]:
        raise TokenizerError(f"the tokenizer of {source!r} knows no token; save a trained one beside the model")
    network, info = where.load(AutoModelForCausalLM, dtype=dtype or "float32", output_loading_info=True)
    if info["missing_keys"]:  # transformers would fill them with random numbers
        missing = sorted(info["missing_keys"])
        raise ModelError(
            f"the weights of {source!r} are not complete: {len(missing)} tensors are missing, such as {missing[0]}"
            "; save or download the model again"
        )
    # transformers would leave them out without a word; buffers of old versions can be made again
    extra = sorted(name for name in info["unexpected_keys"] if not name.endswith(_BUFFERS))
    if extra:
        raise ModelError(
            f"the weights of {source!r} have {len(extra)} tensors that their configuration does not use, such as "
            f"{extra[0]}; use the config.json that belongs to them"
        )
    if adapter is not None:
        network = apply_adapter(network, adapter)
    network = network.to(device).eval()
    pack(network)
    return tokenizer, network


def _device(device: str | None) -> Any:
    import torch

    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
    except RuntimeError:
        raise InputError(f"device must be cpu, cuda or cuda:N; got {device!r}") from None
    if place.type not in ("cpu", "cuda"):
        raise InputError(f"device must be cpu, cuda or cuda:N; got {device!r}")
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device {device!r} is not there: {torch.cuda.device_count()} CUDA devices; use cpu")
    return place


def _check_memory(config: Any, device: Any, dtype: str | None) -> None:
    """Raise ModelMemoryError if the weights alone are larger than the memory that is free."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        parameters = sum(p.numel() for p in AutoModelForCausalLM.from_config(config).parameters())
    stored = getattr(config, "dtype", None) or torch.float32
    check_memory(parameters, stored if dtype == "auto" else getattr(torch, dtype or "float32"), device)
