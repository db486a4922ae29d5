"""The weights of a GGUF file by Hugging Face's names, in the type that is asked for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from thermoscope.errors import ModelError
from thermoscope.models.gguf.architectures import ROPE_TENSORS, architecture_of
from thermoscope.models.gguf.file import GGUFFile


def state_of(file: GGUFFile, config: dict[str, Any], dtype: torch.dtype) -> dict[str, Tensor]:
    """Every weight by its Hugging Face name; one tensor at a time is dequantised beside them, the largest first.

    Raises
    ------
    ModelError
        A tensor is none of the architecture's.
    """
    known, state = architecture_of(file), {}
    for name in file.largest_first():
        if name in ROPE_TENSORS:
            continue
        called = known.name(name)
        if called is None:
            raise ModelError(
                f"the file {str(file.path)!r} has the tensor {name}, which is not part of the architecture "
                f"{file.metadata['general.architecture']!r} as it is known here; choose another model, or its original "
                "from the hub"
            )
        values = known.change(name, file.read(name), config)
        state[called] = torch.from_numpy(values).to(dtype)
    return state
