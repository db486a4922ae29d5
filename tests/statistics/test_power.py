"""What a plan can see: by hand, against simulated experiments, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from thermoscope.errors import InputError
from thermoscope.statistics.power import SHARE, Components, detectable, foresight


def test_by_hand() -> None:
    error = np.sqrt((0.1**2 + 2 * 0.3**2 / 8) / 12)
    reach = stats.t.ppf(0.975, 11) + stats.t.ppf(0.8, 11)
    assert detectable(12, 8, Components(0.1, 0.3)) == pytest.approx(reach * error)
    one = np.sqrt(2 * 0.3**2 / 8) * (stats.t.ppf(0.975, 7) + stats.t.ppf(0.8, 7))
    assert detectable(1, 8, Components(0.1, 0.3)) == pytest.approx(one)  # the seeds are the units
    assert detectable(1, 1) == float("inf")


def test_a_difference_of_that_size_is_told_in_four_experiments_of_five() -> None:
    rng = np.random.default_rng(0)
    prompts, seeds, experiments = 12, 4, 4000
    shift = np.array([0.0, detectable(prompts, seeds)])
    values = shift + rng.normal(size=(experiments, prompts, 2)) * SHARE.between / np.sqrt(2)
    values += rng.normal(size=(experiments, prompts, seeds, 2)).mean(axis=2) * SHARE.within
    told = stats.ttest_rel(values[:, :, 1], values[:, :, 0], axis=1).pvalue < 0.05
    assert 0.77 <= told.mean() <= 0.83


@given(st.integers(2, 500), st.integers(1, 50))
def test_more_of_either_sees_more_and_prompts_see_most(prompts: int, seeds: int) -> None:
    here = detectable(prompts, seeds)
    assert detectable(prompts + 1, seeds) < here
    assert detectable(prompts, seeds + 1) < here
    assert detectable(prompts * 2, seeds) < detectable(prompts, seeds * 2)


@pytest.mark.parametrize(("prompts", "seeds", "points"), [(143, 8, 5), (517, 1, 5), (303, 2, 5), (3227, 1, 2)])
def test_the_usual_figures_for_a_score(prompts: int, seeds: int, points: int) -> None:
    assert 100 * detectable(prompts, seeds) == pytest.approx(points, rel=0.02)


def test_what_is_said() -> None:
    first, second = foresight(12, 8)
    assert first.startswith("12 prompts x 8 seeds can tell two settings apart (80 % power, one comparison) if a 0/1 ")
    assert f"about {int(np.ceil(100 * detectable(12, 8)))} points" in first
    assert second.startswith("more prompts help more than more seeds: 96 prompts x 1 seed")
    assert len(foresight(96, 1)) == 1
    assert "about this prompt alone" in foresight(1, 8)[0]
    assert foresight(1, 1) == (
        "1 prompt x 1 seed: one text per setting can't tell any difference; add prompts or seeds",
    )


@pytest.mark.parametrize(("prompts", "seeds", "power"), [(0, 8, 0.8), (12, 0, 0.8), (12, 8, 1.0), (12, 8, 0.4)])
def test_numbers_that_make_no_plan(prompts: int, seeds: int, power: float) -> None:
    with pytest.raises(InputError, match="must be at least"):
        detectable(prompts, seeds, power=power)
