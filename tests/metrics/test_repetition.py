"""Repetition by hand arithmetic, and loops against their definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.metrics.ragged import Ragged
from thermoscope.metrics.repetition import Loop, ends_in_loop, find_loop, rep_n, repeated_passages

few_tokens = st.lists(st.integers(0, 2), max_size=40)


@st.composite
def looping(draw: st.DrawFn) -> list[int]:
    """Texts that are likely to end in a loop, or nearly."""
    head = draw(st.lists(st.integers(0, 3), max_size=8))
    phrase = draw(st.lists(st.integers(0, 3), min_size=1, max_size=5))
    times, part = draw(st.integers(1, 6)), draw(st.integers(0, 4))
    tail = draw(st.lists(st.integers(0, 3), max_size=1))
    return head + phrase * times + phrase[:part] + tail


def loop_by_definition(ids: list[int]) -> Loop | None:
    """The shortest phrase of 2 or more tokens that fills the end of the text 3 or more times, taken word by word."""
    for period in range(2, len(ids) + 1):
        start = len(ids)
        while start > 0 and (start + period > len(ids) or ids[start - 1] == ids[start - 1 + period]):
            start -= 1
        if start + period > len(ids):
            continue
        phrase, rest = ids[start : start + period], ids[start:]
        repeats = 0
        while rest[:period] == phrase:
            repeats, rest = repeats + 1, rest[period:]
        if repeats >= 3 and rest == phrase[: len(rest)]:
            return Loop(period, repeats, start)
    return None


@pytest.mark.parametrize(
    ("ids", "n", "expected"),
    [
        ([1, 2, 1, 2, 1], 2, 1 - 2 / 4),  # 12 21 12 21
        ([1, 2, 3, 4], 2, 0.0),
        ([5, 5, 5, 5], 1, 3 / 4),
        ([5, 5, 5, 5, 5, 5], 4, 1 - 1 / 3),
        ([1, 2, 3, 4], 4, 0.0),
        ([1, 2, 3], 4, None),
        ([], 1, None),
    ],
)
def test_rep_n(ids: list[int], n: int, expected: float | None) -> None:
    assert rep_n(ids, n) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([9, 1, 2, 1, 2, 1, 2], Loop(tokens=2, repeats=3, start=1)),
        ([1, 2, 1, 2], None),  # twice is not yet a loop
        ([9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1], Loop(tokens=3, repeats=3, start=1)),  # the last one cut short
        ([7, 7, 7, 7, 7], None),  # a phrase has two tokens: five do not make three of it
        ([7, 7, 7, 7, 7, 7], Loop(tokens=2, repeats=3, start=0)),
        ([1, 2, 1, 2, 1, 2, 1, 2, 9], None),  # it stopped before the end
        ([1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2], Loop(tokens=2, repeats=6, start=0)),  # not 4 tokens, 3 times
        ([3, 1, 2, 3, 1, 2, 3, 1, 2, 3], Loop(tokens=3, repeats=3, start=0)),
        ([], None),
        ([1], None),
    ],
)
def test_loop(ids: list[int], expected: Loop | None) -> None:
    assert find_loop(ids) == expected


@given(few_tokens | looping())
def test_loop_is_as_defined(ids: list[int]) -> None:
    assert find_loop(ids) == loop_by_definition(ids)


@given(st.lists(few_tokens | looping(), max_size=6))
def test_loops_of_many_texts_are_those_of_each_and_unknown_of_texts_too_short_to_loop(texts: list[list[int]]) -> None:
    found = ends_in_loop(Ragged.of(texts, np.int64)).tolist()
    expected = [float(find_loop(ids) is not None) if len(ids) >= 6 else float("nan") for ids in texts]
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([1, 2, 3, 4, 9, 1, 2, 3, 4], [(5, 9)]),
        ([1, 2, 3, 4, 5, 9, 1, 2, 3, 4, 5], [(6, 11)]),  # two 4-grams, one passage
        ([1, 1, 1, 1, 1], [(1, 5)]),  # it may overlap what it repeats
        ([1, 2, 3, 4], []),
        ([], []),
    ],
)
def test_repeated_passages(ids: list[int], expected: list[tuple[int, int]]) -> None:
    assert repeated_passages(ids) == expected


@given(few_tokens | looping())
def test_passages_cover_just_the_ngrams_that_rep_4_counts(ids: list[int]) -> None:
    grams = [tuple(ids[i : i + 4]) for i in range(len(ids) - 3)]
    again = [i for i, gram in enumerate(grams) if gram in grams[:i]]
    covered = sorted({place for i in again for place in range(i, i + 4)})
    ranges = repeated_passages(ids)
    assert [place for start, end in ranges for place in range(start, end)] == covered
    assert all(a_end < b_start for (_, a_end), (b_start, _) in itertools.pairwise(ranges))
    if grams:
        assert rep_n(ids, 4) == pytest.approx(len(again) / len(grams))
