"""Reference text: how it is cut, what is measured of it, and what is said where it can't be."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fakes import FakeModel
from thermoscope.errors import InputError
from thermoscope.metrics.likelihood import perplexities
from thermoscope.metrics.scoring import score
from thermoscope.statistics.reference import Reference, choose, tokenizer_id
from thermoscope.statistics.reference_text import after_lead, reference_of, source_of, text_id, windows


def passages(count: int, words: int = 200) -> str:
    rng = np.random.default_rng(0)
    made = [" ".join("".join(rng.choice(list("abcde"), 3)) for _ in range(words)) for _ in range(count)]
    return "# Source: made up\n# by a test\n\n" + "\n\n* * *\n\n".join(made)


def test_windows_are_whole_and_neighbours_are_of_different_passages() -> None:
    text = "# Source: a\n" + "\n***\n".join(" ".join([letter] * 450) for letter in "xyz") + "\n* * *\nshort"
    found = windows(text)
    assert [set(window.split()) for window in found] == [{"x"}, {"y"}, {"z"}] * 2
    assert {len(window.split()) for window in found} == {200}
    assert source_of(text) == "a" and source_of("no header") == "text by people"
    assert windows("") == windows("# only a header") == []
    assert text_id(text) != text_id(text + ".")


def test_it_is_scored_under_the_model_at_hand() -> None:
    model, text = FakeModel(), passages(24)
    record = reference_of(model, text, 100)
    assert isinstance(record, dict)
    (window,) = record["windows"]
    assert (window["tokens"], window["windows"], window["groups"], record["source"]) == (100, 24, 3, "made up")
    leads, texts = zip(*map(after_lead, windows(text)), strict=True)
    assert {len(lead.split()) for lead in leads} == {12} and {len(rest.split()) for rest in texts} == {188}
    assert [a + b for a, b in zip(leads, texts, strict=True)] == windows(text)
    scored = score(model, leads, texts)
    logs = np.log(perplexities(scored.logprobs.cut(100)))
    assert window["mean"]["perplexity"] == pytest.approx(logs.mean(), abs=1e-5)
    assert window["sd"]["perplexity"] == pytest.approx(logs.std(ddof=1), abs=1e-5)
    chosen = choose(record, 100, tokenizer_id(model), model.revision)
    assert isinstance(chosen, Reference) and "perplexity" in chosen.mean and chosen.note == ""


def test_texts_longer_than_its_windows_are_not_compared() -> None:
    why = reference_of(FakeModel(), passages(24), 5000)
    assert why == (
        "of the reference's 24 windows of 200 words 0 have the 5000 tokens of the texts, and measures depend on length"
    )


@pytest.mark.parametrize("count", [0, 1, 15])
def test_too_little_text(count: int) -> None:
    with pytest.raises(InputError, match=f"at least 16 windows of 200 words; got {count}"):
        reference_of(FakeModel(), passages(count), 100)
