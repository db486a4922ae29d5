"""Texts in pieces: repeated passages, the loop that a text ends in, where it first differs from its neighbour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from thermoscope.comparison.spans import place_of, repeated_ranges
from thermoscope.metrics.repetition import find_loop, repeated_passages


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a text. ``repeated``: it repeats an earlier one; ``loop``: it belongs to the loop at the end."""

    text: str
    repeated: bool = False
    loop: bool = False


def passages(text: str, token_ids: Sequence[int], ends: Sequence[int]) -> tuple[Passage, ...]:
    """A text cut where a repeated passage or its loop begins or ends.

    Parameters
    ----------
    text
        The text.
    token_ids, ends
        Its tokens, and for each the number of characters that are there with it.
    """
    repeated = repeated_ranges(text, ends, repeated_passages(token_ids))
    loop = find_loop(token_ids)
    looping = (len(text) if loop is None else place_of(text, ends, loop.start), len(text))
    edges = sorted({0, len(text), *looping, *(edge for span in repeated for edge in span)})
    return tuple(
        Passage(
            text[a:b],
            repeated=any(first <= a < last for first, last in repeated),
            loop=looping[0] <= a < looping[1],
        )
        for a, b in pairwise(edges)
    )


def parting(
    text: str, token_ids: Sequence[int], ends: Sequence[int], before: Sequence[int], before_text: str
) -> int | None:
    """The character at which a text first differs from another of the same prompt and seed; None if they agree.

    Parameters
    ----------
    before, before_text
        The other's tokens and text. Where neither's tokens were kept, characters are compared.
    """
    if text == before_text:
        return None
    if not token_ids and not before:
        return shared_tokens(before_text, text)
    shared = shared_tokens(before, token_ids)
    return place_of(text, ends, shared)


def shared_tokens(a: Sequence[object], b: Sequence[object]) -> int:
    """How many tokens, or characters, two texts have in common from the start."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
