"""Packed linears: weights of linear layers laid out once for oneDNN's matrix product on the CPU.

torch sends float32 linear layers to a general matrix product that reads the weights in their stored layout; with
few rows the product is bound by how the weights are read. oneDNN in the layout of its choice is two to four
times as fast, and in bfloat16, where the processor has it, up to twice that. The original weights are released, so
memory does not grow (a head tied to the embedding is the exception: both stay).
"""

from __future__ import annotations

import contextlib
import ctypes
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from transformers.activations import NewGELUActivation
from transformers.pytorch_utils import Conv1D

#: Rows that the layout is chosen for; others work as well.
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
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), _ROWS_HINT)
        self._bias = None if bias is None else bias.detach().clone()

    def forward(self, x: Tensor) -> Tensor:
        """X (..., in) to (..., out)."""
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self._bias, "none", [], "")
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


def pack(network: Any) -> int:
    """Replace the linear layers of a network on the CPU by packed ones; return how many.

    Float32, and bfloat16 where the processor computes in it. Layers of a subclass are left alone (they may do more
    than a product), as is everything where oneDNN is missing. GPT-2's activation, written there as six operations,
    becomes torch's own of the same formula. The network can't be trained or saved afterwards.
    """
    if network.device.type != "cpu" or not _computes(network.dtype):
        return 0
    packed = 0
    with torch.inference_mode():
        for parent in list(network.modules()):
            for name, layer in list(parent.named_children()):
                if type(layer) is nn.Linear:
                    setattr(parent, name, PackedLinear(layer.weight, layer.bias))
                elif type(layer) is Conv1D:  # GPT-2's linear, stored (in, out)
                    setattr(parent, name, PackedLinear(layer.weight.t(), layer.bias))
                elif type(layer) is NewGELUActivation:
                    setattr(parent, name, nn.GELU(approximate="tanh"))
                    continue
                else:
                    continue
                packed += 1
        _release(network)
    return packed


def _release(network: Any) -> None:
    """Let go of what the original weights took: the file that what is left is a view of, and what malloc keeps."""
    for parameter in network.parameters():
        parameter.data = parameter.data.clone()
    with contextlib.suppress(OSError, AttributeError):  # glibc's
        ctypes.CDLL(None).malloc_trim(0)


def _computes(dtype: torch.dtype) -> bool:
    """Whether oneDNN has products of this type here."""
    if not torch._C._has_mkldnn:
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
