"""A key/value cache for rows of different lengths, allocated once and written in place.

transformers' growing cache is copied whole at every step; this one never is. Rows are the first R of a block of
slots, so attention reads a sliced view. A slot holds its tokens one after the other, all heads of a token together,
so that a row is read from memory in one stream. Memory that no row has reached is reserved but not touched.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thermoscope.cpu.attention import as_array, write


class RowLayer:
    """Keys and values of one layer: (capacity, length, heads, head size), of which the first rows are in use.

    Parameters
    ----------
    state
        The lengths that all layers share.

    Attributes
    ----------
    arrays
        Keys and values as numpy sees them, on the CPU.
    """

    is_sliding = False

    def __init__(self, state: RowState) -> None:
        self.state = state
        self.keys: Any = None
        self.values: Any = None
        self.is_initialized = False

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Reserve the blocks in the shape and type of the first keys (N, H, T, D) and values (N, H, T, E)."""
        state = self.state
        self.keys, self.values = (
            _zeros((state.capacity, state.length, new.shape[1], new.shape[3]), new)
            for new in (key_states, value_states)
        )
        if self.keys.device.type == "cpu":
            self.arrays = as_array(self.keys), as_array(self.values)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write new keys (N, H, T, D) and values; return what the queries may look at.

        While rows are added, N new rows of T tokens each, after what of them is there already; in a step, one token
        for each of the R rows. In a step that our kernel attends in, what comes back are the whole blocks
        (capacity, length, H, D).
        """
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        state, blocks = self.state, (self.keys, self.values)
        rows = len(state.lengths)
        if state.adding:
            new, end = rows + key_states.shape[0], state.prefix + key_states.shape[2]
            for block, states in zip(blocks, (key_states, value_states), strict=True):
                block[rows:new, state.prefix : end] = states.transpose(1, 2)
            if not state.prefix:
                return key_states, value_states
            keys, values = (block[rows:new, :end].transpose(1, 2) for block in blocks)
            return keys, values
        if state.positions is not None:
            for block, states in zip(blocks, (key_states, value_states), strict=True):
                write(block, states, state.positions)
            return self.keys, self.values
        rows, columns = key_states.shape[0], state.columns or max(state.lengths) + 1
        for block, states in zip(blocks, (key_states, value_states), strict=True):
            if state.index is None:
                block[:rows, columns - 1] = states[:, :, 0]
            else:
                block[state.index] = states[:, :, 0]
        keys, values = (block[:rows, :columns].transpose(1, 2) for block in blocks)
        return keys, values

    def get_seq_length(self) -> int:
        """Tokens before the ones that the model is given now (of the longest row)."""
        return self.state.prefix if self.state.adding else max(self.state.lengths)

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
        #: Tokens that rows being added have already.
        self.prefix = 0
        #: Positions that a step writes at, where our kernel attends; None where torch's attention does.
        self.positions: np.ndarray[Any, Any] | None = None
        #: Row numbers and positions to write at when rows differ in length; None when they don't.
        self.index: tuple[Tensor, Tensor] | None = None
        #: How many positions such a step looks at; None where rows don't differ: as many as they have.
        self.columns: int | None = None


def _zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Zeros of the type and device of ``like``; on the CPU pages that the system provides as they are touched.

    Zeros, because what a mask hides is still multiplied by 0, and chance bits may be NaN. The pages are private:
    those that may be shared with other processes take half as long again to provide.
    """
    if like.device.type != "cpu":
        return like.new_zeros(shape)
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}  # not on Windows
    size = math.prod(shape) * like.dtype.itemsize or 1
    try:
        memory = mmap.mmap(-1, size, **private)
    except (OSError, OverflowError):
        raise MemoryError(f"no {size:.3g} bytes for the cache of {shape[0]:.3g} rows") from None
    return torch.frombuffer(memory, dtype=like.dtype, count=math.prod(shape)).view(shape)


class RowCache:
    """One ``RowLayer`` per layer of the model, all with the same row lengths."""

    def __init__(self, layers: int, capacity: int, length: int) -> None:
        self.state = RowState(capacity, length)
        self.layers: list[Any] = [RowLayer(self.state) for _ in range(layers)]

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Write a layer's new keys and values; return what the queries may look at: ``RowLayer.update``."""
        keys, values = self.layers[layer_idx].update(key_states, value_states)
        return keys, values

    def share(self, source: int, targets: range, length: int) -> None:
        """Copy the first ``length`` tokens of slot ``source`` to other slots."""
        for block in self._blocks():
            block[targets.start : targets.stop, :length] = block[source, :length]

    def _blocks(self) -> list[Tensor]:
        return [block for layer in self.layers if layer.is_initialized for block in (layer.keys, layer.values)]

    def select(self, sources: Sequence[int]) -> None:
        """Make row j a copy of what row ``sources[j]`` was; rows that stay where they are are not touched."""
        state = self.state
        moved = [(j, source) for j, source in enumerate(sources) if j != source]
        blocks = self._blocks()
        if {to for to, _ in moved}.isdisjoint(source for _, source in moved):
            for block in blocks:
                for to, source in moved:
                    block[to, : state.lengths[source]] = block[source, : state.lengths[source]]
        else:  # a row is overwritten that another one comes from
            longest = max(state.lengths[source] for _, source in moved)
            for block in blocks:
                to, source = torch.tensor(moved, device=block.device).T
                block[to, :longest] = block[source, :longest]
        state.lengths = [state.lengths[source] for source in sources]
