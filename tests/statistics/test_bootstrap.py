"""Intervals: by hand, at the edges, and by a small simulation (the large one is benchmarks/coverage.py)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from thermoscope.statistics.bootstrap import Scale, intervals, paired

NAN = float("nan")


def normal(seed: int = 0, shape: tuple[int, int, int] = (12, 8, 5)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(shape[0], 1, 1)) + rng.normal(size=shape)


def test_means_are_of_prompts_not_of_texts() -> None:
    values = np.array([[1.0, 3.0], [10.0, NAN]])[:, :, None]
    found = intervals(values)
    assert found.mean[0] == (2 + 10) / 2
    assert (found.units[0], found.texts[0]) == (2, 3)


def test_an_interval_is_never_narrower_than_students_t() -> None:
    values = normal()
    found = intervals(values)
    means = values.mean(axis=1)
    half = stats.t.ppf(0.975, 11) * means.std(axis=0, ddof=1) / np.sqrt(12)
    assert (found.high - found.mean >= half - 1e-12).all()
    assert (found.high - found.mean <= 1.6 * half).all()
    assert found.high - found.mean == pytest.approx(found.mean - found.low)
    assert (found.band_low < found.low).all() and (found.band_high > found.high).all()


def test_seeds_within_a_prompt_do_not_count_as_prompts() -> None:
    one = normal(shape=(12, 1, 3))
    eight = np.repeat(one, 8, axis=1)  # the same text eight times says nothing more
    assert intervals(eight).low == pytest.approx(intervals(one).low)


def test_with_one_prompt_seeds_are_the_units() -> None:
    found = intervals(normal(shape=(1, 8, 2)))
    assert found.units.tolist() == [8, 8]
    assert not np.isnan(found.low).any()


@pytest.mark.parametrize("values", [[[NAN]], [[1.0]], [[1.0], [NAN]], [[2.0], [2.0], [2.0]]])
def test_what_cannot_be_known_is_unknown_never_zero(values: list[list[float]]) -> None:
    found = intervals(np.array(values)[:, :, None])
    assert np.isnan([found.low[0], found.high[0], found.band_low[0], found.band_high[0]]).all()


def test_a_setting_without_values_leaves_the_others_alone() -> None:
    values = normal()
    alone = intervals(values[:, :, :4])
    values[:, :, 4] = NAN
    found = intervals(values)
    assert np.isnan(found.mean[4]) and found.units[4] == 0
    assert found.low[:4] == pytest.approx(alone.low)
    assert found.band_low[:4] == pytest.approx(alone.band_low)


def test_none_of_many_is_not_never() -> None:
    none = intervals(np.zeros((12, 8, 1)), "indicator")
    assert none.mean[0] == 0
    assert none.low[0] == 0
    assert none.high[0] == pytest.approx(stats.t.ppf(0.975, 11) ** 2 / (96 + stats.t.ppf(0.975, 11) ** 2))
    all_ = intervals(np.ones((12, 8, 1)), "indicator")
    assert all_.high[0] == 1
    assert all_.low[0] == pytest.approx(1 - none.high[0])


def test_shares_stay_between_zero_and_one() -> None:
    rng = np.random.default_rng(0)
    found = intervals(rng.beta(0.2, 4, size=(12, 8, 6)), "share")
    assert (found.band_low > 0).all() and (found.band_high < 1).all()


def test_intervals_and_bands_end_where_possible_values_do() -> None:
    values = np.array([[1.0, 20.0], [3.0, 7.0]])[:, None, :]
    free, cut = intervals(values), intervals(values, bounds=(0.0, 20.0))
    assert free.low[0] < 0 and free.high[1] > 20
    assert (cut.low[0], cut.band_low[0], cut.high[1], cut.band_high[1]) == (0, 0, 20, 20)
    assert (cut.high[0], cut.low[1]) == (free.high[0], max(free.low[1], 0))
    assert cut.mean.tolist() == free.mean.tolist()
    ratio = intervals(np.exp(values / 50), "log", (1.0, np.inf))
    assert ratio.low[0] == ratio.band_low[0] == 1
    assert intervals(np.array([[[-1.0]], [[-3.0]]]), bounds=(0.0, np.inf)).low[0] == -2  # a mean is in its interval


def test_differences_end_where_possible_ones_do() -> None:
    values = np.array([[0.1, 0.9], [0.2, 0.3]])[:, None, :]
    pairs = np.array([[0, 1], [1, 0]])
    free, cut = paired(values, pairs), paired(values, pairs, bounds=(0.0, 1.0))
    assert (free.low < -1).any() and (free.high > 1).any()
    assert (cut.low >= -1).all() and (cut.band_low >= -1).all()
    assert (cut.high <= 1).all() and (cut.band_high <= 1).all()
    assert cut.mean.tolist() == free.mean.tolist()
    ratio = paired(np.exp(values), pairs, "log", (1.0, np.e))
    assert ratio.low.min() == pytest.approx(1 / np.e) and ratio.high.max() == pytest.approx(np.e)
    open_ended = paired(np.exp(values), pairs, "log", (1.0, np.inf))
    assert open_ended.high.max() > np.e and open_ended.low.min() > 0


def test_what_is_cut_off_uncovers_nothing() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        values = rng.gamma(0.3, 2.0, (3, 2, 1))
        free, cut = intervals(values), intervals(values, bounds=(0.0, np.inf))
        assert (cut.low[0] <= 0.6 <= cut.high[0]) == (free.low[0] <= 0.6 <= free.high[0])


def test_a_log_scale_has_geometric_means_and_ratios() -> None:
    values = np.exp(normal())
    found = intervals(values, "log")
    assert found.mean == pytest.approx(np.exp(np.log(values).mean(axis=(0, 1))))
    ratio = paired(values, np.array([[0, 1]]), "log")
    assert ratio.mean[0] == pytest.approx(found.mean[1] / found.mean[0])
    back = paired(values, np.array([[1, 0]]), "log")
    assert (back.low[0], back.high[0]) == pytest.approx((1 / ratio.high[0], 1 / ratio.low[0]))


def test_infinite_values_are_unknown() -> None:
    values = np.exp(normal())
    values[0, 0, 0] = np.inf
    values[1, 0, 0] = 0.0
    assert intervals(values, "log").texts.tolist() == [94, 96, 96, 96, 96]


def test_paired_differences_are_of_the_same_prompt_and_seed() -> None:
    values = np.zeros((3, 2, 2))
    values[:, :, 0] = [[1, 100], [2, 200], [3, 300]]
    values[:, :, 1] = values[:, :, 0] + [[1], [2], [3]]
    found = paired(values, np.array([[0, 1]]))
    assert found.mean[0] == 2
    half = stats.t.ppf(0.975, 2) * 1 / np.sqrt(3)
    assert found.high[0] - 2 >= half - 1e-12  # the spread between prompts of hundreds is no part of it
    values[0, 0, 0] = NAN
    assert paired(values, np.array([[0, 1]])).texts[0] == 5


def test_a_difference_by_itself_has_students_interval() -> None:
    values = normal()
    found = paired(values, np.array([[0, 1], [2, 4]]))
    for i, (a, b) in enumerate([(0, 1), (2, 4)]):
        theirs = stats.ttest_rel(values[:, :, b].mean(axis=1), values[:, :, a].mean(axis=1)).confidence_interval()
        assert (found.low[i], found.high[i]) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("prompts", [2, 3, 4, 5, 9])
def test_with_few_prompts_bands_are_bonferronis(prompts: int) -> None:
    found = paired(normal(shape=(prompts, 8, 5)), np.array([[0, 1], [1, 2], [2, 3], [3, 4]]))
    half = (found.band_high - found.band_low) / (found.high - found.low)
    student, bonferroni = (stats.t.ppf(1 - 0.025 / n, prompts - 1) for n in (1, 4))
    assert half == pytest.approx(bonferroni / student)
    assert found.band_method == intervals(normal(shape=(prompts, 8, 5))).band_method == "Bonferroni"


def test_a_band_names_its_method() -> None:
    assert intervals(normal()).band_method == "bootstrap"
    assert paired(normal(), np.array([[0, 1]])).band_method == "sign flips"
    assert intervals(np.zeros((12, 1, 2)), "share").band_method == "Bonferroni"
    assert intervals(normal(shape=(1, 1, 2))).band_method == "none"


@pytest.mark.parametrize("scale", ["share", "indicator"])
def test_two_prompts_that_agree_do_not_prove_a_difference(scale: Scale) -> None:
    values = np.tile([0.0, 1.0], (2, 1, 1))
    found = paired(values, np.array([[0, 1]]), scale, (0.0, 1.0))
    assert found.mean[0] == 1
    assert found.low[0] < 0


@pytest.mark.parametrize("prompts", [2, 3, 6, 12, 40])
def test_a_band_of_differences_is_between_students_interval_and_bonferronis(prompts: int) -> None:
    found = paired(normal(shape=(prompts, 8, 5)), np.array([[0, 1], [1, 2], [2, 3], [3, 4]]))
    half = (found.band_high - found.band_low) / (found.high - found.low)
    student, bonferroni = (stats.t.ppf(1 - 0.025 / n, prompts - 1) for n in (1, 4))
    assert (half >= 1 - 1e-9).all()
    assert (half <= bonferroni / student + 1e-9).all()


def test_columns_that_are_the_same_need_no_wider_band() -> None:
    found = paired(normal(), np.array([[0, 1], [0, 1], [1, 0]]))
    assert found.band_high[:2] - found.band_low[:2] == pytest.approx(found.high[:2] - found.low[:2], rel=0.12)


def test_an_equal_pair_of_indicators_is_not_told_to_be_equal() -> None:
    found = paired(np.zeros((12, 8, 2)), np.array([[0, 1]]), "indicator")
    assert found.mean[0] == 0
    assert found.low[0] == -found.high[0] < 0


def test_the_same_seed_gives_the_same_interval_and_order_does_not_matter() -> None:
    values = normal()
    assert intervals(values).low.tolist() == intervals(values).low.tolist()
    shuffled = values[:, ::-1]  # seeds in another order
    assert intervals(shuffled).low == pytest.approx(intervals(values).low)


def test_many_units_are_resampled_in_blocks() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20_000, 1, 2))
    values[:5000, :, 1] = NAN
    found = intervals(values)
    half = 1.96 * np.array([1 / np.sqrt(20_000), 1 / np.sqrt(15_000)])
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.06)
    assert found.units.tolist() == [20_000, 15_000]
    loops = intervals((rng.random((20_000, 1, 1)) < 0.01).astype(float), "indicator")
    assert loops.high[0] - loops.low[0] == pytest.approx(2 * 1.96 * np.sqrt(0.01 * 0.99 / 20_000), rel=0.15)


@pytest.mark.slow
def test_intervals_and_bands_cover() -> None:
    """Of 400 experiments nominal 95 % must cover 372 to 396: a right method fails with probability below 1 %."""
    inside, bands = 0, 0
    for seed in range(400):
        found = intervals(normal(seed, (12, 8, 15)), resamples=1000)
        inside += bool(found.low[3] <= 0 <= found.high[3])
        bands += bool(((found.band_low <= 0) & (found.band_high >= 0)).all())
    assert 372 <= inside <= 396
    assert 372 <= bands <= 398


@pytest.mark.slow
def test_bands_of_differences_cover_where_values_are_zero_or_one() -> None:
    """As above; nominal 95 % of 400 experiments, all 10 differences of 5 settings at once."""
    share = np.linspace(0.6, 0.1, 5)
    pairs = np.array([(i, j) for i in range(5) for j in range(i)])
    true, bands = share[pairs[:, 1]] - share[pairs[:, 0]], 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        chance = stats.beta.ppf(rng.random((12, 1, 1)), 3 * share, 3 * (1 - share))
        values = (rng.random((12, 8, 5)) < chance).astype(float)
        found = paired(values, pairs, "indicator")
        bands += bool(((found.band_low <= true) & (true <= found.band_high)).all())
    assert bands >= 368  # such bands are wider than they need be
