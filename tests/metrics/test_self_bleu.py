"""Self-BLEU is sacrebleu's sentence BLEU of each sample against the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu import BLEU

from thermoscope.metrics import self_bleu as module
from thermoscope.metrics.ragged import Array, Ragged, mix
from thermoscope.metrics.self_bleu import MOST_SAMPLES

SACREBLEU = BLEU(tokenize="none", effective_order=True)


def sentence_bleus(rows: list[list[int]]) -> Array:
    return module.sentence_bleus(mix(Ragged.of(rows, np.int64)), np.array([len(rows)]))


def self_bleu(*groups: list[list[int]]) -> list[float]:
    rows = mix(Ragged.of([row for rows in groups for row in rows], np.int64))
    return module.self_bleu(rows, np.array([len(rows) for rows in groups], dtype=np.int64)).tolist()


def theirs(rows: list[list[int]]) -> list[float]:
    texts = [" ".join(f"t{token}" for token in row) for row in rows]
    return [SACREBLEU.sentence_score(text, texts[:i] + texts[i + 1 :]).score / 100 for i, text in enumerate(texts)]


@given(st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=20), min_size=2, max_size=7))
def test_as_sacrebleu(rows: list[list[int]]) -> None:
    assert sentence_bleus(rows) == pytest.approx(theirs(rows), abs=1e-9)


def test_as_sacrebleu_on_long_samples() -> None:
    rng = np.random.default_rng(3)
    rows = [rng.zipf(1.5, rng.integers(50, 200)).clip(max=500).tolist() for _ in range(8)]
    assert sentence_bleus(rows) == pytest.approx(theirs(rows), abs=1e-9)


def test_extremes() -> None:
    assert self_bleu([[1, 2, 3, 4, 5]] * 3) == pytest.approx([1])
    assert self_bleu([[1, 2, 3, 4], [5, 6, 7, 8]]) == [0]
    assert np.isnan(self_bleu([[1, 2, 3, 4]])).all()  # one text has no others
    assert self_bleu() == []


def test_texts_without_a_4_gram_say_nothing_of_how_alike_samples_are() -> None:
    assert np.isnan(self_bleu([[], []], [[], [1]], [[1, 2, 3]] * 3, [[1, 2, 3, 4], [1, 2, 3], []])).all()
    rows = [[1, 2, 3, 4, 5], [1, 2, 3, 4, 6], [1, 2], []]
    assert self_bleu(rows) == pytest.approx([sum(theirs(rows)[:2]) / 2])  # they are references all the same


@given(st.lists(st.lists(st.lists(st.integers(0, 4), max_size=12), min_size=1, max_size=5), max_size=5))
def test_groups_do_not_see_each_other(groups: list[list[list[int]]]) -> None:
    alone = [self_bleu(group)[0] for group in groups]
    assert self_bleu(*groups) == pytest.approx(alone, nan_ok=True)


def test_the_order_of_samples_does_not_matter() -> None:
    rows = np.random.default_rng(0).integers(0, 9, (8, 40)).tolist()
    assert self_bleu(rows) == pytest.approx(self_bleu(rows[::-1]))


def test_of_a_large_group_evenly_spaced_samples_are_taken() -> None:
    rows = np.random.default_rng(0).integers(0, 9, (3 * MOST_SAMPLES, 12)).tolist()
    assert self_bleu(rows) == self_bleu(rows[::3])
    assert self_bleu(rows, rows[:2]) == pytest.approx([*self_bleu(rows), *self_bleu(rows[:2])])
