"""Packed linears: linear layers on the CPU with their weights laid out once for the product that reads them.

torch sends float32 linear layers to a general matrix product that reads the weights in their stored layout; with
few rows the product is bound by how the weights are read. In a layout made for it oneDNN's product is two to four times
as fast, in float32 and, where the processor has it, bfloat16.
"""

from __future__ import annotations

import ctypes
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional

from thermoscope.cpu import probe

#: Rows that oneDNN's layout is chosen for; others work as well.
_ROWS_HINT = 32


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

    oneDNN's packed product, or torch's ordinary one where that is missing.
    """
    if dtype not in (torch.float32, torch.bfloat16):
        return None
    if probe.onednn_fault() is not None:
        return PlainLinear
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return PlainLinear
    return OneDNNLinear
