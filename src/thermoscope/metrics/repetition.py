"""Repetition within one text, on token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: A loop is a phrase of at least so many tokens, repeated at least so many times in a row at the end.
LOOP_TOKENS, LOOP_REPEATS = 2, 3


@dataclass(frozen=True, slots=True)
class Loop:
    """A text that ends in a phrase repeated over and over.

    Attributes
    ----------
    tokens
        Length of the phrase.
    repeats
        How many times it stands there in full, in a row, up to the end.
    start
        Position of the first token of the looping part.
    """

    tokens: int
    repeats: int
    start: int


def rep_n(token_ids: Sequence[int], n: int) -> float | None:
    """1 - unique n-grams / n-grams (Welleck et al. 2020, section 6.1); None for fewer than n tokens."""
    grams = len(token_ids) - n + 1
    if grams < 1:
        return None
    return 1 - len({tuple(token_ids[i : i + n]) for i in range(grams)}) / grams


def find_loop(token_ids: Sequence[int]) -> Loop | None:
    """The loop that a text ends in, with the shortest phrase, or None (Holtzman et al. 2020, section 3).

    A phrase of 2 or more tokens repeated 3 or more times in a row up to the end; the last repetition may be
    cut short (it is not counted then).
    """
    ids = np.asarray(token_ids, dtype=np.int64)
    for period in range(LOOP_TOKENS, len(ids) // LOOP_REPEATS + 1):
        same = ids[period:] == ids[:-period]
        differ = np.flatnonzero(~same)
        run = len(same) if not len(differ) else len(same) - 1 - int(differ[-1])
        repeats = (run + period) // period
        if repeats >= LOOP_REPEATS:
            return Loop(tokens=period, repeats=repeats, start=len(ids) - run - period)
    return None


def repeated_passages(token_ids: Sequence[int], n: int = 4) -> list[tuple[int, int]]:
    """Where a text says again what it said: maximal ranges [start, end) of tokens covered by earlier n-grams.

    The ranges are those of the n-grams that ``rep_n`` counts as not new.
    """
    seen: set[tuple[int, ...]] = set()
    ranges: list[tuple[int, int]] = []
    for i in range(len(token_ids) - n + 1):
        gram = tuple(token_ids[i : i + n])
        if gram not in seen:
            seen.add(gram)
        elif ranges and i <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], i + n)
        else:
            ranges.append((i, i + n))
    return ranges
