"""Places of texts with their less probable tokens in groups, and what fixed truncations would have removed there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermoscope.auditing.draws import Floats
from thermoscope.auditing.likelihood import Family
from thermoscope.auditing.text_places import TextPlaces, Whole

#: Tokens of a place that stand alone, and the growth of the groups of the others.
_ALONE, _GROWTH = 256, 1.05


@dataclass(frozen=True, slots=True)
class Steps:
    """Places whose less probable tokens are taken in groups: P places, G groups.

    Attributes
    ----------
    depth : array (P, G)
        How far the tokens of each group are below the most probable one on average, nats.
    many : array (G,)
        How many tokens each group has.
    own : array (P,)
        The group of the token that came.
    own_depth : array (P,)
        How far that token is below the most probable one.
    """

    depth: Floats
    many: Floats
    own: Whole
    own_depth: Floats

    @classmethod
    def of(cls, texts: Sequence[TextPlaces]) -> Steps:
        """The places of texts of one model."""
        starts = _starts(texts[0].logprobs.shape[1])
        many = np.diff([*starts, texts[0].logprobs.shape[1]]).astype(np.float64)
        depth, own, exact = [], [], []
        for text in texts:
            below = text.logprobs - text.logprobs[:, :1]
            depth.append(np.add.reduceat(below, starts, axis=1, dtype=np.float64) / many)
            own.append(np.searchsorted(starts, text.ranks, side="right") - 1)
            drawn = text.logprobs[np.arange(len(below)), text.ranks].astype(np.float64)
            exact.append(drawn - text.logprobs[:, 0].astype(np.float64))
        return cls(np.concatenate(depth), many, np.concatenate(own), np.concatenate(exact))


def tightest(texts: Sequence[TextPlaces], temperature: float, *, last: bool) -> dict[Family, float]:
    """The tightest value of each truncation, at a temperature, that keeps every token of some texts."""
    steps = Steps.of(texts)
    depth = float(steps.own_depth.min())
    return {
        "top_k": float(max(int(text.ranks.max(initial=0)) for text in texts) + 1),
        "top_p": float(_mass_before(steps, 1.0 if last else temperature).max()),
        "min_p": math.exp(depth if last else max(depth / temperature, -700.0)),
    }


def beyond(
    texts: Sequence[TextPlaces], values: Mapping[Family, float], temperature: float, *, last: bool
) -> dict[Family, int]:
    """How many tokens of some texts each of some truncations would have removed at a temperature."""
    steps = Steps.of(texts)
    scale = 1.0 if last else temperature
    before = _mass_before(steps, scale)
    ranks = np.concatenate([text.ranks for text in texts])
    removed: dict[Family, Callable[[float], NDArray[np.bool_]]] = {
        "top_k": lambda k: ranks >= k,
        "top_p": lambda p: before >= p,
        "min_p": lambda m: steps.own_depth < scale * math.log(m),
    }
    return {family: int(removed[family](value).sum()) for family, value in values.items()}


def _mass_before(steps: Steps, temperature: float) -> Floats:
    """(P,) the probability of all groups before the one of the token that came, at a temperature."""
    weights = steps.many * np.exp(steps.depth / temperature)
    before: Floats = (np.cumsum(weights, axis=1) - weights)[np.arange(len(steps.own)), steps.own] / weights.sum(axis=1)
    return before


def _starts(vocabulary: int) -> Whole:
    starts = list(range(min(_ALONE, vocabulary)))
    at = float(_ALONE)
    while at < vocabulary:
        starts.append(int(at))
        at *= _GROWTH
    return np.array(starts, dtype=np.int64)
