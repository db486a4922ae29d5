"""Whether a model could be the author: what a setting keeps, what stands before a place, and texts of both kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thermoscope import load_model
from thermoscope.auditing.authorship import author_p, kept_number
from thermoscope.auditing.averaged import averaged
from thermoscope.auditing.likelihood import Family, Fit
from thermoscope.auditing.text_places import TextPlaces

DEPTH = np.log(np.array([0.5, 0.3, 0.15, 0.05])) - np.log(0.5)


def setting(family: Family, value: float | None, temperature: float = 1.0) -> Fit:
    return Fit(family, value, temperature, temperature, temperature, 0.0, 4.0)


@pytest.mark.parametrize(
    ("family", "value", "kept"),
    [("none", None, 4), ("top_k", 2, 2), ("min_p", 0.3, 3), ("min_p", 0.5, 2), ("top_p", 0.7, 2), ("top_p", 0.9, 3)],
)
def test_what_a_setting_keeps(family: Family, value: float | None, kept: int) -> None:
    assert kept_number(DEPTH, setting(family, value), last=False) == kept


def test_the_order_of_stages_matters_to_what_is_kept() -> None:
    hot = setting("min_p", 0.3, 3.0)
    assert kept_number(DEPTH, hot, last=False) == 4  # (0.05 / 0.5) ** (1 / 3) is 0.46
    assert kept_number(DEPTH, hot, last=True) == 3


def test_what_stands_before_a_place() -> None:
    text = TextPlaces(np.zeros((4, 3)), np.zeros(4, dtype=np.int64), np.zeros((4, 3)), np.array([0, 1, 0, 2, 0]))
    seen, followed = text.before(0)
    assert (list(seen), list(followed)) == ([0], [])
    seen, followed = text.before(3)
    assert (list(seen), list(followed)) == ([0, 1, 2], [])
    seen, followed = text.before(2)
    assert (list(seen), list(followed)) == ([0, 1], [1])


def made(rng: np.random.Generator, places: int, again: float) -> TextPlaces:
    """Tokens of the same 40 probabilities at every place; with probability ``again`` one that came before instead."""
    logprobs = np.sort(np.log(rng.dirichlet(np.full(40, 0.3), places) + 1e-9), axis=1)[:, ::-1]
    names = np.array([rng.permutation(40) for _ in range(places)])
    history: list[int] = [0]
    ranks: list[int] = []
    for row, name in zip(logprobs, names, strict=True):
        p = np.exp(row) / np.exp(row).sum()
        rank = int(rng.choice(40, p=p))
        if rng.random() < again:
            rank = int(np.flatnonzero(name == rng.choice(history))[0])
        ranks.append(rank)
        history.append(int(name[rank]))
    known: Any = np.array([row[np.argsort(name)] for row, name in zip(logprobs, names, strict=True)])
    return TextPlaces(logprobs, np.array(ranks), known, np.array(history))


def p_of(text: TextPlaces) -> float:
    best = averaged([text], last=False).peaks["none"].temperature
    return author_p([text], setting("none", None, best), last=False)


@pytest.mark.slow
def test_a_text_with_a_memory_is_not_the_models() -> None:
    rng = np.random.default_rng(0)
    assert min(p_of(made(rng, 120, 0.0)) for _ in range(12)) > 0.001
    assert max(p_of(made(rng, 120, 0.5)) for _ in range(4)) < 0.008


def test_the_model_reads_its_own_places() -> None:
    model = load_model()
    text = TextPlaces.of(model, " there was a little girl who had a little dog.", "Once upon a time")
    assert text.known.shape == (len(text.ranks), len(set(text.history.tolist())))
    drawn = text.history[-len(text.ranks) :]
    places = np.arange(len(text.ranks))
    assert np.allclose(text.known[places, drawn], text.logprobs[places, text.ranks], atol=1e-6)
