"""Shares of 0/1 values in clusters: against scipy, by hand, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from thermoscope.statistics.proportion import difference, effective_numbers, wilson


@pytest.mark.parametrize(("hits", "number"), [(0, 96), (1, 96), (40, 96), (96, 96), (3, 7)])
def test_wilsons_interval_is_scipys(hits: int, number: int) -> None:
    theirs = stats.binomtest(hits, number).proportion_ci(0.95, method="wilson")
    low, high = wilson(np.array([hits / number]), np.array([number]), stats.norm.ppf(0.975))
    assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_independent_values_count_in_full_and_equal_ones_as_one() -> None:
    share, texts = np.full(2, 0.5), np.full(2, 96)
    independent = np.sqrt(share * (1 - share) / 96)
    assert effective_numbers(share, independent, texts, most=texts) == pytest.approx([96, 96], rel=0.01)
    of_twelve = np.sqrt(share * (1 - share) / 12)  # all eight of a prompt are the same
    assert effective_numbers(share, of_twelve, texts, most=texts) == pytest.approx([12, 12], rel=0.01)


def test_a_setting_without_hits_takes_how_alike_prompts_are_from_the_others() -> None:
    share, texts = np.array([0.5, 0.0]), np.full(2, 96)
    alike = effective_numbers(share, np.array([np.sqrt(0.25 / 12), 0.0]), texts, most=texts)
    apart = effective_numbers(share, np.array([np.sqrt(0.25 / 96), 0.0]), texts, most=texts)
    assert alike[1] == pytest.approx(12)
    assert apart[1] == pytest.approx(96)
    assert effective_numbers(np.zeros(1), np.zeros(1), np.array([96]), most=96)[0] == 96


def test_shares_that_are_not_0_or_1_can_be_worth_more_values_than_there_are() -> None:
    share, texts, error = np.array([0.4, 0.2]), np.full(2, 96), np.sqrt(np.array([0.24, 0.16]) / 576)
    assert effective_numbers(share, error, texts, most=np.inf) == pytest.approx([576, 576], rel=0.02)
    assert effective_numbers(share, error, texts, most=texts).tolist() == [96, 96]
    same = effective_numbers(np.array([0.3]), np.zeros(1), np.array([3]), most=np.inf)
    assert same[0] == pytest.approx(6)  # three equal values are no proof of the next


def test_of_symmetric_intervals_the_difference_is_that_of_a_paired_t() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 12))
    b += a
    critical = stats.t.ppf(0.975, 11)
    sides = [(x.mean(), x.mean() - critical * stats.sem(x), x.mean() + critical * stats.sem(x)) for x in (a, b)]
    arrays = [tuple(np.array([value]) for value in side) for side in sides]
    low, high = difference(np.array([b.mean() - a.mean()]), *arrays, np.array([np.corrcoef(a, b)[0, 1]]))  # type: ignore[arg-type]
    theirs = stats.ttest_rel(b, a).confidence_interval()
    assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high))
