"""Paired differences between two runs, by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any

import pytest

from thermoscope.metrics.registry import MEASURES
from thermoscope.statistics.between_runs import counterparts, differences, shared
from thermoscope.statistics.outcome import Outcome, outcome

REP, PERPLEXITY, SELF_BLEU = (MEASURES[name] for name in ("rep_4", "perplexity", "self_bleu"))


@dataclass(frozen=True)
class Text:
    prompt: int
    setting: int
    seed: int
    measures: Mapping[str, float | None]


@dataclass(frozen=True)
class Run:
    prompts: Sequence[str]
    settings: Sequence[Any]
    seeds: Sequence[int]
    texts: Sequence[Text] = ()
    groups: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def run(values: Mapping[tuple[int, int, int], float | None], name: str = "rep_4", prompts: str = "ab") -> Run:
    """A run of one setting, or as many as there are, with seeds 0 and 1."""
    texts = [Text(*place, {name: value}) for place, value in values.items()]
    return Run(list(prompts), range(1 + max(place[1] for place in values)), (0, 1), texts)


def test_the_same_settings_are_counterparts_and_so_are_lone_ones_at_one_place() -> None:
    first: list[tuple[str, float | None]] = [("p", 0.5), ("q", 0.9), ("r", 1.2), ("s", 1.2)]
    second: list[tuple[str, float | None]] = [("q", 0.9), ("x", 0.5), ("y", 1.2), ("z", None)]
    assert counterparts(first, second) == [(0, 1), (1, 0)]  # two stand at 1.2
    assert counterparts([("a", None)], [("b", None), ("c", None)]) == []  # nowhere is no place
    assert counterparts([("a", 0.3)], [("b", None)]) == [(0, 0)]  # the only ones of their runs
    assert counterparts([], second) == counterparts(first, []) == []


def test_a_difference_is_the_mean_over_prompts_and_seeds() -> None:
    first = run({(0, 0, 0): 0.1, (0, 0, 1): 0.3, (1, 0, 0): 0.2, (1, 0, 1): 0.4})
    second = run({(0, 0, 0): 0.2, (0, 0, 1): 0.4, (1, 0, 0): 0.5, (1, 0, 1): 0.7})
    (row,) = differences(first, second, [(0, 0)], [REP])
    assert (row["measure"], row["kind"], row["setting_a"], row["setting_b"]) == ("rep_4", "difference", 0, 1)
    assert row["effect"] == pytest.approx((0.1 + 0.3) / 2)
    assert (row["units"], row["texts"]) == (2, 4)
    assert row["low"] < row["effect"] < row["high"]


def test_a_ratio_is_the_geometric_mean() -> None:
    first = run(dict.fromkeys([(0, 0, 0), (1, 0, 0)], 2.0), "perplexity")
    second = run({(0, 0, 0): 4.0, (1, 0, 0): 16.0}, "perplexity")
    (row,) = differences(first, second, [(0, 0)], [PERPLEXITY])
    assert row["kind"] == "ratio"
    assert row["effect"] == pytest.approx(exp((log(2) + log(8)) / 2))


def test_places_count_on_through_the_second_run() -> None:
    one = run({(p, s, 0): 0.1 * s for p in (0, 1) for s in (0, 1, 2)})
    two = run({(p, s, 0): 0.1 * s + 0.05 for p in (0, 1) for s in (0, 1)})
    rows = differences(one, two, [(2, 0), (1, 1)], [REP])
    assert [(row["setting_a"], row["setting_b"]) for row in rows] == [(2, 3), (1, 4)]
    assert [row["effect"] for row in rows] == pytest.approx([-0.15, 0.05])
    assert all(row["low"] < row["effect"] < row["high"] for row in rows)  # two prompts: wide, but not unknown


def test_only_shared_prompts_and_seeds_count() -> None:
    one = run({(0, 0, 0): 0.1, (1, 0, 0): 0.9}, prompts="ab")
    two = run({(0, 0, 0): 0.8, (1, 0, 0): 0.3}, prompts="ba")
    (row,) = differences(one, two, [(0, 0)], [REP])
    assert row["effect"] == pytest.approx(((0.3 - 0.1) + (0.8 - 0.9)) / 2)
    assert differences(one, run({(0, 0, 0): 0.8}, prompts="c"), [(0, 0)], [REP]) == []
    assert differences(one, two, [], [REP]) == []


def test_measures_of_groups_are_compared_where_the_seeds_are_the_same() -> None:
    def groups(value: float, seeds: tuple[int, ...] = (0, 1)) -> Run:
        return Run(["a", "b"], [0], seeds, (), [{"prompt": p, "setting": 0, "self_bleu": value} for p in (0, 1)])

    (row,) = differences(groups(0.2), groups(0.5), [(0, 0)], [SELF_BLEU])
    assert row["effect"] == pytest.approx(0.3)
    assert differences(groups(0.2), groups(0.5, (0, 1, 2)), [(0, 0)], [SELF_BLEU]) == []


def test_what_is_unknown_is_left_out() -> None:
    nothing = run({(0, 0, 0): None, (1, 0, 0): None})
    assert differences(nothing, run({(0, 0, 0): 0.5}), [(0, 0)], [REP]) == []


def test_shared_keeps_the_order_of_the_first() -> None:
    assert shared([3, 1, 2], (2, 3)) == [3, 2]


@pytest.mark.parametrize(
    ("low", "high", "kind", "expected"),
    [
        (0.1, 0.3, "difference", "higher"), (-0.3, -0.1, "difference", "lower"),
        (-0.1, 0.1, "difference", "can't be told"), (0.0, 0.1, "difference", "can't be told"),
        (None, None, "difference", "unknown"), (None, 2.0, "ratio", "unknown"), (0.5, 0.9, "ratio", "lower"),
        (1.1, 9.0, "ratio", "higher"), (0.1, 0.9, "difference", "higher"), (1.0, 2.0, "ratio", "can't be told"),
    ],
)  # fmt: skip
def test_a_difference_counts_only_if_its_band_excludes_no_difference(
    low: float | None, high: float | None, kind: str, expected: Outcome
) -> None:
    assert outcome(low, high, kind) == expected  # type: ignore[arg-type]
