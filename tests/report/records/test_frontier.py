import pytest

from thermoscope.report.records.frontier import frontier
from thermoscope.report.records.schema import Curve, Point


def curve(measure: str, *means: float) -> Curve:
    points = tuple(Point(i, mean, None, None, None, None, 3, 6) for i, mean in enumerate(means))
    return Curve(measure, "", "linear", "more varied", "", points)


def test_a_setting_that_another_beats_in_both_is_not_on_it() -> None:
    #                          0    1    2    3
    found = frontier([curve("perplexity", 2.0, 3.0, 4.0, 3.0), curve("self_bleu", 0.8, 0.4, 0.5, 0.4)], None)
    assert found is not None
    assert found.y == "1 - self_bleu"
    assert {p.setting: p.on_frontier for p in found.points} == {
        0: True,
        1: True,
        2: False,
        3: True,
    }  # 1 and 3 are equal
    assert [p.y for p in found.points] == pytest.approx([0.2, 0.6, 0.6, 0.5])


def test_loops_are_more_than_one_in_twenty_and_more_than_the_reference() -> None:
    curves = [curve("perplexity", 2, 3, 4), curve("self_bleu", 0.5, 0.4, 0.3), curve("loop_rate", 0.05, 0.06, 0.3)]
    assert [p.loops for p in frontier(curves, None).points] == [False, True, True]  # type: ignore[union-attr]
    assert [p.loops for p in frontier(curves, 0.1).points] == [False, False, True]  # type: ignore[union-attr]
    assert [p.loops for p in frontier(curves[:2], 0.1).points] == [False] * 3  # type: ignore[union-attr]


def test_the_best_measure_of_diversity_that_all_settings_have() -> None:
    likelihood = curve("perplexity", 2, 3)
    assert frontier([likelihood, curve("distinct_2", 0.1, 0.2)], None).y == "distinct_2"  # type: ignore[union-attr]
    both = [likelihood, curve("self_bleu", 0.1), curve("distinct_2", 0.1, 0.2)]
    assert frontier(both, None).y == "distinct_2"  # type: ignore[union-attr]
    assert frontier([*both, curve("semantic_dispersion", 0.3, 0.4)], None).y == "semantic_dispersion"  # type: ignore[union-attr]


def test_without_likelihood_diversity_or_a_second_setting_there_is_none() -> None:
    assert frontier([curve("distinct_2", 0.1, 0.2)], None) is None
    assert frontier([curve("perplexity", 2, 3)], None) is None
    assert frontier([curve("perplexity", 2), curve("distinct_2", 0.1)], None) is None
