"""What is asked: budgets, bounds, axes, families, objectives, settings beside the pick."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import FakeModel
from thermoscope.errors import InputError
from thermoscope.recommending.axes import ALONE, Axes, axes_of, family_of, line_of
from thermoscope.recommending.beside import settings_beside
from thermoscope.recommending.bounds import DRIFT, EDGES, REPEATS, Bound, bounds_of, given_bounds
from thermoscope.recommending.budget import budget_of
from thermoscope.recommending.candidates import first_candidates, proposals, refined
from thermoscope.recommending.judging import judged, pick_of
from thermoscope.recommending.objective import objective_of
from thermoscope.recommending.planning import MOST_SEEDS, layout, next_round
from thermoscope.recommending.values import Values
from thermoscope.recommending.vendors import ADVICE, advice_for
from thermoscope.runs.measuring import measuring_of
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.local import LocalSource
from thermoscope.statistics.reference import Reference
from thermoscope.usecases.load import parse

SCORED = 'title = "x"\nobjective = "task"\n[[prompts]]\ntext = "1+1"\nanswer = "2"\n[score]\nkind = "exact"\n'


def objective(**how: object) -> object:
    return objective_of(measuring_of(parse(SCORED, Path("scored.toml"))), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "amount", "unit"),
    [
        ("200k tokens", 200_000, "tokens"), ("60000", 60_000, "tokens"), (500, 500, "tokens"),
        ("1.5M", 1.5e6, "tokens"), ("10m", 600, "seconds"), ("90s", 90, "seconds"), ("2h", 7200, "seconds"),
        ("5usd", 5, "usd"), ("0.5$", 0.5, "usd"),
    ],
)  # fmt: skip
def test_budgets(words: str | int, amount: float, unit: str) -> None:
    found = budget_of(words)
    assert (found.amount, found.unit) == (pytest.approx(amount), unit)


@pytest.mark.parametrize("words", ["", "0", "-5", "5x", "k", "5k usd", "1e9", "10 m m", "٣", "nan"])
def test_what_is_no_budget(words: str) -> None:
    with pytest.raises(InputError, match="budget must be tokens, minutes or dollars above 0"):
        budget_of(words)


def test_bounds_are_the_users_then_the_references_then_usual_ones() -> None:
    usual = {bound.measure: bound for bound in bounds_of(None, {"rep_4": 0.2})}
    assert (usual["rep_4"].most, usual["rep_4"].source, usual["rep_4"].edge) == (0.2, "yours", "lower")
    assert (usual["drift"].most, usual["drift"].source, usual["drift"].edge) == (DRIFT, "usual", "upper")
    assert "perplexity" not in usual  # nobody knows what is usual of it
    mean = {"rep_4": 0.01, "loop_rate": 0.0, "perplexity": math.log(20), "entropy": 3.0, "drift": -0.1}
    reference = Reference(mean, dict.fromkeys(mean, 0.5), 100, "people", "")
    found = {bound.measure: bound for bound in bounds_of(reference, {"drift": 1.0}, margin=2)}
    assert found["rep_4"].most == pytest.approx(0.01 + 2 * 0.5)
    assert found["perplexity"].most == pytest.approx(20 * math.e)
    assert found["tempered_entropy"].most == pytest.approx(4.0)
    assert (found["drift"].most, found["drift"].source) == (1.0, "yours")
    assert "surprise" not in found
    assert {b.measure: b.most for b in bounds_of(None, {}, margin=0.5)}["rep_4"] == pytest.approx(REPEATS / 2)


def test_bounds_as_words() -> None:
    assert given_bounds(["rep_4=.05", "perplexity = 20"]) == {"rep_4": 0.05, "perplexity": 20.0}
    assert given_bounds(None) == {}
    for words, message in (
        (["rep_4"], "must be MEASURE=MOST"), (["rep_3=1"], "did you mean 'rep_4'"), (["rep_4=a"], "must be a number"),
        (["rep_4=1", "rep_4=2"], "given twice"), (["perplexity=0"], "must be a number"), (["drift=inf"], "a number"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            given_bounds(words)


def families(axes: Axes) -> Counter[str]:
    return Counter(family_of(setting, axes.base) for setting in first_candidates(axes))


@pytest.mark.parametrize(
    ("vary", "each"),
    [
        ({}, 8),
        ({"min_p": [None, 0.05, 0.1]}, 8),
        ({"min_p": [0, 0.05, 0.1, 0.2]}, 9),  # three lines of three temperatures
        ({"min_p": [None, 0.05], "top_p": [None, 0.9]}, 8),
        ({"min_p": "0.01:0.2", "top_p": [None, 0.9]}, 8),  # proposed
        ({"temperature": [0.3, 0.7]}, 2),
        ({"temperature": "0:0.05"}, 8),
    ],
)
def test_families_have_equally_many_candidates(vary: dict[str, object], each: int) -> None:
    axes = axes_of(vary)
    found = families(axes)
    assert set(found.values()) == {each}
    assert (ALONE in found) == ("min_p" not in vary or vary["min_p"] != "0.01:0.2")
    settings = first_candidates(axes)
    assert len(set(settings)) == len(settings)
    assert first_candidates(axes) == settings  # the same every time


def test_a_value_that_removes_nothing_is_off() -> None:
    axes = axes_of({"min_p": [0, 0.1], "top_p": [1]})
    assert {family_of(setting, axes.base) for setting in first_candidates(axes)} == {ALONE, "min_p"}
    assert all(setting.top_p is None for setting in first_candidates(axes))


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ({"heat": [1]}, "can't vary 'heat'"), ({"min_p": []}, "at least one"), ({"min_p": [0.1, 0.1]}, "given once"),
        ({"temperature": "1:0"}, "must be LOW:HIGH"), ({"temperature": "a:b"}, "must be LOW:HIGH"),
        ({"top_p": "0.5:2"}, "top_p must be at most 1"), ({"top_k": "1:50"}, "list them"), ([1], "values by parameter"),
        ({"temperature": [-1]}, "temperature must be at least 0"),
    ],
)  # fmt: skip
def test_what_cannot_vary(vary: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        axes_of(vary)


def test_refined_temperatures_lie_between_those_tried_inside_the_range() -> None:
    axes = axes_of(None)
    tried = first_candidates(axes)
    found = refined(axes, tried, [(line_of(tried[0]), 0.52, 0.93)])
    assert [setting.temperature for setting in found] == [0.5, 0.7, 0.9]
    assert refined(axes_of({"temperature": [0.1, 0.9]}), tried, [(line_of(tried[0]), 0.1, 0.9)]) == []


def test_proposals_learn_from_what_was_seen() -> None:
    axes = axes_of({"min_p": "0.01:0.3"})
    seen = {setting: (-abs(setting.temperature - 0.4), 0.0) for setting in proposals(axes, {}, 24)}
    found = proposals(axes, seen, 8)
    assert not set(found) & set(seen)
    assert sum(abs(setting.temperature - 0.4) < 0.35 for setting in found) >= 5  # of 1.5 in all


def test_the_objective_is_the_scorers_score_else_the_use_cases() -> None:
    assert objective().kind == "score"  # type: ignore[attr-defined]
    assert objective(kind="none").measure == ""  # type: ignore[attr-defined]
    assert objective(matters=0.2, best_of=4).matters == 0.2  # type: ignore[attr-defined]
    for how, message in (
        ({"kind": "fun"}, "objective must be one of"), ({"kind": "reference"}, "needs text by people"),
        ({"kind": "diversity", "best_of": 2}, "best of 2 is of a score"), ({"matters": -1}, "at least 0"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            objective(**how)


def test_a_layout_keeps_to_its_budget() -> None:
    wanted = objective(kind="none")
    for tokens in (2_000, 10_000, 60_000, 10**6):
        plan = layout(tokens, 20, 12, 6, 8, 3, wanted)  # type: ignore[arg-type]
        assert plan.first + plan.reserved <= tokens
        assert 2 <= plan.prompts <= 12 and 1 <= plan.held_out <= 6 and plan.seeds <= plan.confirm_seeds <= MOST_SEEDS
    with pytest.raises(InputError, match=r"a budget of 500 tokens is too small .* give at least 840 tokens"):
        layout(500, 20, 12, 6, 8, 3, wanted)  # type: ignore[arg-type]
    assert layout(60_000, 20, 1, 0, 8, 3, wanted).held_out == 0  # type: ignore[arg-type]


def test_rounds_take_new_prompts_first_then_new_seeds_and_end_with_the_budget() -> None:
    plan = layout(20_000, 20, 12, 0, 8, 0, objective())  # type: ignore[arg-type]
    assert next_round(plan, 4, 1000, 12, [1] * 6) == (6, 0)
    assert next_round(plan, 4, 1000, 12, [1] * 12) == (0, 1)
    assert next_round(plan, 4, 20_000, 12, [1] * 12) is None
    assert next_round(plan, 4, 1000, 12, [MOST_SEEDS] * 12) is None


def test_settings_beside_the_pick_are_each_once_and_the_users_first() -> None:
    source = LocalSource(FakeModel())
    found, refused = settings_beside(source, "llama.cpp")
    assert refused == ()
    assert [one.name for one in found] == ["yours: the defaults of llama.cpp", "greedy", "transformers' default"]
    assert found[2].setting.top_k == 50
    same, _ = settings_beside(source, SamplingParams(temperature=0).named("now"))
    assert [one.name for one in same] == ["yours: now = greedy", "transformers' default"]
    for baseline, message in (("model", "generation_config.json"), ("no.json", "no such file"), (5, "must be a file")):
        with pytest.raises(InputError, match=message):
            settings_beside(source, baseline)  # type: ignore[arg-type]


def test_vendors_advice_is_settings_with_sources() -> None:
    for one in ADVICE:
        assert SamplingParams(**one.params)
        assert one.source and one.read
    assert [one.name for one in advice_for("Qwen/Qwen3-8B")] == ["Qwen3, thinking", "Qwen3, without thinking"]
    assert [one.name for one in advice_for("qwen3-4b-instruct-2507")] == ["Qwen3 Instruct 2507"]
    assert advice_for("gpt2") == ()


def test_what_is_known_too_little_is_not_picked() -> None:
    axes = axes_of({"temperature": [0.2, 0.7, 1.2]})
    settings = first_candidates(axes)
    good = np.tile([0.5, 0.6, 0.9], (8, 1)) + np.linspace(0, 0.01, 8)[:, None]
    texts = np.full((8, 3), 4.0)
    none = {name: np.full((8, 3), np.nan) for name in EDGES}
    wanted = objective(matters=1.0)  # nothing beats anything, and all are about as good
    values = Values(tuple("abcdefgh"), settings, none, good, texts)
    assert pick_of(judged(values, axes, (), wanted)) == 1  # type: ignore[arg-type]
    texts[1:, 1] = 0
    assert pick_of(judged(values, axes, (), wanted)) == 0  # type: ignore[arg-type]
    texts[:] = 4.0
    assert pick_of(judged(values, axes, (), objective(matters=0.0))) == 2  # type: ignore[arg-type]


def test_chance_at_one_temperature_makes_no_edge() -> None:
    axes = axes_of({"temperature": [0.2, 0.4, 0.6, 0.8, 1.0, 1.2]})
    settings = first_candidates(axes)
    curve = np.array([0.20, 0.10, 0.02, 0.0, 0.055, 0.0])  # one loop at T=1
    of = {name: np.full((8, 6), np.nan) for name in EDGES}
    of["rep_4"] = curve + np.linspace(-0.01, 0.01, 8)[:, None] * (curve > 0)
    values = Values(tuple("abcdefgh"), settings, of, np.full((8, 6), np.nan), np.full((8, 6), 2.0))
    bound = Bound("rep_4", "lower", 0.05, "yours")
    found = judged(values, axes, (bound,), objective(kind="none"))  # type: ignore[arg-type]
    (known,) = found.ranges.values()
    assert known.lower.temperature == pytest.approx(0.4 + 0.2 * 50 / 75)  # from 0.10 to 0.025, the mean of three
    assert known.upper.temperature is None
    assert [state == "outside" for state in found.feasible] == [True, True, False, False, True, False]
