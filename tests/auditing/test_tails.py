"""What unlisted tokens weigh at another temperature, against distributions that are known in full."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thermoscope.auditing.draws import Draws
from thermoscope.auditing.tails import unlisted


def power_law(exponent: float, tokens: int = 4000) -> Any:
    """Log-probabilities of tokens that fall with their rank."""
    logits = -exponent * np.log(np.arange(1, tokens + 1))
    return logits - np.log(np.exp(logits).sum())


def listed(logprobs: Any, number: int = 20) -> Draws:
    return Draws(logprobs[None, :number], np.ones((1, number)), np.zeros(1))


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.4, 3.0])
def test_a_power_law_is_known_at_every_temperature(exponent: float) -> None:
    own, temperatures = power_law(exponent), np.array([0.5, 0.7, 1.0, 1.5, 2.0])
    found = unlisted(listed(own), temperatures)[:, 0]
    right = [np.exp((own[20:] - own[0]) / t).sum() for t in temperatures]
    assert found == pytest.approx(right, rel=0.12)
    assert found[2] == pytest.approx(right[2], rel=1e-6)  # its mass at T=1 is what the list lacks


def test_a_list_that_lacks_nothing() -> None:
    own = power_law(1.0, 20)
    assert unlisted(listed(own), np.array([0.5, 2.0])) == pytest.approx(np.zeros((2, 1)), abs=1e-9)


def test_more_mass_than_any_power_law_has_is_of_equal_tokens() -> None:
    """A million tokens as probable as the last listed one."""
    own = np.log(np.full(20, 1e-6))
    found = unlisted(listed(own), np.array([0.5, 1.0, 2.0]))[:, 0]
    assert found == pytest.approx(1e6, rel=1e-3)


def test_places_with_lists_of_different_lengths() -> None:
    both = np.full((2, 20), -np.inf)
    both[0], both[1, :5] = power_law(1.0)[:20], power_law(1.0)[:5]
    found = unlisted(Draws(both, np.zeros((2, 20)), np.zeros(2)), np.array([1.0]))[0]
    weights = np.exp(power_law(1.0) - power_law(1.0)[0])
    assert found == pytest.approx([weights[20:].sum(), weights[5:].sum()], rel=1e-6)
