"""The tokens of a spectrum's tree, and its texts.

Intervals of temperature are open below and closed above, ``(low, high]``; the lowest one includes its lower end.
"""

from __future__ import annotations

from dataclasses import dataclass

from thermoscope.decode.sample import FinishReason


@dataclass(frozen=True, slots=True)
class Node:
    """One token after one prefix.

    Attributes
    ----------
    parent
        Number of the node before it; -1 for the first token.
    position
        0 for the first new token.
    token_id
        The token.
    low, high
        The temperatures at which the spectrum's text goes through this node.
    exact_low, exact_high
        Those of them at which, after this prefix, this token is the one drawn; the same unless something was merged.
    logit, noise
        Its logit just before temperature, and its Gumbel noise: its score at T is ``logit / T + noise``.
    logprob, rank, entropy
        As in ``Sample``.
    """

    parent: int
    position: int
    token_id: int
    low: float
    high: float
    exact_low: float
    exact_high: float
    logit: float
    noise: float
    logprob: float
    rank: int
    entropy: float


@dataclass(frozen=True)
class Leaf:
    """One text, and the temperatures at which it is the text.

    Attributes
    ----------
    low, high
        The temperatures ``(low, high]`` that it stands for; its neighbours begin where it ends.
    exact_low, exact_high
        Those of them at which the text is exact. The same as low and high, unless an interval narrower than the
        resolution was not split any further.
    exact_at_low
        Whether it is exact at ``low`` itself too: in the first leaf.
    text, token_ids, finish_reason, text_ends
        As in ``Sample``.
    path
        The numbers of its nodes, one per token.
    """

    low: float
    high: float
    exact_low: float
    exact_high: float
    exact_at_low: bool
    text: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason
    text_ends: tuple[int, ...]
    path: tuple[int, ...]

    @property
    def width(self) -> float:
        """``high - low``; 0 for the single temperature 0."""
        return self.high - self.low

    def is_exact(self, temperature: float) -> bool:
        """Whether this is known to be the text at a temperature."""
        return self.exact_low < temperature <= self.exact_high or (
            self.exact_at_low and temperature == self.exact_low == self.low
        )
