"""The loops of attention_loops.py in torch: slower, and needing nothing else.

Shapes: R rows, H query heads, K key heads, D and E the sizes of a key and a value, S slots of L positions.
"""

from __future__ import annotations

import torch
from torch import Tensor


def attend(q: Tensor, keys: Tensor, values: Tensor, low: Tensor, high: Tensor, scale: float) -> Tensor:
    """Softmax(scale * q k) v of each row's positions low to high, (R, H, E), float32.

    Parameters
    ----------
    q : Tensor (R, H, D)
    keys, values : Tensor (S, L, K, D), (S, L, K, E)
    low, high : Tensor (R,), int64
    """
    rows, key_heads = len(q), keys.shape[2]
    begin, end = int(low.min()), int(high.max())
    k, v = (block[:rows, begin:end].float() for block in (keys, values))  # (R, T, K, D)
    own = q.float().view(rows, key_heads, -1, q.shape[2])  # (R, K, H / K, D)
    scores = torch.einsum("rkgd,rtkd->rkgt", own, k) * scale
    places = torch.arange(begin, end)
    hidden = (places < low[:, None]) | (places >= high[:, None])
    weights = scores.masked_fill(hidden[:, None, None], float("-inf")).softmax(dim=-1)
    return torch.einsum("rkgt,rtke->rkge", weights, v).flatten(1, 2)


def attend_new(
    qkv: Tensor, cos: Tensor, sin: Tensor, q_weight: Tensor, k_weight: Tensor, eps: float, keys: Tensor, values: Tensor,
    low: Tensor, high: Tensor, scale: float, heads: int,
) -> Tensor:  # fmt: skip
    """``attention_loops.attend_new``: writes the new keys and values, and gives (R, H, E), float32."""
    rows, (key_heads, size) = len(qkv), keys.shape[2:]
    parts = torch.split(qkv, [heads * size, key_heads * size, key_heads * values.shape[3]], dim=1)
    q, k, v = (part.view(rows, count, -1) for part, count in zip(parts, (heads, key_heads, key_heads), strict=True))
    at = torch.arange(rows), high - 1
    keys[at] = _turn(k, k_weight, eps, cos, sin).to(keys.dtype)
    values[at] = v
    return attend(_turn(q, q_weight, eps, cos, sin), keys, values, low, high, scale)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """X (..., C) / sqrt(mean(x**2) + eps) * weight (C,), in float32."""
    wide = x.float()
    return wide * torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + eps) * weight


def silu_times(gate_up: Tensor) -> Tensor:
    """(R, 2 I), gate and up, to silu(gate) * up (R, I)."""
    gate, up = gate_up.float().chunk(2, dim=-1)
    return (torch.nn.functional.silu(gate) * up).to(gate_up.dtype)


def _turn(x: Tensor, weight: Tensor, eps: float, cos: Tensor, sin: Tensor) -> Tensor:
    """Heads (R, H, D) normed if there are weights and rotated if there are angles, float32."""
    x = rms_norm(x, weight, eps) if len(weight) else x.float()
    if not cos.shape[1]:
        return x
    a, b = x.chunk(2, dim=-1)
    return x * cos[:, None] + torch.cat((-b, a), dim=-1) * sin[:, None]
