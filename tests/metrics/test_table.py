"""``thermoscope.measure``: a table per text or per group, cut to one length."""

from __future__ import annotations

import math

import numpy as np
import pytest

import thermoscope
from tests.handmade import sample
from thermoscope.errors import InputError
from thermoscope.metrics.embedding import coherences, dispersion, unit
from thermoscope.metrics.ragged import Array

WORDS = ["a", "b", "a", "b", "a", "b", "c", "d"]


def test_one_row_per_text_in_the_order_given() -> None:
    samples = [sample(WORDS, temperature=t, seed=s, prompt=p) for p in "xy" for t in (0.9, 0.2) for s in (1, 0)]
    table = thermoscope.measure(samples)
    assert table["prompt"].to_pylist() == [s.prompt for s in samples]
    assert table["temperature"].to_pylist() == [0.9, 0.9, 0.2, 0.2] * 2
    assert table["seed"].to_pylist() == [1, 0] * 4
    assert table["perplexity"].to_pylist() == pytest.approx([math.e] * 8)
    assert table["score"].to_pylist() == [None] * 8  # not measured is null, never zero
    groups = thermoscope.measure(samples, per="group")
    assert groups.num_rows == 4
    assert groups["texts"].to_pylist() == [2] * 4
    assert groups["self_bleu"].to_pylist() == pytest.approx([1.0] * 4)
    assert groups["loop_rate"].to_pylist() == [0.0] * 4


def test_all_are_cut_to_the_shortest_length_asked_for() -> None:
    samples = [sample(WORDS[:6]), sample(WORDS), sample(["z"], finish="end_of_text")]
    table = thermoscope.measure(samples)
    assert table["tokens"].to_pylist() == [6, 6, 1]  # a text that ended by itself sets no length
    assert table["loop"].to_pylist() == [1, 1, None]  # one token can't loop
    assert thermoscope.measure(samples, length=8)["tokens"].to_pylist() == [6, 8, 1]


def test_groups_do_not_depend_on_the_order_of_samples() -> None:
    rng = np.random.default_rng(0)
    samples = [
        sample([f"w{i}" for i in rng.integers(0, 9, 20)], temperature=t, seed=s) for t in (0.2, 0.9) for s in range(4)
    ]
    mixed = [samples[i] for i in (6, 1, 4, 3, 0, 7, 2, 5)]
    a, b = (thermoscope.measure(x, per="group").sort_by("temperature").to_pylist() for x in (samples, mixed))
    for left, right in zip(a, b, strict=True):
        for name in ("distinct_2", "self_bleu", "self_repetition", "rep_2"):
            assert left[name] == pytest.approx(right[name])


def test_compression_is_of_equal_lengths_and_numbers() -> None:
    full = [sample(WORDS, seed=s) for s in range(4)]
    short = [sample(WORDS[:3], seed=s, finish="end_of_text") for s in range(4)]
    other = [sample(WORDS, seed=s, temperature=0.2) for s in range(3)] + [
        sample(["x"], seed=3, temperature=0.2, finish="end_of_text")
    ]
    ratio = thermoscope.measure([*full, *other], per="group")["compression_ratio"].to_pylist()
    assert ratio[0] == ratio[1]  # three texts of each, though the first has four
    none = thermoscope.measure([*short[:3], full[3]], per="group")["compression_ratio"].to_pylist()
    assert none == [None]


class Directions:
    """An embedder that knows three directions."""

    name = "directions"

    def encode(self, texts: list[str]) -> Array:
        return np.array([[t.count("a"), t.count("b"), t.count("c")] for t in texts], dtype=np.float64)


def test_embedding_measures_by_hand() -> None:
    samples = [sample(list(text), seed=i, prompt="aa") for i, text in enumerate(["a", "b", "aabb", "zz"])]
    table = thermoscope.measure(samples, embedder=Directions(), length=9)
    assert table["coherence"].to_pylist() == [pytest.approx(1), 0, pytest.approx(0.5**0.5), None]
    groups = thermoscope.measure(samples, per="group", embedder=Directions(), length=9)
    expected = 1 - (0 + 0.5**0.5 + 0.5**0.5) / 3  # three pairs; the text without a direction is left out
    assert groups["semantic_dispersion"].to_pylist() == [pytest.approx(expected)]
    assert thermoscope.measure(samples)["coherence"].to_pylist() == [None] * 4


def test_dispersion_excludes_self_pairs() -> None:
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(7, 5)))
    pairs = [1 - vectors[i] @ vectors[j] for i in range(7) for j in range(7) if i != j]
    assert dispersion(vectors) == pytest.approx(np.mean(pairs))
    assert dispersion(np.repeat(vectors[:1], 4, axis=0)) == pytest.approx(0)
    assert dispersion(vectors[:1]) is None
    assert coherences(vectors, vectors) == pytest.approx(np.ones(7))


def test_scorer_and_agreement() -> None:
    samples = [sample([t], seed=i) for i, t in enumerate(["so 4", "So 4!", "so 5"])]
    how = {"answers": ["4"] * 3, "scorer": lambda text, answer: float(answer in text), "answer_pattern": r"\d"}
    assert thermoscope.measure(samples, **how)["score"].to_pylist() == [1, 1, 0]
    assert thermoscope.measure(samples, per="group", **how)["agreement"].to_pylist() == [pytest.approx(1 / 3)]


@pytest.mark.parametrize(
    ("samples", "how", "says"),
    [
        (["text"], {}, "samples must be what generate returns; got str"),
        ([sample(["a"])], {"per": "prompt"}, "per must be"),
        ([sample(["a"])], {"answers": []}, "answers must be one per sample; got 0 for 1"),
        ([sample(["a"])], {"answer_pattern": "("}, "regular expression"),
    ],
)
def test_bad_input(samples: list[object], how: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        thermoscope.measure(samples, **how)  # type: ignore[arg-type]


def test_no_samples_are_refused() -> None:
    with pytest.raises(InputError, match="must not be empty"):
        thermoscope.measure([])


@pytest.mark.parametrize("length", [-1, 0, "5", 2.5])
def test_a_length_that_is_no_count_is_refused(length: object) -> None:
    with pytest.raises(InputError, match="length must be a whole number"):
        thermoscope.measure([sample(["a"])], length=length)  # type: ignore[arg-type]


def test_answers_are_looked_for_in_the_cut_texts() -> None:
    samples = [sample(["a", "b", "x"], seed=0), sample(["a", "b", "y"], seed=1)]
    found = [
        thermoscope.measure(samples, per="group", length=n, answer_pattern="[abxy]")["agreement"].to_pylist()
        for n in (2, 3)
    ]
    assert found == [[1.0], [0.0]]


def test_a_text_without_tokens() -> None:
    one = thermoscope.measure([sample([])], per="group")
    assert [one[name].to_pylist() for name in ("self_bleu", "rep_4", "tokens")] == [[None], [None], [0.0]]
