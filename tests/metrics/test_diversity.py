"""Diversity of groups: by hand, against plain Python, and invariances."""

from __future__ import annotations

import math
import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from thermoscope.metrics import diversity
from thermoscope.metrics.diversity import compression_ratio, counts_of, zipf
from thermoscope.metrics.ngrams import Ngrams
from thermoscope.metrics.ragged import Array, Ragged, mix

GROUPS = st.lists(st.lists(st.lists(st.integers(0, 4), max_size=25), min_size=1, max_size=6), min_size=1, max_size=5)


def counted(groups: list[list[list[int]]]) -> Ngrams:
    rows = Ragged.of([row for group in groups for row in group], np.int64)
    return Ngrams.of(mix(rows), np.array([len(group) for group in groups]))


def distinct(groups: list[list[list[int]]], n: int) -> Array:
    return diversity.distinct(counted(groups), n)


def self_repetition(groups: list[list[list[int]]]) -> Array:
    return diversity.self_repetition(counted(groups))


def grams(row: list[int], n: int) -> list[tuple[int, ...]]:
    return [tuple(row[i : i + n]) for i in range(len(row) - n + 1)]


def plain_self_repetition(group: list[list[int]]) -> float:
    """As the package ``diversity`` counts: different 4-grams of each text, in how many other texts each stands."""
    sets = [set(grams(row, 4)) for row in group]
    counts = Counter(gram for own in sets for gram in own)
    if sum(bool(own) for own in sets) < 2:
        return math.nan
    return sum(math.log(1 + sum(counts[gram] - 1 for gram in own)) for own in sets) / len(group)


@given(GROUPS, st.integers(1, 3))
def test_distinct_and_self_repetition_are_those_of_plain_python(groups: list[list[list[int]]], n: int) -> None:
    every = [[gram for row in group for gram in grams(row, n)] for group in groups]
    expected = [len(set(own)) / len(own) if own else math.nan for own in every]
    assert distinct(groups, n) == pytest.approx(expected, nan_ok=True)
    repeated = [plain_self_repetition(group) for group in groups]
    assert self_repetition(groups) == pytest.approx(repeated, nan_ok=True)


def test_a_group_that_is_counted_in_parts() -> None:
    """Of 600,000 tokens, half of them one phrase over and over."""
    rng = np.random.default_rng(0)
    rows = [(row if i % 2 else [1, 2, 3] * 200) for i, row in enumerate(rng.integers(0, 90, (1000, 600)).tolist())]
    every = [gram for row in rows for gram in grams(row, 2)]
    assert distinct([[[5]], rows], 2)[1] == pytest.approx(len(set(every)) / len(every))
    assert self_repetition([[[5]], rows])[1] == pytest.approx(plain_self_repetition(rows))


def test_self_repetition_by_hand() -> None:
    # 1234 and 2345 stand in both texts, 9999 in one: N is 2 for each of the two, 0 for the third
    assert self_repetition([[[1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 6, 6, 6], [9, 9, 9, 9]]])[0] == pytest.approx(
        2 * math.log(3) / 3
    )


def test_the_order_of_samples_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 6, (8, 30)).tolist()
    for of in (lambda groups: distinct(groups, 2), self_repetition):
        assert of([group])[0] == pytest.approx(of([group[::-1]])[0])


def test_a_duplicated_group_halves_distinct_and_repeats_itself() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 10**6, (4, 50)).tolist()
    assert distinct([group], 2)[0] == 1
    assert distinct([group + group], 2)[0] == pytest.approx(0.5)
    assert self_repetition([group])[0] == 0
    assert self_repetition([group + group])[0] == pytest.approx(math.log(1 + 47))


def test_texts_without_ngrams_are_unknown_not_zero() -> None:
    groups: list[list[list[int]]] = [[[]], [[1], []], [[1, 2, 3, 4]]]
    assert np.isnan(distinct(groups, 2)[:2]).all()
    assert np.isnan(self_repetition(groups)).all()  # one text has no others


def test_compression_ratio_is_zlibs() -> None:
    texts = [b"the cat sat on the mat and the cat sat", b"the dog sat on the mat and the dog sat"]
    assert compression_ratio(texts) == len(b" ".join(texts)) / len(zlib.compress(b" ".join(texts)))
    assert compression_ratio(texts * 20) > 4 * compression_ratio(texts)  # type: ignore[operator]
    assert compression_ratio([]) is None
    assert compression_ratio([b""]) is None


def test_zipf_is_the_slope_on_log_log_axes() -> None:
    exact = 1e6 / np.arange(1, 200) ** 1.3
    assert zipf(exact) == pytest.approx(1.3)
    counts = np.random.default_rng(0).zipf(2.0, 5000)
    counts = np.bincount(counts[counts < 500])
    ordered = np.sort(counts[counts > 0])[::-1]
    reference = stats.linregress(np.log(np.arange(1, len(ordered) + 1)), np.log(ordered)).slope
    assert zipf(counts) == pytest.approx(-reference)
    assert zipf(np.full(50, 3)) == 0  # all tokens as frequent
    assert zipf(np.array([5, 3, 1])) is None


def test_zipf_counts_the_first_five_thousand_ranks() -> None:
    top = 1e9 / np.arange(1, 5001)
    assert zipf(np.concatenate([top, np.ones(20_000)])) == pytest.approx(1.0)


def test_counts() -> None:
    assert sorted(counts_of(np.array([3, 3, 9, 3, 9, 1])).tolist()) == [1, 2, 3]
