"""A key/value cache for rows of different lengths, allocated once and written in place.

transformers' growing cache is copied whole at every step; this one never is. Rows are the first R of a block of
slots, so attention reads a sliced view. Memory that no row has reached is reserved but not touched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin


class RowLayer(CacheLayerMixin):  # type: ignore[misc]
    """Keys and values of one layer: (capacity, heads, length, head size), of which the first rows are in use.

    Parameters
    ----------
    state
        The lengths that all layers share.
    """

    is_sliding = False

    def __init__(self, state: RowState) -> None:
        super().__init__()
        self.state = state

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Reserve the block in the shape and type of the first keys (N, H, T, D) and values (N, H, T, E)."""
        state = self.state
        self.keys, self.values = (
            _zeros((state.capacity, new.shape[1], state.length, new.shape[3]), new)
            for new in (key_states, value_states)
        )
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write new keys (N, H, T, D) and values; return what the queries may look at.

        While rows are added, N new rows of T tokens each; in a step, one token for each of the R rows.
        """
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        state = self.state
        if state.adding:
            rows, new = len(state.lengths), key_states.shape[0]
            for block, states in ((self.keys, key_states), (self.values, value_states)):
                block[rows : rows + new, :, : states.shape[2]] = states
            return key_states, value_states
        rows, longest = len(state.lengths), max(state.lengths)
        for block, states in ((self.keys, key_states), (self.values, value_states)):
            if state.index is None:
                block[:rows, :, longest : longest + 1] = states
            else:
                block[state.index[0], :, state.index[1]] = states[:, :, 0]
        return self.keys[:rows, :, : longest + 1], self.values[:rows, :, : longest + 1]

    def get_seq_length(self) -> int:
        """Tokens before the ones that the model is given now (of the longest row)."""
        return 0 if self.state.adding else max(self.state.lengths)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of the keys that the queries may look at."""
        return self.get_seq_length() + query_length, 0

    def get_max_length(self) -> int:
        """The most tokens that a row may hold."""
        return self.state.length


class RowState:
    """Lengths of the rows, shared by all layers of a cache."""

    def __init__(self, capacity: int, length: int) -> None:
        self.capacity = capacity
        self.length = length
        self.lengths: list[int] = []
        self.adding = False
        #: Row numbers and positions to write at when rows differ in length; None when they don't.
        self.index: tuple[Tensor, Tensor] | None = None


def _zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Zeros of the type and device of ``like``; on the CPU pages that the system provides as they are touched.

    Zeros, because what a mask hides is still multiplied by 0, and chance bits may be NaN.
    """
    if like.device.type != "cpu":
        return like.new_zeros(shape)
    data = np.zeros(math.prod(shape) * like.dtype.itemsize, dtype=np.uint8)  # calloc: nothing is touched yet
    return torch.from_numpy(data).view(like.dtype).view(shape)


class RowCache(Cache):  # type: ignore[misc]
    """One ``RowLayer`` per layer of the model, all with the same row lengths."""

    def __init__(self, layers: int, capacity: int, length: int) -> None:
        self.state = RowState(capacity, length)
        super().__init__(layers=[RowLayer(self.state) for _ in range(layers)])

    def select(self, sources: Sequence[int]) -> None:
        """Make row j a copy of what row ``sources[j]`` was; rows that stay where they are are not touched."""
        state = self.state
        moved = [(j, source) for j, source in enumerate(sources) if j != source]
        if moved:
            longest = max(state.lengths[source] for _, source in moved)
            for layer in self.layers:
                for block in (layer.keys, layer.values):
                    to, source = torch.tensor(moved, device=block.device).T
                    block[to, :, :longest] = block[source, :, :longest]
        state.lengths = [state.lengths[source] for source in sources]
