"""Repetition within one text, on token ids: of single texts, and of many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermoscope.metrics.ngrams import Ngrams
from thermoscope.metrics.ragged import Array, Ragged, ratio
from thermoscope.metrics.registry import SHARE, Measure

if TYPE_CHECKING:
    from thermoscope.metrics.texts import Texts

#: A loop is a phrase of at least so many tokens, repeated at least so many times in a row at the end.
LOOP_TOKENS, LOOP_REPEATS = 2, 3
#: A shorter text can't loop.
SHORTEST_LOOP = LOOP_TOKENS * LOOP_REPEATS
#: From this length on texts are searched for loops one by one.
_LONG = 5000


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


def find_loop(token_ids: Sequence[int] | Array) -> Loop | None:
    """The loop that a text ends in, with the shortest phrase, or None (Holtzman et al. 2020, section 3).

    A phrase of 2 or more tokens repeated 3 or more times in a row up to the end; the last repetition may be
    cut short (it is not counted then).
    """
    ids = np.asarray(token_ids, dtype=np.int64)
    for period in _periods(ids).tolist():
        same = ids[period:] == ids[:-period]
        differ = np.flatnonzero(~same)
        run = len(same) if not len(differ) else len(same) - 1 - int(differ[-1])
        repeats = (run + period) // period
        if repeats >= LOOP_REPEATS:
            return Loop(tokens=period, repeats=repeats, start=len(ids) - run - period)
    return None


def _periods(ids: Array) -> Array:
    """Lengths that a looping phrase may have, by the last two tokens alone: they stand one and two phrases before."""
    back = ids[::-1]
    period: Array = np.arange(LOOP_TOKENS, len(ids) // LOOP_REPEATS + 1)
    if not len(period):
        return period
    last = (back[period] == back[0]) & (back[2 * period] == back[0])
    period = period[last]
    after = (back[period + 1] == back[1]) & (back[2 * period + 1] == back[1])
    return np.compress(after, period)


def rep_rates(grams: Ngrams, n: int) -> Array:
    """(N,) ``rep_n`` of every text, NaN where unknown."""
    return 1 - ratio(grams.different[n - 1], grams.all[n - 1])


def ends_in_loop(tokens: Ragged) -> Array:
    """(N,) 1 where ``find_loop`` finds a loop, 0 where it finds none, NaN for a text too short to have one."""
    ends, lengths = tokens.starts[1:], tokens.lengths
    found = np.where(lengths >= SHORTEST_LOOP, 0.0, np.nan)
    open_ = np.flatnonzero(lengths >= SHORTEST_LOOP)
    if not len(open_):
        return found
    ids, longest = tokens.values, int(lengths.max())
    if longest > _LONG:  # few and long: each on its own
        found[open_] = [find_loop(tokens.row(i)) is not None for i in open_.tolist()]
        return found
    for period in range(LOOP_TOKENS, longest // LOOP_REPEATS + 1):
        open_ = open_[(lengths[open_] >= LOOP_REPEATS * period) & (found[open_] == 0)]
        end = ends[open_]
        maybe = open_[(ids[end - 1] == ids[end - 1 - period]) & (ids[end - 1] == ids[end - 1 - 2 * period])]
        for i in maybe.tolist():  # a few
            tail = ids[ends[i] - LOOP_REPEATS * period : ends[i]]
            found[i] = float((tail[period:] == tail[:-period]).all())
    return found


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


def _rep(n: int) -> Measure:
    return Measure(
        name=f"rep_{n}",
        unit="",
        direction="more repetitive",
        minimum_tokens=n,
        source="Welleck et al. 2020",
        meaning=f"share of {n}-grams that were there before in the same text",
        of=lambda texts: rep_rates(texts.ngrams, n),
        scale="share",
        bounds=SHARE,
        shown={2: 160, 3: 170, 4: 10}[n],
        beside_text=n == 4,
    )


def _diversity(texts: Texts) -> Array:
    values = np.ones(len(texts))
    for n in (2, 3, 4):
        values *= 1 - rep_rates(texts.ngrams, n)
    return values


ENTRIES = (
    _rep(2),
    _rep(3),
    _rep(4),
    Measure(
        name="diversity",
        unit="",
        direction="more varied",
        minimum_tokens=4,
        source="Su et al. 2022",
        meaning="product of 1 - rep_n over n = 2, 3, 4",
        of=_diversity,
        scale="share",
        bounds=SHARE,
        shown=140,
    ),
    Measure(
        name="loop",
        unit="",
        direction="more repetitive",
        minimum_tokens=SHORTEST_LOOP,
        source="Holtzman et al. 2020",
        meaning="1 if the text ends in a phrase of 2 or more tokens repeated 3 or more times in a row, else 0",
        of=lambda texts: ends_in_loop(texts.tokens),
        scale="indicator",
        bounds=SHARE,
        summary="loop_rate",
        shown=20,
        beside_text=True,
    ),
)
