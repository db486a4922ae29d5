"""The agreement rate of draws, and the permutation test on it."""

from __future__ import annotations

import numpy as np
import pytest

from thermoscope.auditing.agreement import agreement, compared, tempered_agreement


def words(rows: list[list[int]]) -> list[list[bytes]]:
    return [[b"%d" % n for n in row] for row in rows]


def test_the_rate_by_hand() -> None:
    assert agreement(words([[1, 1, 2]])) == pytest.approx(1 / 3)  # one pair of three
    assert agreement(words([[1, 1], [1, 2]])) == 0.5
    assert np.isnan(agreement(words([[1]])))


def test_equal_distributions_are_rejected_as_rarely_as_they_should() -> None:
    rng = np.random.default_rng(0)
    p = []
    for _ in range(100):
        rows = [list(rng.integers(0, 4, 16)) for _ in range(4)]
        one, other = words([row[:8] for row in rows]), words([row[8:] for row in rows])
        p.append(compared(one, other, permutations=200).p)
    assert sum(one <= 0.05 for one in p) <= 14  # of 100 at 5 %: more with a probability of 0.0001


def test_a_colder_setting_agrees_more_often() -> None:
    rng = np.random.default_rng(1)
    hot = words([list(rng.integers(0, 6, 20)) for _ in range(6)])
    cold = words([list(rng.choice(6, 20, p=[0.9, 0.02, 0.02, 0.02, 0.02, 0.02])) for _ in range(6)])
    found = compared(hot, cold, permutations=500)
    assert found.p < 0.01
    assert agreement(cold) - agreement(hot) > found.visible


def test_what_another_temperature_would_give() -> None:
    half = words([[1, 1, 1, 2]])
    assert tempered_agreement(half, 1.0) == pytest.approx(0.75**2 + 0.25**2)
    assert tempered_agreement(half, 0.5) == pytest.approx(0.9**2 + 0.1**2)
