"""``recommend`` on a fake model: what it answers, what it keeps, and that nothing is ever made twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import thermoscope
from tests.fakes import FakeModel
from tests.recommending.made import PROMPTS, answer, case
from thermoscope.errors import InputError, Interrupted, RunError
from thermoscope.recommending.folder import open_recommendation
from thermoscope.recommending.recommendation import Recommendation
from thermoscope.runs.run import open_run
from thermoscope.settings.params import SamplingParams


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Recommendation:
    """An undisturbed answer."""
    return answer(tmp_path_factory.mktemp("done") / "kept")


def shards(folder: Path) -> dict[str, str]:
    """Every stored text file with its checksum."""
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*/texts/*.parquet"))}


@pytest.mark.slow
def test_the_answer_is_one_of_the_set_confirmed_on_held_out_prompts(done: Recommendation) -> None:
    assert done.verdict == "picked" and done.setting is not None and done.complete
    assert done.setting in [one.setting for one in done.in_set]
    assert done.finding[0] == f"Use {done.setting} for “A <small> story” on fake."
    assert done.kind == "diversity" and done.better == "lower"
    assert done.confirmed[0].setting == done.setting and done.confirmed[0].name.startswith("the pick")
    names = " ".join(one.name for one in done.confirmed)
    assert "greedy" in names and "transformers' default" in names
    assert done.confirmed_on.startswith("3 held-out prompts x ")
    open_texts = {
        prompt for entry in done.rounds if "round" in entry.name for prompt in open_run(entry.folder).plan.prompts
    }
    held = {
        prompt for entry in done.rounds if "confirm" in entry.name for prompt in open_run(entry.folder).plan.prompts
    }
    assert open_texts <= set(PROMPTS[:7]) and held == set(PROMPTS[7:])


def test_what_is_spent_is_what_is_stored_and_keeps_to_the_budget(done: Recommendation) -> None:
    runs = [open_run(entry.folder) for entry in done.rounds]
    assert done.spent.tokens == sum(sum(run.texts()["tokens"].to_pylist()) for run in runs) <= 2_600
    assert done.spent.texts == sum(run.texts().num_rows for run in runs)
    for one in done.candidates:
        there = sum(
            row["setting_id"] == one.setting.id
            for entry, run in zip(done.rounds, runs, strict=True)
            if "round" in entry.name
            for row in run.texts().to_pylist()
        )
        assert one.texts == there


def test_the_means_of_candidates_are_those_of_the_stored_tables(done: Recommendation) -> None:
    pick = next(one for one in done.candidates if one.setting == done.setting)
    weighted: dict[str, list[float]] = {}
    for entry in done.rounds:
        if "round" in entry.name:
            run = open_run(entry.folder)
            for row in run.groups().to_pylist():
                if row["setting_id"] == pick.setting.id:
                    weighted.setdefault(run.plan.prompts[row["prompt_id"]], []).append(row["self_bleu"])
    by_prompt = [sum(values) / len(values) for values in weighted.values()]
    assert pick.objective.value == pytest.approx(sum(by_prompt) / len(by_prompt))
    assert pick.prompts == len(by_prompt)


def test_the_answer_reads_back_and_opens(done: Recommendation) -> None:
    assert Recommendation.from_json(done.to_json(), Path("x")) == done
    assert open_recommendation(done.folder) == done == thermoscope.open_recommendation(Path(done.folder))
    assert json.loads(done.to_json())["setting"]["temperature"] == done.setting.temperature  # type: ignore[union-attr]


def test_the_same_call_makes_nothing_and_answers_the_same(done: Recommendation) -> None:
    model, before = FakeModel(), shards(Path(done.folder))
    again = answer(Path(done.folder), model)
    assert model.stepped == 0 and shards(Path(done.folder)) == before
    assert again.finding == done.finding and again.candidates == done.candidates and again.confirmed == done.confirmed


def test_another_scorer_makes_no_text_again(tmp_path: Path) -> None:
    first = answer(tmp_path / "kept")
    before = shards(tmp_path / "kept")
    second = answer(tmp_path / "kept", scorer=lambda text, _: float("e" in text))
    assert second.kind == "score" and first.kind == "diversity"
    after = shards(tmp_path / "kept")
    assert before.items() <= after.items()
    assert {p for p in after if "round-1" in p or "round-2" in p} <= set(before)


@pytest.mark.slow
def test_an_interrupt_answers_with_what_is_there_and_goes_on(tmp_path: Path) -> None:
    whole = answer(tmp_path / "whole")
    calls = 0

    def interrupt(what: str, done: int, all_: int) -> None:
        nonlocal calls
        calls += 1
        if done > 0.5 * whole.spent.tokens:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        answer(tmp_path / "cut", on_progress=interrupt)
    part = caught.value.finished
    assert isinstance(part, Recommendation) and not part.complete and not part.confirmed
    assert any("Interrupted" in note for note in part.notes)
    before = shards(tmp_path / "cut")
    assert before
    assert not (tmp_path / "cut" / "recommendation.json").exists()
    finished = answer(tmp_path / "cut")
    assert before.items() <= shards(tmp_path / "cut").items()
    assert finished.finding == whole.finding and finished.candidates == whole.candidates


def test_an_interrupted_first_round_answers_from_two_whole_prompts_on(tmp_path: Path) -> None:
    def at(tokens: int) -> object:
        def interrupt(what: str, done: int, all_: int) -> None:
            if done >= tokens:
                raise KeyboardInterrupt

        with pytest.raises(Interrupted) as caught:
            answer(tmp_path / "kept", on_progress=interrupt)
        return caught.value.finished

    assert at(10) is None
    part = at(300)  # a prompt has 8 settings x 2 seeds x 8 tokens
    assert isinstance(part, Recommendation)
    assert {one.prompts for one in part.candidates} == {2}
    assert any("2 prompts of the first round are whole" in note for note in part.notes)


def test_nothing_feasible_says_which_bound_fails_and_by_how_much(tmp_path: Path) -> None:
    found = answer(tmp_path / "kept", bounds={"perplexity": 1.001, "rep_4": -1.0})
    assert found.verdict == "nothing feasible" and found.setting is None and not found.confirmed
    assert found.finding[0].startswith("No setting keeps all bounds")
    assert "rep_4 0" in found.finding[1] and "above -1" in found.finding[1] and "perplexity" in found.finding[1]
    assert found.next_command == "" and found.in_set == ()
    assert open_recommendation(tmp_path / "kept").verdict == "nothing feasible"


def test_a_flat_score_cannot_be_distinguished(tmp_path: Path) -> None:
    found = answer(tmp_path / "kept", scorer=lambda text, _: 0.5)
    feasible = [one for one in found.candidates if one.feasible != "outside"]
    assert len(found.in_set) == len(feasible) > 1
    assert "cannot be distinguished" in found.finding[2]
    assert not any(one.beaten_by for one in found.candidates)


@pytest.mark.slow
def test_a_score_that_falls_with_temperature_drops_the_hot(tmp_path: Path) -> None:
    def letters(text: str, _: str | None) -> float:  # likelier than all else
        return sum("a" <= character <= "z" for character in text) / 8

    found = answer(tmp_path / "kept", FakeModel(spread=1.0), scorer=letters, matters=0.02, budget=5_000)
    beaten = [one for one in found.candidates if one.beaten_by]
    assert beaten and all("beaten" in one.dropped for one in beaten)
    assert min(one.setting.temperature for one in beaten) > min(one.setting.temperature for one in found.in_set)
    assert all(one.lead.low is not None and one.lead.low > 0.02 for one in beaten)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3])
def test_few_prompts(number: int, tmp_path: Path) -> None:
    found = answer(tmp_path / "kept", use_case=case(PROMPTS[:number], held_out=0))
    assert found.candidates
    if number < 3:
        assert found.confirmed == () and any("none is held out" in note for note in found.notes)
        assert any("none was held out" in line for line in found.not_seen)
    else:
        assert any("1 of 3 prompts are held out" in note for note in found.notes)


def test_without_an_objective_the_range_is_the_answer(tmp_path: Path) -> None:
    found = answer(tmp_path / "kept", use_case=case(objective="task"))
    assert found.kind == "none" and found.setting is not None
    assert {one.objective.value for one in found.candidates} == {None}
    assert "no objective" in found.finding[2]


@pytest.mark.slow
def test_families_are_compared_by_equal_trials(tmp_path: Path) -> None:
    found = answer(tmp_path / "kept", vary={"min_p": [None, 0.1]}, budget=6_000)
    assert [curve.family for curve in found.families] == ["temperature alone", "min_p"]
    lengths = {len(curve.best) for curve in found.families}
    assert len(lengths) == 1
    for curve in found.families:
        assert list(curve.best) == sorted(curve.best, reverse=True)  # lower is better, and more trials do no harm
    assert {known.line for known in found.ranges} == {"", "min_p=0.1"}


@pytest.mark.slow
def test_proposed_candidates_get_a_line_through_the_best(tmp_path: Path) -> None:
    found = answer(tmp_path / "kept", vary={"min_p": "0.01:0.3"}, budget=6_000)
    assert {one.family for one in found.candidates} == {"min_p"}
    lines = [one.line for one in found.candidates]
    assert max(lines.count(line) for line in lines) >= 5


def test_the_users_setting_stands_beside_the_pick(tmp_path: Path) -> None:
    mine = SamplingParams(temperature=1.3, top_k=5).named("mine")
    found = answer(tmp_path / "kept", baseline=mine)
    beside = next(one for one in found.confirmed if one.name == "yours: mine")
    assert beside.setting == mine and beside.difference.low is not None


def test_a_folder_of_something_else_is_refused(tmp_path: Path, done: Recommendation) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    with pytest.raises(RunError, match="is not empty and no recommendation"):
        answer(tmp_path / "other")
    with pytest.raises(RunError, match="a recommendation with other budget"):
        answer(Path(done.folder), budget=5_000)
    with pytest.raises(RunError, match="a recommendation with other max_new_tokens"):
        answer(Path(done.folder), max_new_tokens=9)
    with pytest.raises(RunError, match="holds no recommendation"):
        open_recommendation(tmp_path)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "recommendation.json").write_text('{"format": "x"}')
    with pytest.raises(RunError, match=r"recommendation\.json is no recommendation"):
        open_recommendation(damaged)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"budget": 50}, "too small"), ({"budget": "5usd"}, "needs the prices"), ({"scorer": 5}, "must be a function"),
        ({"objective": "score"}, "needs a scorer"), ({"objective": "reference"}, "needs text by people"),
        ({"vary": {"min_p": [2]}}, "min_p"), ({"bounds": {"x": 1}}, "a bound must be on"),
        ({"baseline": "nowhere.json"}, "no such file"), ({"max_new_tokens": 0}, "max_new_tokens"),
    ],
)  # fmt: skip
def test_bad_values_are_one_line_before_anything_is_made(how: dict[str, object], message: str, tmp_path: Path) -> None:
    model = FakeModel()
    with pytest.raises(InputError, match=message) as caught:
        answer(tmp_path / "kept", model, **how)
    assert "\n" not in str(caught.value)
    assert model.stepped == 0 and not (tmp_path / "kept").exists()


def test_a_budget_of_time_is_brought_to_tokens_once(tmp_path: Path) -> None:
    said: list[str] = []
    answer(tmp_path / "kept", budget="0.4s", max_new_tokens=3, on_plan=said.extend)
    assert any(sentence.startswith("0.4s are about ") for sentence in said)
    stored = json.loads((tmp_path / "kept" / "question.json").read_text())
    model = FakeModel()
    answer(tmp_path / "kept", model, budget="0.4s", max_new_tokens=3)
    assert model.stepped == 0
    assert json.loads((tmp_path / "kept" / "question.json").read_text()) == stored


def test_failures_of_a_scorer_are_counted_and_named(tmp_path: Path) -> None:
    calls = 0

    def rarely(text: str, _: str | None) -> float:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise ValueError("no idea")
        return float(len(text) % 2)

    found = answer(tmp_path / "kept", scorer=rarely)
    assert any("The scorer failed on 1 of " in note and "no idea" in note for note in found.notes)


def test_a_scorer_that_mostly_fails_stops_with_the_reason(tmp_path: Path) -> None:
    def never(text: str, _: str | None) -> float:
        raise ValueError("no idea")

    with pytest.raises(InputError, match=r"no idea.*texts failed so far"):
        answer(tmp_path / "kept", scorer=never)
    assert shards(tmp_path / "kept")  # what was generated is kept
