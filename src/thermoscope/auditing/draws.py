"""Tokens drawn at several places, beside the log-probabilities that the model gives there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Tokens drawn at several places, and the model's own log-probabilities there.

    P places, K listed tokens at most; unused entries of a row are at -inf.

    Attributes
    ----------
    logprobs : array (P, K)
        The most probable tokens' own log-probabilities at T=1, nats, descending in each row.
    counts : array (P, K)
        How often each was drawn.
    beyond : array (P,)
        How many draws were of none of them.
    """

    logprobs: Floats
    counts: Floats
    beyond: Floats

    @classmethod
    def of(cls, logprobs: Sequence[Sequence[float]], drawn: Sequence[Sequence[int]]) -> Draws:
        """From the listed log-probabilities of each place, and the places in its list of the tokens drawn there.

        A draw at -1, or beyond the end of the list, is of no listed token.
        """
        width = max((len(row) for row in logprobs), default=0)
        table = np.full((len(logprobs), width), -np.inf)
        counts, beyond = np.zeros_like(table), np.zeros(len(logprobs))
        for row, (own, tokens) in enumerate(zip(logprobs, drawn, strict=True)):
            order = np.argsort(-np.asarray(own, dtype=np.float64), kind="stable")
            table[row, : len(own)] = np.asarray(own, dtype=np.float64)[order]
            place = np.empty(len(own), dtype=np.int64)
            place[order] = np.arange(len(own))
            for token in tokens:
                if 0 <= token < len(own):
                    counts[row, place[token]] += 1
                else:
                    beyond[row] += 1
        return cls(table, counts, beyond)

    @property
    def number(self) -> int:
        """Draws of listed tokens."""
        return int(self.counts.sum())

    @cached_property
    def depth(self) -> Floats:
        """(P, K) how far each token is below the most probable one of its place: 0 or less."""
        return self.logprobs - self.logprobs[:, :1]

    @cached_property
    def last(self) -> NDArray[np.int64]:
        """(P,) the place of the least probable token that was drawn; -1 where none was."""
        there = self.counts > 0
        last: NDArray[np.int64] = np.where(there.any(axis=1), there.shape[1] - 1 - there[:, ::-1].argmax(axis=1), -1)
        return last

    @cached_property
    def tail(self) -> Floats:
        """(P,) the mass at T=1 of the tokens that are not listed."""
        mass: Floats = np.clip(1 - np.exp(self.logprobs).sum(axis=1), 0, 1)
        return mass
