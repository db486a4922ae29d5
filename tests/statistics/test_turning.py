"""TURN's turning point: by hand, with an interval, and none as an answer."""

from __future__ import annotations

import numpy as np
import pytest

from thermoscope.statistics.turning import turning_point

AT = np.round(np.arange(0.1, 1.6, 0.1), 6)


def prompts(log_entropy: np.ndarray, number: int = 12, noise: float = 0.0) -> np.ndarray:
    """Entropies of some prompts, each its own size of the same curve."""
    rng = np.random.default_rng(1)
    size = rng.uniform(0.8, 1.2, (number, 1))
    return np.exp(log_entropy + rng.normal(0, noise, (number, len(log_entropy)))) * size


def test_where_a_curve_bends_up_is_the_turning_point() -> None:
    bent = np.where(AT < 0.75, 2 * AT - AT**2, 2 * 0.75 - 0.75**2 + 3 * (AT - 0.75) ** 2 + 0.5 * (AT - 0.75))
    found = turning_point(AT, prompts(bent))
    assert found is not None
    assert found.temperature == pytest.approx(0.6) or found.temperature == pytest.approx(0.7)
    assert found.low == found.high == found.temperature and found.share == 1  # prompts differ in size alone


def test_a_concave_curve_has_none() -> None:
    found = turning_point(AT, prompts(np.log(AT)))
    assert found is not None and found.temperature is None and found.share == 0 and found.low is None


def test_noise_is_seen_in_the_interval() -> None:
    found = turning_point(AT, prompts(2 * AT, noise=0.3))
    assert found is not None and found.temperature is not None
    assert found.low is not None and found.high is not None and found.high - found.low >= 0.2


def test_what_is_unknown_is_left_out() -> None:
    values = prompts(np.log(AT))
    values[0, 3] = np.nan
    with_greedy = np.column_stack([np.zeros(12), values])
    assert turning_point([0.0, *AT], with_greedy) is not None
    assert turning_point(AT[:4], values[:, :4]) is None
    assert turning_point(AT, values[:3]) is None  # two whole prompts
    assert turning_point(AT, np.full((5, len(AT)), np.nan)) is None
    assert turning_point([], np.empty((0, 0))) is None
