"""Logits at every position of a context, not only behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from thermoscope.models.base import Model

if TYPE_CHECKING:
    from torch import Tensor

#: Logits of so many numbers are held at once.
_AT_ONCE = 20_000_000


def position_logits(model: Model, context: Sequence[int], first: int) -> Iterator[tuple[int, Tensor]]:
    """The logits of the tokens from place ``first`` on, each given all before it, in pieces.

    Parameters
    ----------
    model
        Any model; one of transformers runs whole windows at once, another one token after the other.
    context
        Token ids.
    first
        The place of the first token whose logits are wanted; 1 at least, as the first token has nothing before it.

    Yields
    ------
    (int, Tensor)
        The place of the first token of a piece, and float32 logits (N, V) on the CPU. Where a context is longer than
        the model's, each token is given at least half as many tokens as that before it.
    """
    longest = model.context_length or len(context)
    network = getattr(model, "network", None)
    start = first
    while start < len(context):
        begin = 0 if len(context) <= longest else max(0, min(start - longest // 2, len(context) - longest))
        end = min(len(context), begin + longest, start + max(1, _AT_ONCE // model.vocabulary))
        piece = list(context[begin:end])
        if network is None:
            yield start, _step_by_step(model, piece, start - begin)
        else:
            with torch.inference_mode():
                ids = torch.tensor([piece], device=network.device)
                logits = network(input_ids=ids, use_cache=False).logits[0]
            yield start, logits[start - begin - 1 : -1].float().cpu()
        start = end


def _step_by_step(model: Model, piece: Sequence[int], first: int) -> Tensor:
    rows = model.rows(capacity=1, length=len(piece))
    found = [rows.add([piece[:first]])[0]]
    found += [rows.step(torch.tensor([token]))[0] for token in piece[first:-1]]
    return torch.stack(found).float().cpu()
