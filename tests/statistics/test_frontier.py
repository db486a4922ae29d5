import pytest

from thermoscope.statistics.frontier import frontier


def means(**measures: tuple[float, ...]) -> dict[str, dict[int, float]]:
    return {name: dict(enumerate(values)) for name, values in measures.items()}


def test_a_setting_that_another_beats_in_both_is_not_on_it() -> None:
    #                          0    1    2    3
    found = frontier(means(perplexity=(2.0, 3.0, 4.0, 3.0), self_bleu=(0.8, 0.4, 0.5, 0.4)), None)
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
    known = means(perplexity=(2, 3, 4), self_bleu=(0.5, 0.4, 0.3), loop_rate=(0.05, 0.06, 0.3))
    assert [p.loops for p in frontier(known, None).points] == [False, True, True]  # type: ignore[union-attr]
    assert [p.loops for p in frontier(known, 0.1).points] == [False, False, True]  # type: ignore[union-attr]
    without = {name: values for name, values in known.items() if name != "loop_rate"}
    assert [p.loops for p in frontier(without, 0.1).points] == [False] * 3  # type: ignore[union-attr]


def test_the_best_measure_of_diversity_that_all_settings_have() -> None:
    one = means(perplexity=(2, 3), distinct_2=(0.1, 0.2))
    assert frontier(one, None).y == "distinct_2"  # type: ignore[union-attr]
    incomplete = one | means(self_bleu=(0.1,))
    assert frontier(incomplete, None).y == "distinct_2"  # type: ignore[union-attr]
    assert frontier(incomplete | means(semantic_dispersion=(0.3, 0.4)), None).y == "semantic_dispersion"  # type: ignore[union-attr]


def test_without_likelihood_diversity_or_a_second_setting_there_is_none() -> None:
    assert frontier(means(distinct_2=(0.1, 0.2)), None) is None
    assert frontier(means(perplexity=(2, 3)), None) is None
    assert frontier(means(perplexity=(2,), distinct_2=(0.1,)), None) is None
    assert frontier({}, None) is None
