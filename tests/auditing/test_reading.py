"""What simulated draws say of the setting that made them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.auditing.made import draws_of, places
from thermoscope.auditing.draws import Draws
from thermoscope.auditing.reading import joint_maximum, read
from thermoscope.auditing.truncations import read_as_sent


@pytest.mark.parametrize(
    ("setting", "family", "value"),
    [({"top_k": 5}, "top_k", 5), ({"min_p": 0.1}, "min_p", 0.1), ({"top_p": 0.7}, "top_p", 0.7)],
)
def test_a_truncation_is_named_with_its_value(setting: dict[str, float], family: str, value: float) -> None:
    rng = np.random.default_rng(1)
    reading = read(draws_of(places(20, 200, rng), rng, 30, **setting))
    assert reading.called == family
    assert reading.best.value == pytest.approx(value, rel=0.1)
    assert reading.best.low <= 1.0 <= reading.best.high


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 1.5])
def test_a_plain_temperature_is_read_within_its_interval(temperature: float) -> None:
    rng = np.random.default_rng(2)
    logprobs = places(20, 200, rng)
    readings = [
        read(draws_of(logprobs, rng, 20, temperature=temperature), alpha=0.001, replicates=200) for _ in range(40)
    ]
    assert sum(reading.called != "none" for reading in readings) <= 1
    assert sum(r.best.low <= temperature <= r.best.high for r in readings) >= 34  # 95 %, less 2 for chance
    assert np.mean([r.temperature_evidence(temperature) > 10.83 for r in readings]) <= 0.05


def test_greedy_draws_are_called_greedy() -> None:
    reading = read(Draws.of([[-0.5, -1.0, -3.0]] * 5, [[0] * 20] * 5))
    assert reading.greedy
    assert reading.called == "none"


def test_one_factor_for_several_temperatures() -> None:
    rng = np.random.default_rng(3)
    logprobs = places(20, 200, rng)
    sent = [0.7, 1.0, 1.5]
    readings = [read(draws_of(logprobs, rng, 30, temperature=0.6 * t), replicates=100) for t in sent]
    factor, lost = joint_maximum(readings, sent)
    assert factor == pytest.approx(0.6, rel=0.1)
    assert lost < 10
    _, ignored = joint_maximum(readings, [1.0, 1.0, 1.0])
    assert ignored > 20


def test_a_hidden_top_k_before_top_p_is_found() -> None:
    """top_p 0.5 of what top_k 12 left is less than top_p 0.5 alone where the rest is heavy."""
    rng = np.random.default_rng(5)
    logprobs = places(20, 400, rng, 1.0)
    cut = logprobs[:, :12] - np.log(np.exp(logprobs[:, :12]).sum(axis=1, keepdims=True))
    drawn = draws_of(cut, rng, 15, listed=12, top_p=0.5)
    counts = np.zeros((20, 60))
    counts[:, :12] = drawn.counts
    reading = read(Draws(logprobs[:, :60], counts, drawn.beyond), replicates=200)
    found = read_as_sent(reading, "top_p", 0.5, 1.0)
    assert found.within == pytest.approx(12, abs=2)
    assert found.outside == 0
    assert found.fit.low <= 1.0 <= found.fit.high
    plain = read(draws_of(logprobs, rng, 15, listed=200, top_p=0.5), replicates=100)
    assert read_as_sent(plain, "top_p", 0.5, 1.0).within is None
