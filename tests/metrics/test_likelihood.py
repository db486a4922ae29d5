"""Perplexity and entropy by hand arithmetic."""

from __future__ import annotations

import math

import pytest

from thermoscope.metrics.likelihood import mean_entropy, perplexity


def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities() -> None:
    assert perplexity([math.log(1 / 2), math.log(1 / 8)]) == pytest.approx(4)
    assert perplexity([0.0, 0.0]) == 1


def test_entropy_is_the_mean() -> None:
    assert mean_entropy([1.0, 2.0, 6.0]) == 3.0


def test_without_tokens_nothing_is_known() -> None:
    assert perplexity([]) is None
    assert mean_entropy([]) is None


def test_an_impossible_token_makes_the_perplexity_infinite() -> None:
    assert perplexity([-1.0, -math.inf]) == math.inf
    assert perplexity([-1e6]) == math.inf  # beyond what a float can hold
