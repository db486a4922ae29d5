"""Branches: samples, or intervals of temperature, that share a prompt and all tokens so far, and so a row of the model.

Shapes: R branches in flight, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from thermoscope.models.base import Model
from thermoscope.sampling.noise import prompt_key

Member = TypeVar("Member")


@dataclass(slots=True)
class Branch(Generic[Member]):
    """One context and what shares it.

    Attributes
    ----------
    prompt_ids, key
        The prompt and its key for the noise.
    tokens
        The tokens after it.
    members
        What shares the context.
    """

    prompt_ids: tuple[int, ...]
    key: int
    tokens: list[int]
    members: list[Member]

    def fork(self, token: int, members: list[Member]) -> Branch[Member]:
        """The branch of those members whose next token is this one."""
        return Branch(self.prompt_ids, self.key, [*self.tokens, token], members)


def branches_of(
    members: Iterable[Member], prompt_ids: Callable[[Member], tuple[int, ...]], most: int | None = None
) -> list[Branch[Member]]:
    """One branch per distinct prompt, in order of appearance; several where it has more than ``most`` members."""
    by_prompt: dict[tuple[int, ...], list[Member]] = {}
    for member in members:
        by_prompt.setdefault(prompt_ids(member), []).append(member)
    return [
        Branch(ids, prompt_key(ids), [], found[start : start + (most or len(found))])
        for ids, found in by_prompt.items()
        for start in range(0, len(found), most or len(found))
    ]


class BranchesInFlight(Generic[Member]):
    """The branches that have a row of the model.

    Parameters
    ----------
    model
        Where logits come from.
    capacity
        The most rows.
    length
        The most tokens of a row.

    Attributes
    ----------
    branches
        One per row, in the order of the rows.
    forward_rows
        Rows that ``step`` has computed.
    """

    def __init__(self, model: Model, *, capacity: int, length: int) -> None:
        self._rows = model.rows(capacity=capacity, length=length)
        self._device = model.device
        self._stepped: Tensor | None = None
        self.branches: list[Branch[Member]] = []
        self.forward_rows = 0

    def admit(self, admitted: Sequence[Branch[Member]]) -> Tensor:
        """Give rows to more branches; the next-token logits (R, V) of all in flight."""
        parts = [] if self._stepped is None else [self._stepped]
        if admitted:
            parts.append(self._rows.add([[*branch.prompt_ids, *branch.tokens] for branch in admitted]))
            self.branches += admitted
        return parts[0] if len(parts) == 1 else torch.cat(parts)  # a copy of all logits takes milliseconds

    def replace(self, forks: Sequence[tuple[Branch[Member], int]]) -> None:
        """Go on with these branches, each with the number of the row that it comes from and one token more."""
        ordered = in_place(forks)
        self.branches = [branch for branch, _ in ordered]
        self._rows.select([row for _, row in ordered])

    def step(self) -> None:
        """Compute the last token of every branch."""
        tokens = [branch.tokens[-1] for branch in self.branches]
        self._stepped = self._rows.step(torch.tensor(tokens, device=self._device)) if tokens else None
        self.forward_rows += len(tokens)


def in_place(forks: Sequence[tuple[Branch[Member], int]]) -> list[tuple[Branch[Member], int]]:
    """Order branches so that as many as possible keep their row; the others fill the gaps."""
    places: list[tuple[Branch[Member], int] | None] = [None] * len(forks)
    others: list[tuple[Branch[Member], int]] = []
    for fork in forks:
        row = fork[1]
        if row < len(forks) and places[row] is None:
            places[row] = fork
        else:
            others.append(fork)
    rest = iter(others)
    return [next(rest) if place is None else place for place in places]
