"""Packed linears: linear layers on the CPU with their weights laid out once for the product that reads them.

torch sends float32 linear layers to a general matrix product that reads the weights in their stored layout; with
few rows the product is bound by how the weights are read. In a layout made for it the product is two to four times as
fast: oneDNN's, in float32 and, where the processor has it, bfloat16; or ours (``tiles.py``) where that is the faster.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from thermoscope.cpu import probe
from thermoscope.cpu.attention import as_array

#: Rows that oneDNN's layout is chosen for; others work as well.
_ROWS_HINT = 32
#: Float32 numbers in 4 KiB, and in the cache line that keeps rows from beginning whole pages apart.
_PAGE, _APART = 1024, 16
#: Products that count as one array element when work is estimated.
_AT_ONCE = 8
#: Processors with AVX-512, in LLVM's words, on which our float32 product is the faster, with up to so many threads: it
#: cuts the outputs of a layer among them, and not the rows.
_TILED_PROCESSORS, _FEW_THREADS = {"znver4"}, 8


class PackedLinear(nn.Module):
    """A linear layer with packed weights. Maps (..., in) to (..., out); inference only.

    Parameters
    ----------
    weight : Tensor (out, in)
    bias : Tensor (out,), optional
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self._bias = None if bias is None else bias.detach().clone()

    def forward(self, x: Tensor) -> Tensor:
        """X (..., in) to (..., out)."""
        raise NotImplementedError

    def gelu(self, x: Tensor) -> Tensor:
        """GELU, by its tanh formula, of what ``forward`` gives."""
        raise NotImplementedError

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """What ``forward`` gives, plus ``other`` (..., out)."""
        raise NotImplementedError

    def blocks(self, block: int) -> Tensor | None:
        """Give the packed weights themselves, as (out / block, in, block, 1), if ``block`` outputs may lie together.

        Or as (out / block, in / 2, block, 2) where pairs of inputs lie together. Whether this is the layout has to be
        seen from the numbers. The view is good as long as the layer is.
        """
        raise NotImplementedError

    @cached_property
    def weight(self) -> Tensor:
        """The weights (out, in) in the usual layout, for networks that read them: copied when first asked for."""
        raise NotImplementedError

    @property
    def bias(self) -> Tensor | None:
        """The bias (out,), if there is one."""
        return self._bias

    def extra_repr(self) -> str:
        """What ``repr`` shows between the parentheses."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self._bias is not None}"


class OneDNNLinear(PackedLinear):
    """A packed linear whose product is oneDNN's."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(weight, bias)
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), _ROWS_HINT)

    def forward(self, x: Tensor) -> Tensor:
        """X (..., in) to (..., out)."""
        result: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, self._packed, self._bias, "none", [], "")
        return result

    def gelu(self, x: Tensor) -> Tensor:
        """GELU, by its tanh formula, of what ``forward`` gives."""
        result: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, self._packed, self._bias, "gelu", [], "tanh")
        return result

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """What ``forward`` gives, plus ``other`` (..., out)."""
        result: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, other, self._packed, self._bias, "add")
        return result

    def blocks(self, block: int) -> Tensor | None:
        """See ``PackedLinear``. oneDNN keeps pairs of inputs together in types of two bytes."""
        dtype = self._packed.dtype
        pair = 4 // dtype.itemsize
        shape = (-(-self.out_features // block), self.in_features // pair, block, pair)
        size = shape[0] * self.in_features * block * dtype.itemsize
        if self.in_features % pair or torch.ops.mkldnn._nbytes(self._packed) != size:
            return None
        memory = (ctypes.c_char * size).from_address(torch.ops.mkldnn.data_ptr(self._packed))
        return torch.frombuffer(memory, dtype=dtype).view(shape)

    @cached_property
    def weight(self) -> Tensor:
        """The weights (out, in) in the usual layout, for networks that read them: copied when first asked for."""
        weight: Tensor = self._packed.to_dense()
        return weight


class TiledLinear(PackedLinear):
    """A packed linear whose product is ours: float32 arithmetic, with weights in float32 or bfloat16."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        from thermoscope.cpu.tiles import BLOCK

        super().__init__(weight, bias)
        count = -(-self.out_features // BLOCK)
        self._packed = weight.new_zeros((count, self.in_features, BLOCK))
        whole = self.out_features // BLOCK
        own = weight.detach()
        self._packed[:whole] = own[: whole * BLOCK].view(whole, BLOCK, self.in_features).transpose(1, 2)
        if whole < count:
            self._packed[whole, :, : self.out_features - whole * BLOCK] = own[whole * BLOCK :].t()
        self._weights = as_array(self._packed)
        self._offsets = np.empty(0, np.float32) if self._bias is None else self._bias.float().numpy()

    def forward(self, x: Tensor) -> Tensor:
        """X (..., in) to (..., out)."""
        return self._product(x)

    def gelu(self, x: Tensor) -> Tensor:
        """GELU, by its tanh formula, of what ``forward`` gives."""
        return self._product(x, gelu=True)

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """What ``forward`` gives, plus ``other`` (..., out)."""
        return self._product(x, other)

    def blocks(self, block: int) -> Tensor | None:
        """See ``PackedLinear``."""
        return self._packed[..., None] if block == self._packed.shape[2] else None

    @cached_property
    def weight(self) -> Tensor:
        """The weights (out, in) in the usual layout, for networks that read them: copied when first asked for."""
        return self._packed.transpose(1, 2).reshape(-1, self.in_features)[: self.out_features]

    def _product(self, x: Tensor, other: Tensor | None = None, *, gelu: bool = False) -> Tensor:
        if x.dim() != 2 or x.dtype != torch.float32 or (other is not None and other.dtype != torch.float32):
            added = None if other is None else other.float().reshape(-1, self.out_features)
            flat = self._product(x.float().reshape(-1, x.shape[-1]), added, gelu=gelu)
            return flat.to(x.dtype).reshape(*x.shape[:-1], self.out_features)
        rows, outputs = x.shape[0], self.out_features
        if x.shape[1] != self.in_features or (other is not None and other.shape != (rows, outputs)):
            added_shape = "" if other is None else f" plus {tuple(other.shape)}"
            raise ValueError(f"{tuple(x.shape)}{added_shape} does not fit {self.in_features} inputs, {outputs} outputs")
        over_slices, product = _loops()
        # GELU's result is what the next product is given
        out = torch.empty((rows, _row_size(outputs) if gelu else outputs))
        added = out[:0] if other is None else other.contiguous()
        over_slices(
            product, self._weights.shape[0], _apart(x).numpy(), self._weights, self._offsets, added.numpy(),
            gelu, outputs, out.numpy(), work=rows * self.in_features * outputs // _AT_ONCE,
        )  # fmt: skip
        return out if out.shape[1] == outputs else out[:, :outputs]


@cache
def _loops() -> tuple[Callable[..., None], Any]:
    """What runs slices, and our product: compiled loops are imported when they are first needed."""
    from thermoscope.cpu.compiled import over_slices
    from thermoscope.cpu.tiles import product

    return over_slices, product


def _row_size(size: int) -> int:
    """How much room to give a row of float32 numbers.

    Rows that begin whole pages apart share the few places that the first-level cache has for them, and a tile reads
    the same input of several rows one after the other.
    """
    return size if size % _PAGE else size + _APART


def _apart(x: Tensor) -> Tensor:
    """The same float32 rows (M, K), each of them contiguous and not whole pages from the next."""
    if x.stride(1) != 1 or (x.shape[0] > 1 and not x.stride(0) % _PAGE):
        return x.new_empty((x.shape[0], _row_size(x.shape[1])))[:, : x.shape[1]].copy_(x)
    return x


class PlainLinear(PackedLinear):
    """The same by torch's ordinary product, where there is no packed one."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(weight, bias)
        self._weight = weight.detach()

    def forward(self, x: Tensor) -> Tensor:
        """X (..., in) to (..., out)."""
        return functional.linear(x, self._weight, self._bias)

    def gelu(self, x: Tensor) -> Tensor:
        """GELU, by its tanh formula, of what ``forward`` gives."""
        return functional.gelu(self.forward(x), approximate="tanh")

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """What ``forward`` gives, plus ``other`` (..., out)."""
        return self.forward(x) + other

    def blocks(self, block: int) -> Tensor | None:
        """See ``PackedLinear``."""
        if self.out_features % block:
            return None
        return self._weight.view(-1, block, self.in_features).transpose(1, 2)[..., None]

    @cached_property
    def weight(self) -> Tensor:
        """The weights (out, in)."""
        return self._weight


def kind_for(dtype: torch.dtype) -> type[PackedLinear] | None:
    """Which linears this processor is given for weights of a type; None for types that are not packed.

    Ours where it was measured to be the faster, on two cores (docs/performance.md): with AVX2 and no more, and in
    float32 with few threads on processors that take AVX-512 in halves, as Zen 4 does. Else oneDNN's, and torch's
    ordinary product where that is missing.
    """
    if dtype not in (torch.float32, torch.bfloat16):
        return None
    if probe.loops("attention") and _ours_is_faster(dtype):
        return TiledLinear
    if probe.onednn_fault() is not None:
        return PlainLinear
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return PlainLinear
    return OneDNNLinear


def _ours_is_faster(dtype: torch.dtype) -> bool:
    from thermoscope.cpu.compiled import processor

    if torch.backends.cpu.get_cpu_capability() == "AVX2":
        return True
    name, features = processor()
    halves = name in _TILED_PROCESSORS and "avx512f" in features
    return halves and dtype == torch.float32 and torch.get_num_threads() <= _FEW_THREADS
