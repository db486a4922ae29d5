"""Evidence: the reference, the distance to it, and the Zipf slope's pseudo-values, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.fakes import FakeModel
from tests.handmade import sample
from thermoscope.errors import InputError
from thermoscope.metrics.diversity import counts_of, zipf
from thermoscope.metrics.texts import Texts
from thermoscope.statistics.evidence import Evidence
from thermoscope.statistics.reference import FORMAT, Reference, choose, distances, tokenizer_id

MEAN = {"perplexity": math.log(10), "rep_2": 0.1, "rep_3": 0.1, "rep_4": 0.1, "loop_rate": 0.0, "self_bleu": 0.1}
SD = dict.fromkeys(MEAN, 0.5)


def record(**changes: Any) -> dict[str, Any]:
    windows = [{"tokens": n, "mean": MEAN, "sd": SD} for n in (50, 100, 200)]
    return {"format": FORMAT, "tokenizer": "t", "revision": "r", "source": "s", "windows": windows} | changes


def test_the_window_of_the_nearest_length_is_taken() -> None:
    found = choose(record(), 120, "t", "r")
    assert isinstance(found, Reference)
    assert (found.tokens, found.note) == (100, "the reference's windows have 100 tokens, the texts 120")
    exact = choose(record(), 200, "t", "r")
    assert isinstance(exact, Reference) and exact.note == ""


@pytest.mark.parametrize(
    ("length", "window"),
    [(12, None), (39, None), (40, 50), (62, 50), (63, None), (79, None), (80, 100), (125, 100), (126, None),
     (160, 200), (250, 200), (251, None)],
)  # fmt: skip
def test_texts_are_compared_with_windows_of_about_their_length(length: int, window: int | None) -> None:
    found = choose(record(), length, "t", "r")
    if window is not None:
        assert isinstance(found, Reference)
        assert found.tokens == window
    else:
        assert found == (
            f"the reference's windows have 50, 100 and 200 tokens and the texts {length}: measures of texts that "
            "differ in length by more than a quarter are not compared"
        )


def test_another_models_perplexity_is_left_out_and_another_tokenizer_is_refused() -> None:
    found = choose(record(), 100, "t", "other")
    assert isinstance(found, Reference)
    assert "perplexity" not in found.mean and "perplexity is left out" in found.note
    assert choose(record(), 100, "other", "r") == "the reference was measured with another tokenizer"
    assert choose(None, 100, "t", "r") == "the use case has no reference"


@pytest.mark.parametrize(
    "bad", [{}, {"format": "x"}, {"format": FORMAT}, record(windows=[]), record(windows=[{"tokens": 0}])]
)
def test_what_is_no_reference(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="a reference must be"):
        choose(bad, 100, "t", "r")


def test_the_distance_by_hand() -> None:
    found = choose(record(), 100, "t", "r")
    assert isinstance(found, Reference)
    at_mean = {name: np.array([math.exp(v) if name == "perplexity" else v]) for name, v in MEAN.items()}
    assert distances(at_mean, found) == pytest.approx([0])
    off = at_mean | {"rep_4": np.array([0.6]), "perplexity": np.array([10 * math.exp(1.0)])}
    assert distances(off, found) == pytest.approx([math.sqrt((1**2 + 2**2) / 6)])
    assert np.isnan(distances(at_mean | {"self_bleu": np.array([np.nan])}, found)).all()


def test_tokenizers_are_told_apart() -> None:
    class Other(FakeModel):
        def encode(self, text: str) -> list[int]:
            return super().encode(text)[::2]

    assert tokenizer_id(FakeModel()) == tokenizer_id(FakeModel()) != tokenizer_id(Other())


def test_zipf_pseudovalues_are_a_jackknife() -> None:
    rng = np.random.default_rng(0)
    rows = {p: [f"w{i}" for i in rng.zipf(1.6, 300).clip(max=80)] for p in "abcd"}
    samples = [sample(words, prompt=p) for p, words in rows.items()]
    evidence = Evidence(Texts.from_samples(samples))

    def slope(leave: str = "") -> float:
        ids = np.array([token for s in samples if s.prompt != leave for token in s.token_ids])
        found = zipf(counts_of(ids))
        assert found is not None
        return found

    expected = [4 * slope() - 3 * slope(p) for p in rows]
    assert evidence.cubes["zipf"].values[:, 0, 0] == pytest.approx(expected)
    alone = Evidence(Texts.from_samples(samples[:1]))
    assert alone.cubes["zipf"].values[0, 0, 0] == pytest.approx(zipf(counts_of(np.array(samples[0].token_ids))))


def few(**how: Any) -> Evidence:
    """Three prompts with one text each, of 1, 2 and 20 tokens."""
    samples = [
        sample([f"w{i}" for i in range(n)], prompt=str(n), temperature=t) for n in (1, 2, 20) for t in (0.2, 0.9)
    ]
    return Evidence(Texts.from_samples(samples, length=20, **how))


def test_intervals_hold_possible_values_alone() -> None:
    rows = {row["measure"]: row for row in few().settings_table().to_pylist() if row["temperature"] == 0.2}
    assert rows["tokens"]["low"] == rows["tokens"]["band_low"] == 0 < rows["tokens"]["mean"] < rows["tokens"]["high"]


def test_a_score_of_zeros_and_ones_is_a_0_1_measure() -> None:
    def score(most: float) -> tuple[dict[str, Any], dict[str, Any]]:
        evidence = few(scorer=lambda text, answer: most if len(text) > 9 else 0)
        return tuple(  # type: ignore[return-value]
            next(row for row in table.to_pylist() if row["measure"] == "score")
            for table in (evidence.settings_table(), evidence.differences_table())
        )

    row, difference = score(1)
    assert row["mean"] == pytest.approx(1 / 3)
    assert 0 < row["low"] < row["high"] < 1
    assert -1 <= difference["low"] < 0 < difference["high"] <= 1  # equal, and not told to be equal
    points, same = score(10)
    assert points["low"] < 0  # what a scorer may give is known to its user alone
    assert same["low"] is None


def test_cubes_have_the_same_seed_in_the_same_place() -> None:
    samples = [sample([f"w{i}" for i in range(5 + s + 10 * (p == "b"))], prompt=p, seed=s, temperature=t)
               for t in (0.9, 0.2) for p in "ab" for s in range(3)]  # fmt: skip
    evidence = Evidence(Texts.from_samples(samples, length=99))
    tokens = evidence.cubes["tokens"].values
    assert tokens[:, :, 0].tolist() == tokens[:, :, 1].tolist() == [[5, 6, 7], [15, 16, 17]]
    assert [s.temperature for s in evidence.settings] == [0.9, 0.2]
    table = evidence.differences_table().to_pylist()
    row = next(r for r in table if r["measure"] == "tokens")
    assert (row["temperature_a"], row["temperature_b"], row["effect"], row["texts"]) == (0.9, 0.2, 0.0, 6)
