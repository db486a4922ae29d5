"""Settings by name: each labelled by it, held against the one before, made again by it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.fakes import FakeModel
from tests.runs.killed import PROMPTS, case
from thermoscope import SamplingParams, compare, open_run, render, run, run_report
from thermoscope.errors import InputError, ParameterError
from thermoscope.ran.facts import facts
from thermoscope.settings.grid import combinations_of, neighbours, settings_given, varying

OURS = SamplingParams(temperature=0.7, top_p=0.9, repetition_penalty=1.1, order="vllm")
THEIRS = SamplingParams(temperature=1.0, min_p=0.05, order="llama.cpp")
BOTH = {"ours": OURS, "theirs": THEIRS}


def test_a_name_is_no_part_of_a_setting() -> None:
    named = OURS.named(" ours ")
    assert (named.name, OURS.name) == ("ours", None)
    assert named == OURS
    assert hash(named) == hash(OURS)
    assert named.id == OURS.id
    assert named.replace(temperature=0.5).name is None
    for bad in ("", " ", "a\nb", "x" * 61, 3):
        with pytest.raises(ParameterError, match="a setting's name must be one line of 1 to 60 characters"):
            OURS.named(bad)  # type: ignore[arg-type]


def test_settings_may_be_given_in_four_ways() -> None:
    assert settings_given(OURS) == (OURS,)
    assert settings_given(s for s in (OURS, THEIRS)) == (OURS, THEIRS)
    assert [s.name for s in settings_given(BOTH)] == ["ours", "theirs"]
    assert [s.temperature for s in settings_given({"temperature": [0.3, 0.9]})] == [0.3, 0.9]
    for given, says in (
        ([OURS, OURS], "settings must differ"),
        ([OURS.named("a"), THEIRS.named("a")], "names of settings must differ; got 'a' twice"),
        ({"a": OURS, "b": 3}, "'b' must be SamplingParams, as the others are; got 3"),
        ([], "settings must not be empty"),
        ("hot", "settings must be SamplingParams; got 'hot'"),
    ):
        with pytest.raises(InputError, match=says):
            settings_given(given)  # type: ignore[arg-type]


def test_orders_that_give_the_same_are_no_difference() -> None:
    same = [SamplingParams(temperature=t, top_k=5, order=o) for t, o in ((0.3, "vllm"), (0.9, "llama.cpp"))]
    assert varying(same) == ("temperature",)
    assert combinations_of(same) == {"temperature": [0.3, 0.9]}
    other = [SamplingParams(temperature=t, top_p=0.5, order=o) for t, o in ((1.5, "vllm"), (1.5, "llama.cpp"))]
    assert varying(other) == ("order",)


@pytest.mark.slow
def test_a_comparison_says_the_names_and_is_made_again_by_them() -> None:
    found = compare(FakeModel(), "Once", settings=BOTH, max_new_tokens=8)
    assert combinations_of(found.settings) is None
    assert neighbours(found.settings) == [None, 0]
    assert any(sentence.startswith("ours and theirs") for sentence in found.reading)
    words = shlex.split(found.ran.command)
    assert words[words.index("--setting") + 1] == ("ours: temperature=0.7 repetition_penalty=1.1 top_p=0.9 order=vllm")
    assert dict(facts(found.ran))["settings"].startswith(f"ours: {OURS} ({OURS.id}), theirs: {THEIRS} ({THEIRS.id})")
    report = render(found, "md")
    assert "theirs" in str(report)
    with pytest.raises(InputError, match="give settings, or temperatures with vary and params"):
        compare(FakeModel(), "Once", BOTH, vary={"top_p": [0.5]})
    assert compare(FakeModel(), "Once", [OURS, THEIRS]).settings == (OURS, THEIRS)
    assert compare(FakeModel(), "Once", OURS).settings == (OURS,)


def test_a_run_keeps_the_names(tmp_path: Path) -> None:
    done = run(FakeModel(), case(), BOTH, seeds=range(2), max_new_tokens=8, folder=tmp_path / "run")
    assert [s.name for s in open_run(tmp_path / "run").settings] == ["ours", "theirs"]
    assert set(done.texts()["setting"].to_pylist()) == {"ours", "theirs"}
    assert "--setting 'ours: temperature=0.7" in done.command
    report = run_report(done)
    assert report.axis is None
    assert [setting.label for setting in report.settings] == ["ours", "theirs"]
    pairs = [(p.a, p.b) for found in report.differences for p in found.pairs]
    assert set(pairs) == {(0, 1)}
    unnamed = run(FakeModel(), case(), [OURS, THEIRS], seeds=range(2), max_new_tokens=8, folder=tmp_path / "run")
    assert unnamed.plan.id == done.plan.id  # names change no text


def test_two_runs_of_one_setting_each_are_paired(tmp_path: Path) -> None:
    runs = [
        run(FakeModel(), case(), [setting], seeds=range(2), max_new_tokens=8, folder=tmp_path / name)
        for name, setting in (("a", SamplingParams(temperature=0.3)), ("b", SamplingParams(temperature=0.9)))
    ]
    report = run_report(*runs)
    between = [pair for found in report.differences for pair in found.pairs if (pair.a, pair.b) == (0, 1)]
    assert between
    assert all(pair.units == len(PROMPTS) for pair in between if pair.units)
    assert not any("no setting in common" in sentence for sentence in (*report.finding, *report.notes))
