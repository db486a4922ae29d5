"""The attention that transformers' modules call: one new token per row by our kernel, everything else by torch.

Registered under a name of its own in transformers' table of attention implementations, so that every architecture
that looks its attention up there profits. Which positions a row looks at comes in place of the mask, as whole
numbers (R, 1, 1, 2), first and one past the last: transformers hands a mask of four dimensions on as it is.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thermoscope.cpu import plain_attention, probe

NAME = "thermoscope"
#: Types of keys and values that the kernel reads.
KERNEL_TYPES = (torch.float32, torch.bfloat16)


def attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **extras: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers asks for it.

    Parameters
    ----------
    query : Tensor (R, H, T, D)
    key, value : Tensor (R, K, L, D), (R, K, L, E)
        With bounds in place of a mask, whole blocks of the cache (S, L, K, D), of which the first R slots are rows.
    attention_mask : Tensor, optional
        Bounds are whole numbers (R, 1, 1, 2): the positions that each row looks at. Anything else is torch's to read.
    scaling
        What scores are multiplied by; by default 1 / sqrt(D).

    Returns
    -------
    (Tensor (R, T, H, E), None)
    """
    if attention_mask is None or attention_mask.dtype != torch.int64:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(  # type: ignore[no-any-return]
            module, query, key, value, attention_mask, scaling=scaling, **extras
        )
    asked = sorted(name for name in ("softcap", "s_aux", "position_bias") if extras.get(name) is not None)
    if asked or query.shape[2] != 1:
        raise NotImplementedError(f"one-token attention with {', '.join(asked) or 'several queries'}")
    rows, heads, _, size = query.shape
    result = torch.empty((rows, heads, value.shape[3]), dtype=torch.float32)
    _attend(query[:, :, 0], key, value, attention_mask, scaling or size**-0.5, result)
    return result.to(query.dtype)[:, None], None


def write(block: Tensor, states: Tensor, positions: np.ndarray[Any, Any]) -> None:
    """Write each row's new key or value (R, K, 1, D) into its slot of a block (S, L, K, D) at its position (R,)."""
    if not probe.loops("attention"):
        block[torch.arange(len(states)), torch.from_numpy(positions)] = states[:, :, 0]
        return
    from thermoscope.cpu import attention_loops

    attention_loops.write(as_array(block), as_array(states[:, :, 0].contiguous()), positions)


def _attend(query: Tensor, key: Tensor, value: Tensor, bounds: Tensor, scale: float, result: Tensor) -> None:
    if not probe.loops("attention"):
        low, high = bounds[:, 0, 0].T
        result.copy_(plain_attention.attend(query, key, value, low, high, scale))
        return
    from thermoscope.cpu import attention_loops
    from thermoscope.cpu.compiled import over_slices

    first, last = spans(bounds)
    pairs, width = len(first) * key.shape[2], key.shape[3] + value.shape[3]
    over_slices(
        attention_loops.attend, pairs, query.float().contiguous().numpy(), as_array(key), as_array(value), first, last,
        np.float32(scale), result.numpy(), work=int((last - first).sum()) * key.shape[2] * width,
    )  # fmt: skip


def spans(bounds: Tensor) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """First positions and one past the last (R,) and (R,) out of bounds (R, 1, 1, 2)."""
    low, high = np.ascontiguousarray(bounds[:, 0, 0].numpy().T)
    return low, high


def as_array(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The tensor as numpy sees it; bfloat16 by its bits."""
    seen = tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor
    array: np.ndarray[Any, Any] = seen.numpy()
    return array


@cache
def register() -> None:
    """Make the attention known to transformers by its name."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
