"""Loading: from a name, a local path or nothing (the bundled model) to a model that is ready to decode.

Nothing resolves silently: whatever goes wrong is one line that says what to do.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermoscope.cpu import probe
from thermoscope.errors import (
    InputError,
    ModelError,
    ModelMemoryError,
    ModelNotFoundError,
    ModelUnreachableError,
    NotCausalLMError,
    TokenizerError,
    is_out_of_memory,
)
from thermoscope.models.base import Model
from thermoscope.models.chat import ChatStyle
from thermoscope.models.faults import check_quantisation, fault
from thermoscope.models.folders import adapter_base, apply_adapter, refuse_other_folders
from thermoscope.models.huggingface import TransformersModel
from thermoscope.models.memory import check_memory
from thermoscope.models.names import ModelName, parse_name
from thermoscope.models.own.load import read_folder
from thermoscope.models.packing import pack
from thermoscope.models.quiet import quiet

_log = logging.getLogger(__name__)

BUNDLED = Path(__file__).parent / "bundled"
#: Types that weights may be loaded in; "auto" is what the checkpoint has.
DTYPES = ("float32", "bfloat16", "float16", "auto")
#: Ends of names of what old checkpoints hold beside weights.
_BUFFERS = ("inv_freq", "attn.bias", "attn.masked_bias")
#: How long the hub may take to answer, in seconds, before what is on this machine is taken.
PATIENCE_S = 5.0


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
    if dtype is not None and dtype not in DTYPES:
        raise InputError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}")
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
    _log.info("%s: %s on %s; %s", model.name, model.dtype, model.device, model.how)
    for line in probe.missing():
        _log.info("%s", line)
    for note in notes:
        _log.info("%s: %s", model.name, note)
    return model


def _from_hugging_face(parsed: ModelName, revision: str | None, place: Any, dtype: str | None) -> TransformersModel:
    name = parsed.given
    source = str(BUNDLED) if parsed.provider == "bundled" else parsed.model
    local = Path(os.path.expanduser(source))  # noqa: PTH111  (Path's own raises for an unknown ~user)
    if source.strip() and _is(Path.is_dir, local) and (base := adapter_base(local, name)) is not None:
        return _with_adapter(local, base, name, revision, place, dtype)
    if source.strip() and _is(Path.is_dir, local):
        source = str(local)
        refuse_other_folders(local, name)
        if revision is not None:
            raise InputError(f"revision is for models of the hub; got {revision!r} for the local {name}; leave it out")
    elif _is(Path.is_file, local) or local.is_absolute() or source.startswith(("./", "../", "~")) or not source.strip():
        raise ModelNotFoundError(
            f"no model at {name!r}: a path must be a folder with config.json; check it, or give a hub name"
        )
    here = _is(Path.is_dir, local)
    if here:
        with _explained(name, revision, dtype):
            own = read_folder(local, place, dtype)
            if own is not None:
                tokenizer, network = own
                pack(network)
                return TransformersModel(network, tokenizer, name=name, revision=_content_hash(local))
    with quiet(), _explained(name, revision, dtype):
        where = _Where(source, None, offline=True) if here else _on_the_hub(source, revision)
        tokenizer, network = _load(where, place, dtype)
    commit = _content_hash(Path(source)) if here else _commit(source, revision)
    return TransformersModel(network, tokenizer, name=name, revision=commit)


def _with_adapter(
    folder: Path, base: str, name: str, revision: str | None, place: Any, dtype: str | None
) -> TransformersModel:
    """The model that a LoRA adapter is for, with the adapter merged into it."""
    here = _is(Path.is_dir, Path(base))
    if here:
        refuse_other_folders(Path(base), base)
    with quiet(), _explained(base, revision, dtype):
        where = _Where(base, None, offline=True) if here else _on_the_hub(base, revision)
        tokenizer, network = _load(where, place, dtype, folder)
    model = TransformersModel(network, tokenizer, name=name, revision=_content_hash(folder))
    own = _content_hash(Path(base)) if here else _commit(base, revision)
    model.loading_notes = (f"a LoRA adapter, merged by peft into {base}, revision {own or 'unknown'}",)
    return model


def _from_gguf(parsed: ModelName, revision: str | None, place: Any, dtype: str | None) -> TransformersModel:
    from thermoscope.models import smollm2
    from thermoscope.models.gguf.model import gguf_model

    if revision is not None:
        raise InputError(f"revision is for models of the hub; got {revision!r} for {parsed.given}; leave it out")
    local = os.path.expanduser(parsed.model)  # noqa: PTH111
    path = smollm2.path() if parsed.provider == "smollm2" else Path(local)
    with _explained(parsed.given, None, dtype):
        return gguf_model(path, parsed.given, place, dtype)


def _is(what: Callable[[Path], bool], path: Path) -> bool:
    try:
        return what(path)
    except (OSError, ValueError):  # a name too long or with a null byte
        return False


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a model's files are: a folder or a name, a revision, and whether nothing is asked of the hub."""

    source: str
    revision: str | None
    offline: bool

    def load(self, factory: Any, **how: Any) -> Any:
        """What a class of transformers makes of the files; code that comes with them is not run."""
        return factory.from_pretrained(
            self.source, revision=self.revision, local_files_only=self.offline, trust_remote_code=False, **how
        )


def _on_the_hub(name: str, revision: str | None) -> _Where:
    """Ask the hub once whether it has the model; where it can't be reached, what is on this machine is taken.

    The hub's own client would try every file again and again, for half a minute, before it says so.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        HfApi().model_info(name, revision=revision, timeout=PATIENCE_S)
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise
    except HfHubHTTPError as error:  # there, but busy or out of order: its client knows how to go on
        _log.info("the hub answers with %s", _first_line(error))
    except Exception as error:  # whatever the network raises
        if not _is_network_fault(error):
            raise
        _log.info("the hub can't be reached; %s is taken from this machine", name)
        return _Where(name, revision, offline=True)
    return _Where(name, revision, offline=False)


def _commit(name: str, revision: str | None) -> str | None:
    """The commit that the files of a model of the hub are from: its client keeps them in a folder of that name."""
    from huggingface_hub import try_to_load_from_cache

    kept = try_to_load_from_cache(name, "config.json", revision=revision)
    return Path(kept).parent.name if isinstance(kept, str) else revision


def _load(where: _Where, device: Any, dtype: str | None, adapter: Path | None = None) -> tuple[Any, Any]:
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
        if _is_network_fault(error):
            raise
        raise TokenizerError(
            f"the model {source!r} has no usable tokenizer ({_first_line(error)}); "
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


@contextlib.contextmanager
def _explained(name: str, revision: str | None, dtype: str | None) -> Iterator[None]:
    """Turn what transformers and the hub raise into one line of ours."""
    at = f"{name!r}" + (f" at revision {revision!r}" if revision else "")
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # every library below has its own tree
        if is_out_of_memory(error):
            raise ModelMemoryError(
                f"out of memory while loading {at}; choose a smaller model, dtype bfloat16 or another device"
            ) from None
        if _is_network_fault(error):
            raise ModelUnreachableError(
                f"the model {at} is not on this machine and the hub can't be reached; "
                "connect, give a local folder, or leave the model out for the bundled one"
            ) from None
        if _is_not_found(error):
            raise ModelNotFoundError(
                f"no model {at} here or on the hub; check the spelling, log in if private, or give a local folder"
            ) from None
        raise fault(at, error) from error


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _is_network_fault(error: BaseException) -> bool:
    names = {
        "ConnectError",
        "ConnectTimeout",
        "ConnectionError",
        "LocalEntryNotFoundError",
        "OfflineModeIsEnabled",
        "ProxyError",
        "ReadTimeout",
    }
    return any(type(e).__name__ in names or "couldn't connect to" in str(e) for e in _chain(error))


def _is_not_found(error: BaseException) -> bool:
    names = {"RepositoryNotFoundError", "RevisionNotFoundError", "EntryNotFoundError", "HFValidationError"}
    said = ("is not a valid model identifier", "is not a local folder", "does not appear to have a file named")
    return any(type(e).__name__ in names or any(s in str(e) for s in said) for e in _chain(error))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _content_hash(folder: Path) -> str | None:
    """The first twelve digits of the SHA-256 of the weights' files: what revision means for a local folder."""
    files = sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])
    if not files:
        return None
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as handle:
            while block := handle.read(2**20):
                digest.update(block)
    return f"sha256:{digest.hexdigest()[:12]}"
