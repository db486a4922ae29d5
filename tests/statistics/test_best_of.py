"""The expected best of some values, by hand and by all ways of drawing."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.statistics.best_of import best_of


def test_by_hand() -> None:
    assert best_of([1, 2, 3], 1) == 2
    assert best_of([1, 2, 3], 3) == 3
    assert best_of([1, 2, 3], 2) == pytest.approx((2 + 3 + 3) / 3)
    assert best_of([0, 0, 1, 1], 2) == pytest.approx(1 - 1 / 6)  # pass@2 with two of four right
    assert math.isnan(best_of([1], 2)) and math.isnan(best_of([], 1))


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=7), st.integers(1, 7))
def test_it_is_the_mean_over_all_draws(values: list[int], of: int) -> None:
    draws = [max(draw) for draw in combinations(values, of)]
    found = best_of(values, of)
    assert math.isnan(found) if not draws else found == pytest.approx(sum(draws) / len(draws))
