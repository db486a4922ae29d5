"""Packed linears: weights of linear layers laid out once for oneDNN's matrix product on the CPU.

torch sends float32 linear layers to a general matrix product that reads the weights in their stored layout; with
few rows the product is bound by how the weights are read. oneDNN in the layout of its choice is two to four
times as fast, and in bfloat16, where the processor has it, up to twice that.
"""

from __future__ import annotations

import ctypes
from functools import cached_property

import torch
from torch import Tensor, nn

#: Rows that the layout is chosen for; others work as well.
_ROWS_HINT = 32

if torch._C._has_mkldnn:
    _product, _product_and_sum = torch.ops.mkldnn._linear_pointwise.default, torch.ops.mkldnn._linear_pointwise.binary


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
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), _ROWS_HINT)
        self._bias = None if bias is None else bias.detach().clone()

    def forward(self, x: Tensor) -> Tensor:
        """X (..., in) to (..., out)."""
        result: Tensor = _product(x, self._packed, self._bias, "none", [], "")
        return result

    def gelu(self, x: Tensor) -> Tensor:
        """GELU, by its tanh formula, of what ``forward`` gives."""
        result: Tensor = _product(x, self._packed, self._bias, "gelu", [], "tanh")
        return result

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """What ``forward`` gives, plus ``other`` (..., out)."""
        result: Tensor = _product_and_sum(x, other, self._packed, self._bias, "add")
        return result

    @cached_property
    def weight(self) -> Tensor:
        """The weights (out, in) in the usual layout, for networks that read them: copied when first asked for."""
        weight: Tensor = self._packed.to_dense()
        return weight

    @property
    def bias(self) -> Tensor | None:
        """The bias (out,), if there is one."""
        return self._bias

    def extra_repr(self) -> str:
        """What ``repr`` shows between the parentheses."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self._bias is not None}"

    def blocks(self, block: int) -> Tensor | None:
        """Give the packed weights themselves, as (out / block, in, block, 1), if ``block`` outputs may lie together.

        Types of two bytes are (out / block, in / 2, block, 2): oneDNN keeps pairs of inputs together. It tells nobody
        its layout, so whether this is it has to be seen from the numbers. The view is good as long as the layer is.
        """
        dtype = self._packed.dtype
        pair = 4 // dtype.itemsize
        shape = (-(-self.out_features // block), self.in_features // pair, block, pair)
        size = shape[0] * self.in_features * block * dtype.itemsize
        if self.in_features % pair or torch.ops.mkldnn._nbytes(self._packed) != size:
            return None
        memory = (ctypes.c_char * size).from_address(torch.ops.mkldnn.data_ptr(self._packed))
        return torch.frombuffer(memory, dtype=dtype).view(shape)
