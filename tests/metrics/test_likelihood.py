"""Likelihood: by hand, and where there is nothing to know."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thermoscope.metrics.likelihood import drifts, mean_entropies, perplexities
from thermoscope.metrics.ragged import Ragged


def rows(*values: list[float]) -> Ragged:
    return Ragged.of(values, np.float64)


def test_perplexity_by_hand() -> None:
    found = perplexities(rows([math.log(1 / 2), math.log(1 / 8)], [], [0.0, 0.0], [-1.0]))
    assert found[[0, 2, 3]].tolist() == pytest.approx([4, 1, math.e])
    assert np.isnan(found[1])


def test_an_impossible_text_has_infinite_perplexity_and_spoils_no_other() -> None:
    assert perplexities(rows([-1.0, -math.inf], [-1e6], [0.0])).tolist() == [math.inf, math.inf, 1.0]


def test_mean_entropy() -> None:
    found = mean_entropies(rows([1.0, 2.0, 6.0], []))
    assert found[0] == 3.0
    assert np.isnan(found[1])


def test_drift_is_second_half_minus_first() -> None:
    found = drifts(rows([-1.0] * 10 + [-3.0] * 10, [-1.0] * 10 + [-50.0] + [-2.0] * 10, [-1.0] * 19, []))
    assert found[:2].tolist() == pytest.approx([2.0, 1.0])  # a token in the middle belongs to neither half
    assert np.isnan(found[2:]).all()
