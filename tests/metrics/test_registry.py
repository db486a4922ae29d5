"""The registry: every measure is described, and taken from the right records of a sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.handmade import sample
from thermoscope.metrics.registry import MEASURES, TEXT_MEASURES
from thermoscope.metrics.table import measure_text
from thermoscope.metrics.texts import Texts

WORDS = ["a", "b", "a", "b", "a", "b"]
PIECES = [f" w{i}" for i in range(40)]


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_is_described(name: str) -> None:
    measure = MEASURES[name]
    assert measure.name == name
    assert measure.meaning and "\n" not in measure.meaning
    assert measure.source
    least, most = measure.bounds
    assert least < most
    assert (measure.bounds == (0, 1)) == (measure.scale in ("share", "indicator"))


@given(st.lists(st.lists(st.integers(0, 5), max_size=30), min_size=1, max_size=5), st.floats(0, 20))
def test_no_value_lies_outside_of_its_measures_range(rows: list[list[int]], surprise: float) -> None:
    samples = [sample([f" w{i}" for i in row], seed=n, logprob=-surprise) for n, row in enumerate(rows)]
    texts = Texts.from_samples(samples)
    for measure in MEASURES.values():
        values = measure.of(texts)
        known = values[~np.isnan(values)]
        assert ((known >= measure.bounds[0] - 1e-12) & (known <= measure.bounds[1] + 1e-12)).all(), measure.name


def test_every_measure_of_the_specification_is_there() -> None:
    asked = """perplexity entropy rep_2 rep_3 rep_4 diversity loop_rate distinct_1 distinct_2 distinct_3 self_bleu
    compression_ratio self_repetition semantic_dispersion coherence zipf agreement score"""
    assert set(asked.split()) <= {measure.summary_name for measure in MEASURES.values()}
    assert all(MEASURES[name].level == "text" for name in TEXT_MEASURES)


def test_values_by_hand() -> None:
    measures = measure_text(sample(WORDS, logprob=-math.log(3)))
    assert measures == {
        "rep_2": pytest.approx(3 / 5),  # ab ba ab ba ab
        "rep_3": pytest.approx(2 / 4),
        "rep_4": pytest.approx(1 / 3),
        "diversity": pytest.approx(2 / 5 * 2 / 4 * 2 / 3),
        "drift": None,  # six tokens have no halves to speak of
        "loop": 1.0,
        "perplexity": pytest.approx(3),
        "entropy": 2.0,
        "tempered_entropy": 1.0,
        "tokens": 6.0,
    }


def test_a_final_end_of_text_token_is_no_part_of_the_text() -> None:
    ended = measure_text(sample(WORDS, finish="end_of_text"))
    assert ended["loop"] == 1.0
    assert ended["tokens"] == 6.0


def test_tokens_of_a_stop_string_are_no_part_of_the_text() -> None:
    stopped = measure_text(sample([*WORDS, ".", "!"], finish="stop", cut=6))
    assert stopped["loop"] == 1.0
    assert stopped["tokens"] == 6.0
    assert measure_text(sample(["ab", "cd"], finish="stop", cut=3))["tokens"] == 2.0  # half of the second is there
    assert measure_text(sample([".", "!"], finish="stop", cut=0))["tokens"] == 0.0


def test_a_text_without_tokens() -> None:
    empty = measure_text(sample([]))
    assert (empty["rep_4"], empty["perplexity"], empty["entropy"]) == (None, None, None)
    assert (empty["loop"], empty["tokens"]) == (None, 0.0)


@pytest.mark.parametrize("name", [n for n, m in MEASURES.items() if m.level == "text" and m.needs in ("", "records")])
def test_a_text_below_the_fewest_tokens_is_unknown_and_none_above_is(name: str) -> None:
    least = MEASURES[name].minimum_tokens
    assert all(measure_text(sample(PIECES[:n]))[name] is None for n in range(least))
    assert measure_text(sample(PIECES[:least]))[name] is not None


@pytest.mark.parametrize("name", [n for n, m in MEASURES.items() if m.level == "group" and not m.needs])
def test_a_group_of_texts_below_the_fewest_tokens_is_unknown_and_none_above_is(name: str) -> None:
    def of(tokens: int, texts: int) -> float:
        samples = [sample(PIECES[:tokens], seed=seed) for seed in range(texts)]
        return float(MEASURES[name].of(Texts.from_samples(samples))[0])

    least, texts = MEASURES[name].minimum_tokens, MEASURES[name].minimum_texts
    assert all(math.isnan(of(n, texts)) for n in range(least))
    assert not math.isnan(of(least, texts))
    assert math.isnan(of(least + 9, texts - 1)) if texts > 1 else True
