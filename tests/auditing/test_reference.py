"""With the model's weights at hand: full distributions, and whether it is this model."""

from __future__ import annotations

import numpy as np
import pytest

from tests.auditing.made import draws_of, places
from tests.fakes import FakeModel
from thermoscope import load_model
from thermoscope.auditing.arms import Place
from thermoscope.auditing.draws import Draws
from thermoscope.auditing.likelihood import fit
from thermoscope.auditing.reading import read
from thermoscope.auditing.reference import LISTED, goodness, model_row, reference_places, weights_row


def test_draws_of_the_model_fit_it_as_often_as_they_should() -> None:
    rng = np.random.default_rng(0)
    logprobs = places(12, 120, rng)
    p = []
    for temperature in np.repeat([0.5, 1.0], 40):
        draws = draws_of(logprobs, rng, 12, listed=60, temperature=float(temperature))
        p.append(goodness(draws, fit(draws, "none"), simulated=400)[1])
    assert sum(one < 0.01 for one in p) <= 6  # of 80; 7 come with a probability of 0.0000114 at one in a hundred
    assert 0.35 < float(np.mean(p)) < 0.75


def test_draws_of_another_model_do_not() -> None:
    rng = np.random.default_rng(1)
    logprobs = places(20, 120, rng)
    other = draws_of(places(20, 120, rng), rng, 16, listed=60)
    shuffled = Draws(logprobs[:, :60], rng.permuted(other.counts, axis=1), other.beyond)
    row = model_row("m", read(shuffled, replicates=100), 320, 0.001)
    assert row.verdict == "changed"
    assert row.effective == "not this model or not this precision"
    own = draws_of(logprobs, rng, 16, listed=60, min_p=0.1)
    assert model_row("m", read(own, replicates=100), 320, 0.001).verdict == "honoured"


@pytest.mark.parametrize(("apart", "verdict"), [(0.0, "honoured"), (0.03, "honoured"), (0.2, "changed")])
def test_log_probabilities_of_other_weights_are_told(apart: float, verdict: str) -> None:
    own = Place("a", (b"x", b"y"), (-0.5, -1.5), 1.0)
    listed = {"a": Place("a", (b"y", b"z", b"x"), (-1.5 - apart, -3.0, -0.5 + apart), 1.0)}
    [row] = weights_row("m", listed, [own], 40)
    assert row.verdict == verdict
    assert f"{apart:.2g} nats from the reference's on average" in row.evidence
    assert row.requests == 40


def test_without_log_probabilities_of_a_server_no_weights_are_compared() -> None:
    assert weights_row("m", {}, [Place("a", (b"x",), (-0.5,), 1.0)], 40) == []


def test_a_small_shift_of_the_distribution_is_seen_with_enough_draws() -> None:
    rng = np.random.default_rng(2)
    logprobs = places(20, 120, rng)
    moved = logprobs + rng.normal(0, 0.5, logprobs.shape)
    order = np.argsort(-moved, axis=1)
    moved = np.take_along_axis(moved, order, axis=1)
    moved -= np.log(np.exp(moved).sum(axis=1, keepdims=True))
    drawn = draws_of(moved, rng, 400, listed=120)
    counts = np.zeros_like(drawn.counts)
    np.put_along_axis(counts, order, drawn.counts, axis=1)
    draws = Draws(logprobs, counts, drawn.beyond)
    assert goodness(draws, fit(draws, "none"), simulated=400)[1] < 0.01


def test_places_have_the_tokens_as_a_server_would_send_them() -> None:
    model = load_model()
    found = reference_places(model, ["Once upon a time", "The dragon"], 1, chat=False)
    assert len(found) == 1
    place = found[0]
    assert len(place.tokens) <= LISTED
    assert list(place.logprobs) == sorted(place.logprobs, reverse=True)
    logprobs = model.next_token_logits(place.prompt).double().log_softmax(-1)
    best = int(logprobs.argmax())
    assert place.tokens[0].decode() == model.decode([best])
    assert abs(place.logprobs[0] - float(logprobs[best])) < 1e-4
    assert reference_places(FakeModel(), ["a"], 1, chat=False)[0].information >= 0
