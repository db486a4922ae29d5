"""Packed weights that several modules of a network use: an embedding tied to the head, layers with the same input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from thermoscope.cpu.packed import PackedLinear

#: Outputs that packed layouts keep side by side.
_BLOCKS = (64, 48, 32, 24, 16, 8)


class PackedEmbedding(nn.Module):
    """An embedding whose rows are read out of the packed weights of the head that it is tied to.

    Parameters
    ----------
    head
        The head, with V outputs and C inputs.
    blocks : Tensor (V / b, C / p, b, p)
        Its weights as they lie in memory.
    """

    def __init__(self, head: PackedLinear, blocks: Tensor) -> None:
        super().__init__()
        self._head = [head]  # in a list, so that it is not this module's child as well
        self._blocks = blocks

    @classmethod
    def of(cls, head: PackedLinear, weight: Tensor) -> PackedEmbedding | None:
        """The embedding with these weights (V, C), if they can be read out of the head bit by bit, else None."""
        for block in (*_BLOCKS, head.out_features):  # the last one: the usual layout
            blocks = head.blocks(block)
            if blocks is None:
                continue
            flat = (blocks[n].transpose(0, 1).flatten(1) for n in range(len(blocks)))
            parts = torch.split(weight, block)
            if all(torch.equal(ours[: len(own)], own) for ours, own in zip(flat, parts, strict=True)):
                return cls(head, blocks)
        return None

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (...) to (..., C)."""
        block = self._blocks.shape[2]
        rows = self._blocks[ids // block, :, ids % block]  # (..., C / p, p)
        return rows.flatten(-2)

    @property
    def weight(self) -> Tensor:
        """The weights (V, C) in the usual layout, for networks that read them: copied when first asked for."""
        return self._head[0].weight


class Siblings:
    """Linear layers that are given the same input, as one packed layer; each hands out its part of the product."""

    def __init__(self, layers: list[nn.Linear], kind: type[PackedLinear]) -> None:
        bias = torch.cat([layer.bias for layer in layers]) if layers[0].bias is not None else None
        self.linear = kind(torch.cat([layer.weight for layer in layers]), bias)
        self.sizes = [layer.out_features for layer in layers]
        self._last: tuple[Tensor, tuple[Tensor, ...]] | None = None

    def part(self, x: Tensor, number: int) -> Tensor:
        """What layer ``number`` gives for x; the product is made once while x is the same tensor."""
        last = self._last
        if last is None or last[0] is not x:
            last = (x, torch.split(self.linear(x), self.sizes, dim=-1))
        self._last = None if number == len(self.sizes) - 1 else last  # the last of them lets go
        return last[1][number]


class Sibling(nn.Module):
    """One of several linear layers that are packed together. Maps (..., in) to (..., out)."""

    def __init__(self, together: Siblings, number: int) -> None:
        super().__init__()
        self.together, self.number = together, number
        self.in_features, self.out_features = together.linear.in_features, together.sizes[number]

    def forward(self, x: Tensor) -> Tensor:
        """X (..., in) to (..., out)."""
        return self.together.part(x, self.number)

    @property
    def weight(self) -> Tensor:
        """The weights (out, in) in the usual layout, for networks that read them: copied when first asked for."""
        return torch.split(self.together.linear.weight, self.together.sizes)[self.number]

    @property
    def bias(self) -> Tensor | None:
        """The bias (out,), if there is one."""
        bias = self.together.linear.bias
        return None if bias is None else torch.split(bias, self.together.sizes)[self.number]
