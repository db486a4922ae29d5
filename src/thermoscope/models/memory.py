"""Whether the weights of a model fit the memory that is free."""

from __future__ import annotations

from typing import Any

from thermoscope.errors import ModelMemoryError


def check_memory(parameters: int, kind: Any, device: Any) -> None:
    """Raise ModelMemoryError if so many parameters of a type of torch's do not fit a device."""
    import psutil
    import torch

    need = parameters * kind.itemsize
    cuda = device.type == "cuda"
    free = torch.cuda.mem_get_info(device)[0] if cuda else psutil.virtual_memory().available
    if need > free:
        raise ModelMemoryError(
            f"the model has {parameters / 1e9:.1f} billion parameters, {need / 1e9:.1f} GB in "
            f"{str(kind).removeprefix('torch.')}, but {device} has {free / 1e9:.1f} GB free; "
            "choose a smaller model, dtype bfloat16 or another device"
        )
