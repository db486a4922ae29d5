"""The tables of a comparison refer to its settings by place, also where two settings do the same."""

from __future__ import annotations

from dataclasses import replace

from tests.handmade import comparison, sample
from thermoscope.comparison.compare import compared_texts
from thermoscope.comparison.comparison import Comparison
from thermoscope.comparison.evidence import tables
from thermoscope.settings.params import SamplingParams


def two_orders() -> Comparison:
    """Two settings that differ in their order of stages alone, with a text of their own each."""
    settings = tuple(SamplingParams(temperature=0.5, top_p=0.9, order=order) for order in ("transformers", "llama.cpp"))
    samples = [
        replace(sample(pieces, seed=seed, logprob=logprob), params=setting)
        for setting, pieces, logprob in zip(settings, (["one", " two"], ["six", " ten"]), (-1.0, -2.0), strict=True)
        for seed in (0, 1)
    ]
    base = comparison(*samples, seeds=(0, 1))
    texts = compared_texts(dict(enumerate(samples)), 2)
    return replace(base, settings=settings, texts=texts)


def test_rows_are_of_their_own_setting() -> None:
    made = tables(two_orders())
    means = {row["setting"]: row["mean"] for row in made.measured if row["measure"] == "perplexity"}
    assert {place: round(mean, 3) for place, mean in means.items()} == {0: 2.718, 1: 7.389}  # e and e^2
    pairs = [(row["setting_a"], row["setting_b"]) for row in made.differences if row["measure"] == "perplexity"]
    assert pairs == [(0, 1)]
    assert [(row["prompt"], row["setting"], row["texts"]) for row in made.groups] == [(0, 0, 2), (0, 1, 2)]


def test_settings_without_a_finished_text_have_no_rows() -> None:
    made = tables(comparison(sample(["a", " b"], temperature=0.9), temperatures=(0.2, 0.9)))
    assert {row["setting"] for row in made.measured} == {1}
    assert made.differences == ()


def test_no_finished_text_is_no_row() -> None:
    made = tables(comparison(temperatures=(0.2, 0.9)))
    assert made.measured == made.differences == made.groups == ()
