"""Ragged rows: against plain Python, on any rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.metrics.ngrams import Ngrams
from thermoscope.metrics.ragged import Ragged, mix, row_sums

ROWS = st.lists(st.lists(st.integers(0, 5), max_size=40), max_size=12)


def ragged(rows: list[list[int]]) -> Ragged:
    return Ragged.of(rows, np.int64)


def listed(rows: Ragged) -> list[list[int]]:
    return [rows.row(i).tolist() for i in range(len(rows))]


def different(rows: Ragged, n: int, groups: list[int] | None = None) -> list[int]:
    """Different n-grams of each row, or of each group of them."""
    if groups is None:
        return Ngrams.of(mix(rows), np.ones(len(rows), dtype=np.int64)).different[n - 1].tolist()
    return Ngrams.of(mix(rows), np.array(groups)).different_in_groups[n - 1].tolist()


@given(ROWS, st.integers(1, 4))
def test_unique_ngrams_are_those_of_a_set(rows: list[list[int]], n: int) -> None:
    expected = [[tuple(row[i : i + n]) for i in range(len(row) - n + 1)] for row in rows]
    assert Ngrams.of(mix(ragged(rows)), np.array([len(rows)])).all[n - 1].tolist() == [len(row) for row in expected]
    assert different(ragged(rows), n) == [len(set(row)) for row in expected]
    together = {gram for row in expected for gram in row}
    assert different(ragged(rows), n, [len(rows), 0]) == [len(together), 0]


@given(ROWS, st.integers(0, 50))
def test_cut_take_and_joined(rows: list[list[int]], length: int) -> None:
    made = ragged(rows)
    assert listed(made.cut(length)) == [row[:length] for row in rows]
    order = np.arange(len(rows))[::-1]
    assert listed(made.take(order)) == rows[::-1]
    if rows:
        assert listed(made.joined(np.array([1, len(rows) - 1]))) == [
            rows[0],
            [value for row in rows[1:] for value in row],
        ]


@given(ROWS)
def test_row_sums(rows: list[list[int]]) -> None:
    assert row_sums(ragged(rows)).tolist() == [sum(row) for row in rows]


def test_rows_of_very_different_lengths_are_all_counted() -> None:
    rows = [[i] * n for i, n in enumerate([0, 1, 2, 3, 9, 10, 11, 200, 201, 5000, 300_000])]
    assert different(ragged(rows), 1) == [0] + [1] * 10


@pytest.mark.slow
def test_fingerprints_do_not_meet_on_a_million_different_ngrams() -> None:
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 50_000, 10**6)
    exact = {tuple(gram) for gram in np.lib.stride_tricks.sliding_window_view(ids, 3).tolist()}
    assert different(Ragged(ids, np.array([0, len(ids)])), 3) == [len(exact)]


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_order_of_tokens_matters(n: int) -> None:
    forth = [[1, 2, 3, 4][:n], [1, 2, 3, 4][:n][::-1]]
    assert different(ragged(forth), n, [2]) == [2]
