"""Loading a GGUF file: configuration, weights, tokenizer and what else it says, ready for a network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermoscope.errors import ModelError
from thermoscope.models.gguf.architectures import configuration
from thermoscope.models.gguf.cache import cached
from thermoscope.models.gguf.file import GGUFFile
from thermoscope.models.gguf.tokenizer import Special, special_of, tokenizer_of
from thermoscope.models.gguf.weights import state_of
from thermoscope.models.memory import check_memory

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

#: Names of ``general.sampling.*`` in a file, by our parameters.
_SAMPLING = {
    "temp": "temperature", "top_k": "top_k", "top_p": "top_p", "min_p": "min_p",
    "penalty_repeat": "repetition_penalty", "xtc_probability": "xtc_probability", "xtc_threshold": "xtc_threshold",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FromGGUF:
    """What a GGUF file holds, in Hugging Face's terms.

    Attributes
    ----------
    config
        The configuration, as a ``config.json`` has it.
    state
        The weights by Hugging Face's names; whoever makes a network of them may empty it.
    tokenizer
        The tokenizer; it adds no special tokens of itself.
    special
        The special tokens.
    chat_template
        The template of a chat, if there is one.
    sampling
        What the file recommends for sampling, by our names of parameters.
    digest
        SHA-256 of the file.
    notes
        What of the file is not used, a sentence each.
    """

    config: dict[str, Any]
    state: dict[str, Tensor]
    tokenizer: Tokenizer
    special: Special
    chat_template: str | None
    sampling: dict[str, Any]
    digest: str
    notes: tuple[str, ...]


def read_gguf(path: Path, dtype: str, device: Any = None) -> FromGGUF:
    """Read a GGUF file.

    Parameters
    ----------
    path
        The file.
    dtype
        The type of the weights: "float32", "bfloat16" or "float16"; "auto" is the file's own where it is not
        quantised, else float32.
    device
        Where they will be, whose free memory must hold them; None asks nothing of it.

    Raises
    ------
    ModelError
        The file can't be read, or its architecture, quantisation or tokenizer is not known.
    """
    import torch

    file = GGUFFile(path)
    config, unused = configuration(file)
    tokenizer = tokenizer_of(file.metadata)
    special = special_of(file.metadata)
    _check_special(special, int(config["vocab_size"]), path)
    if dtype == "auto":
        dtype = {"F16": "float16", "BF16": "bfloat16"}.get(file.tensors["token_embd.weight"].kind.name, "float32")
    if device is not None:
        parameters = sum(math.prod(stored.shape) for stored in file.tensors.values())
        check_memory(parameters, getattr(torch, dtype), device)
    state = cached(file.digest, dtype, lambda: state_of(file, config, getattr(torch, dtype)))
    sampling = sampling_of(file.metadata)
    notes = [f"the weights are dequantised from {', '.join(file.quantisations)} to {dtype}"]
    if unused:
        notes.append(f"not used of the GGUF file: {', '.join(unused)}")
    if foreign := [name for name in sampling if name not in _SAMPLING.values()]:
        notes.append(f"not used of what the GGUF file recommends for sampling: {', '.join(foreign)}")
    return FromGGUF(
        config=config,
        state=state,
        tokenizer=tokenizer,
        special=special,
        chat_template=file.metadata.get("tokenizer.chat_template"),
        sampling=sampling,
        digest=file.digest,
        notes=tuple(notes),
    )


def _check_special(special: Special, vocabulary: int, path: Path) -> None:
    """Raise unless the tokens that begin and end a text are in the vocabulary."""
    named = {"bos": special.bos, "eos": special.eos, **special.ends}
    for name, number in named.items():
        if number is not None and not 0 <= number < vocabulary:
            raise ModelError(
                f"the file {str(path)!r} names token {number} as {name}_token_id, but has {vocabulary} tokens; convert "
                "the model again"
            )


def sampling_of(metadata: Any) -> dict[str, Any]:
    """What a file recommends for sampling, by our names; what we have no name for keeps the file's."""
    prefix = "general.sampling."
    found = {name.removeprefix(prefix): value for name, value in metadata.items() if name.startswith(prefix)}
    return {_SAMPLING.get(name, name): value for name, value in found.items()}
