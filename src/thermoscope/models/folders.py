"""Folders that are no model in Hugging Face's form: each is named for what it is, with what to do about it."""

from __future__ import annotations

import json
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from thermoscope.errors import ModelError, ModelNotFoundError, NotCausalLMError
from thermoscope.models.faults import check_layers
from thermoscope.models.pointers import refuse_pointer

#: Files that hold weights, and those that hold a tokenizer.
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "tokenizer_config.json")


def refuse_other_folders(folder: Path, name: str) -> None:
    """Raise unless a folder has a configuration and weights of its own, and neither is a pointer or another format.

    Raises
    ------
    ModelNotFoundError
        It has no model, or pointers of Git LFS in its place.
    NotCausalLMError
        It has a tokenizer alone.
    ModelError
        It is a model in MLX's form.
    """
    weights = [path for pattern in _WEIGHTS for path in sorted(folder.glob(pattern))]
    if not (folder / "config.json").is_file():
        raise _without_configuration(folder, name)
    for path in (folder / "config.json", *weights, *(folder / file for file in _TOKENIZERS)):
        if path.is_file():
            refuse_pointer(path)
    config = read_json(folder / "config.json")
    check_layers(config, name)
    if isinstance(config.get("quantization"), dict) and "group_size" in config["quantization"]:
        bits = config["quantization"].get("bits", "few")
        raise ModelError(
            f"the folder {name!r} is a model in MLX's form, quantised to {bits} bits, which torch can't read; use the "
            "Hugging Face model that it was made from"
        )


def adapter_base(folder: Path, name: str) -> str | None:
    """The model that a folder's LoRA adapter is for; None if the folder is no adapter.

    Raises
    ------
    ModelError
        It is one, but peft is not installed or its model is not named.
    """
    if (folder / "config.json").is_file() or not (folder / "adapter_config.json").is_file():
        return None
    for path in folder.glob("*.safetensors"):
        refuse_pointer(path)
    base = read_json(folder / "adapter_config.json").get("base_model_name_or_path")
    if not base:
        raise ModelError(
            f"the folder {name!r} is a LoRA adapter that does not name its model; set base_model_name_or_path in its "
            "adapter_config.json"
        )
    if find_spec("peft") is None:
        raise ModelError(
            f"the folder {name!r} is a LoRA adapter of {base}, which peft applies; install it (pip install peft), or "
            "merge the adapter into its model and name the folder of the result"
        )
    return str(base)


def apply_adapter(network: Any, folder: Path) -> Any:
    """A network of transformers with a LoRA adapter merged into its weights, by peft."""
    from peft import PeftModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft's, on names that newer versions of transformers change
        return PeftModel.from_pretrained(network, folder).merge_and_unload()


def _without_configuration(folder: Path, name: str) -> ModelError:
    ggufs = sorted(folder.glob("*.gguf"))
    if ggufs:
        return ModelNotFoundError(f"the folder {name!r} has GGUF files; name one of them, such as {ggufs[0]}")
    if any((folder / file).is_file() for file in _TOKENIZERS):
        return NotCausalLMError(
            f"the folder {name!r} has a tokenizer alone, no model; save the model there too, with save_pretrained"
        )
    return ModelNotFoundError(f"no model at {name!r}: a folder must have a config.json; check the path")


def read_json(path: Path) -> dict[str, Any]:
    """What a JSON file holds, if that is an object; else nothing (who needs it says what is wrong)."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
