"""How an interval is split, by hand."""

from __future__ import annotations

from thermoscope.spectra.envelope import Segment
from thermoscope.spectra.split import Interval, split

WHOLE = Interval(0.0, 1.0, 0.0, 1.0, zero=True, budget=None)
PARTS = [Segment(4, 0.0, 0.2), Segment(9, 0.2, 0.25), Segment(2, 0.25, 1.0)]


def shown(found: list[tuple[int, Interval]]) -> list[tuple[int, float, float, float, float, bool, int | None]]:
    return [(c, i.low, i.high, i.exact_low, i.exact_high, i.zero, i.budget) for c, i in found]


def test_every_part_goes_on_and_the_first_has_zero():
    assert shown(split(WHOLE, PARTS, 4, 0.001)) == [
        (4, 0.0, 0.2, 0.0, 0.2, True, None),
        (9, 0.2, 0.25, 0.2, 0.25, False, None),
        (2, 0.25, 1.0, 0.25, 1.0, False, None),
    ]


def test_zero_is_a_part_of_its_own_where_noise_decides_above_it():
    assert shown(split(WHOLE, PARTS[2:], 7, 0.001)) == [
        (7, 0.0, 0.0, 0.0, 0.0, True, None),
        (2, 0.0, 1.0, 0.25, 1.0, False, None),
    ]
    alone = Interval(0.0, 0.0, 0.0, 0.0, zero=True, budget=3)
    assert shown(split(alone, [], 7, 0.001)) == [(7, 0.0, 0.0, 0.0, 0.0, True, 3)]


def test_a_narrow_interval_follows_its_widest_part():
    inner = Interval(0.0, 1.5, 0.0, 1.0, zero=False, budget=None)
    assert shown(split(inner, PARTS, None, 2.0)) == [(2, 0.0, 1.5, 0.25, 1.0, False, None)]


def test_but_zero_stays_greedy():
    assert shown(split(WHOLE, PARTS, 4, 2.0)) == [(4, 0.0, 1.0, 0.0, 0.2, True, None)]
    assert [c for c, *_ in shown(split(WHOLE, PARTS, 7, 2.0))] == [7, 2]


def test_a_budget_keeps_the_widest_and_is_shared_by_width():
    inner = Interval(0.0, 1.0, 0.0, 1.0, zero=False, budget=2)
    assert shown(split(inner, PARTS, None, 0.0)) == [
        (4, 0.0, 0.25, 0.0, 0.2, False, 1),
        (2, 0.25, 1.0, 0.25, 1.0, False, 1),
    ]
    rich = Interval(0.0, 1.0, 0.0, 1.0, zero=False, budget=100)
    budgets = [i.budget for _, i in split(rich, PARTS, None, 0.0)]
    assert budgets == [20, 5, 75]
