"""Thresholds from simulation: the same ones that real fits of simulated draws show."""

from __future__ import annotations

import numpy as np
import pytest

from tests.auditing.made import draws_of, places
from thermoscope.auditing.calibration import simulate
from thermoscope.auditing.draws import Draws
from thermoscope.auditing.likelihood import FAMILIES, fit


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_it_simulates_what_the_fits_give(temperature: float) -> None:
    """The statistic of whole fits of independent draws has the simulated distribution (two-sample KS test)."""
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(5)
    logprobs = places(12, 60, rng)[:, :15]
    logprobs -= np.log(np.exp(logprobs).sum(axis=1, keepdims=True))  # nothing beyond the list
    found, moved = [], []
    for _ in range(150):
        draws = draws_of(logprobs, rng, 12, temperature=temperature, listed=15)
        fits = [fit(draws, family) for family in FAMILIES]
        found.append(2 * (max(f.log_likelihood for f in fits) - fits[0].log_likelihood))
    null = simulate(draws, temperature, replicates=600)
    moved = null.temperature
    assert ks_2samp(found, null.truncation).pvalue > 0.01
    assert np.mean(moved > 3.84) == pytest.approx(0.05, abs=0.03)  # Wilks: chi-squared with one degree of freedom


def test_the_threshold_is_exceeded_as_rarely_as_it_says() -> None:
    rng = np.random.default_rng(6)
    draws = draws_of(places(20, 200, rng), rng, 20)
    null, other = simulate(draws, 1.0, seed=1), simulate(draws, 1.0, seed=2, replicates=4000)
    assert np.mean(other.truncation > null.truncation_threshold(0.01)) == pytest.approx(0.01, abs=0.008)
    assert np.mean(other.truncation > null.truncation_threshold(0.001)) <= 0.004
    assert null.truncation_threshold(0.001) > null.truncation_threshold(0.01)


def test_the_same_seed_gives_the_same_threshold() -> None:
    rng = np.random.default_rng(7)
    draws = draws_of(places(3, 50, rng), rng, 5)
    assert simulate(draws, 1.0).truncation_threshold() == simulate(draws, 1.0).truncation_threshold()


def test_no_draws_at_all() -> None:
    null = simulate(Draws.of([[-0.5, -1.0]], [[]]), 1.0)
    assert null.truncation_threshold(0.01) == 0
