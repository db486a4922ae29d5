"""What simulated draws say of the setting that made them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.auditing.made import draws_of, places
from thermoscope.auditing.draws import Draws
from thermoscope.auditing.reading import joint_maximum, read


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
