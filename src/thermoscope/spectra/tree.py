"""A spectrum while it grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from thermoscope.decode.ending import Ending
from thermoscope.spectra.leaf import Leaf, Node
from thermoscope.spectra.split import Interval


class Tree:
    """One spectrum while it grows."""

    def __init__(
        self,
        prompt: str,
        ids: tuple[int, ...],
        seed: int,
        limit: int,
        on_leaf: Callable[[Leaf], None] | None = None,
    ) -> None:
        self._on_leaf = on_leaf
        self.prompt, self.prompt_ids, self.seed, self.limit = prompt, ids, seed, limit
        self.nodes: list[Node] = []
        self.leaves: list[Leaf] = []
        #: Intervals that are not finished; at first the whole range.
        self.open = 1

    def path(self, node: int) -> tuple[int, ...]:
        """The numbers of the nodes from the first token to this one."""
        found = []
        while node >= 0:
            found.append(node)
            node = self.nodes[node].parent
        return tuple(reversed(found))

    def finish(self, node: int, interval: Interval, ending: Ending) -> None:
        """Keep a finished leaf."""
        self.leaves.append(
            Leaf(
                low=interval.low,
                high=interval.high,
                exact_low=interval.exact_low,
                exact_high=interval.exact_high,
                exact_at_low=interval.zero,
                text=ending.text,
                token_ids=ending.token_ids,
                finish_reason=ending.finish_reason,
                text_ends=ending.text_ends,
                path=self.path(node),
            )
        )
        self.open -= 1
        if self._on_leaf is not None:
            self._on_leaf(self.leaves[-1])

    def sorted(self) -> tuple[tuple[Node, ...], tuple[Leaf, ...]]:
        """Nodes by position and temperature, and leaves by temperature, whatever the order they were found in."""
        order = sorted(range(len(self.nodes)), key=lambda n: (self.nodes[n].position, self.nodes[n].high))
        number = {old: new for new, old in enumerate(order)} | {-1: -1}
        nodes = tuple(replace(self.nodes[old], parent=number[self.nodes[old].parent]) for old in order)
        leaves = sorted(self.leaves, key=lambda leaf: leaf.high)
        return nodes, tuple(replace(leaf, path=tuple(number[n] for n in leaf.path)) for leaf in leaves)
