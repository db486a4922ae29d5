"""Texts from files: measured as runs are, kept in a folder, and shown on a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_cli import Ran
from thermoscope import InputError, SamplingParams, ThermoscopeError, measure_files, open_measured, render, run_report
from thermoscope.runs.catalog import runs_in
from thermoscope.runs.from_files import NO_REFERENCE
from thermoscope.runs.kept_texts import keep
from thermoscope.runs.querying import query

WORDS = {"0.3": "a b c d a b c d a b c d", "0.9": "one two three four five six seven eight nine ten eleven twelve"}


def texts_file(folder: Path, **more: str) -> Path:
    """Six prompts at two temperatures, two texts each, as JSON lines."""
    path = folder / "texts.jsonl"
    rows = [
        {"prompt": f"Prompt {p}", "temperature": t, "text": f"{words} {p}{seed}", **more}
        for p in range(6)
        for t, words in WORDS.items()
        for seed in range(2)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_temperatures_become_settings_and_claims_are_judged(tmp_path: Path) -> None:
    found = measure_files(texts_file(tmp_path))
    assert set(found.settings) == {SamplingParams(temperature=0.3), SamplingParams(temperature=0.9)}
    by_name = {claim["name"]: claim for claim in found.claims}
    assert by_name["low repeats"]["verdict"] == "holds"
    assert by_name["high drifts"]["verdict"] == "not tested"
    assert NO_REFERENCE in by_name["middle balances"]["reason"]
    row = next(r for r in found.differences().to_pylist() if r["measure"] == "rep_4")
    assert (row["setting_a"], row["setting_b"], row["units"]) == ("temperature=0.3", "temperature=0.9", 6)
    assert row["high"] < 0


def test_names_that_are_no_parameters_stay_names(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    lines = [f"{p},{m},{m} says {p} and no more" for p in ("one", "two", "three") for m in ("gpt", "mine")]
    path.write_text("prompt,model,text\n" + "\n".join(lines) + "\n", encoding="utf-8")
    found = measure_files(path)
    assert set(found.settings) == {"gpt", "mine"}
    assert found.claims == ()
    report = run_report(found)
    assert report.axis is None
    assert [setting.label for setting in report.settings] == ["gpt", "mine"]
    assert report.prompts == ("one", "two", "three")
    assert {len(setting.stages) for setting in report.settings} == {0}


def test_a_setting_in_two_spellings_is_one_and_a_word_makes_all_names(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    rows = [{"text": "a b c", "temperature": t} for t in ("0.7", "0.70", "0.9")]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert len(set(measure_files(path).settings)) == 2
    path.write_text("\n".join(map(json.dumps, [*rows, {"text": "d", "temperature": "hot"}])), encoding="utf-8")
    assert set(measure_files(path).settings) == {"0.7", "0.70", "0.9", "hot"}
    path.write_text("\n".join(map(json.dumps, [*rows, {"text": "d", "temperature": "-1"}])), encoding="utf-8")
    assert "-1" in measure_files(path).settings


def test_what_is_kept_is_what_was_measured(tmp_path: Path) -> None:
    found = measure_files(texts_file(tmp_path), thinking="keep")
    kept = keep(found, tmp_path / "kept")
    again = open_measured(tmp_path / "kept")
    assert kept.folder == again.folder == tmp_path / "kept"
    for name in ("texts", "groups", "summary", "differences"):
        assert getattr(again, name)().equals(getattr(found, name)()), name
    assert (again.settings, again.claims, again.notes, again.ran) == (
        found.settings, found.claims, found.notes, found.ran,
    )  # fmt: skip
    assert again.token_ids.values.tolist() == found.token_ids.values.tolist()
    assert run_report(again) == run_report(found)
    names, rows = query(tmp_path / "kept", "select setting, count(*) as n from texts group by 1 order by 1")
    assert (names, rows) == (["setting", "n"], [("0.3", 12), ("0.9", 12)])
    (listed,) = runs_in(tmp_path)
    assert (listed["run"], listed["texts"], listed["state"]) == ("kept", 24, "texts from files")


def test_a_folder_that_was_changed_is_named(tmp_path: Path) -> None:
    keep(measure_files(texts_file(tmp_path)), tmp_path / "kept")
    table, record = tmp_path / "kept" / "texts.parquet", tmp_path / "kept" / "texts.json"
    whole = table.read_bytes()
    table.write_bytes(whole[:-1] + b"x")
    with pytest.raises(ThermoscopeError, match=r"texts.parquet can't be read \(it was changed"):
        open_measured(tmp_path / "kept")
    assert runs_in(tmp_path)[0]["state"] == "unreadable"
    table.write_bytes(whole)
    record.write_text(record.read_text().replace('"words"', '"other"'))
    with pytest.raises(ThermoscopeError, match=r"texts.json can't be read \(it was changed"):
        open_measured(tmp_path / "kept")


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all")
    with pytest.raises(ThermoscopeError, match="is not empty and holds no texts from files"):
        keep(measure_files(texts_file(tmp_path)), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_one_text_without_anything_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("just this")
    report = run_report(measure_files(tmp_path / "one.txt"))
    assert report.prompts == ("(no prompt is given)",)
    assert [setting.label for setting in report.settings] == ["all texts"]
    assert "just this" in str(render(report, "md"))


def test_from_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Ran]) -> None:
    monkeypatch.chdir(tmp_path)
    texts_file(tmp_path)
    done = cli("measure", "texts.jsonl", "--html", "page.html", "--run", "kept")
    assert done.code == 0
    assert "T=0.9 has clearly" in done.err
    assert "<html" in (tmp_path / "page.html").read_text(encoding="utf-8")
    shown = cli("runs", "show", "kept")
    assert shown.code == 0 and "What was found" in shown.out and "24 texts" in shown.out
    both = cli("report", "kept", "--format", "md")
    assert both.code == 0 and both.out.startswith("# texts.jsonl")
    assert json.loads(cli("measure", "texts.jsonl", "--json").out)["finding"]


def test_two_files_beside_each_other(tmp_path: Path) -> None:
    first = measure_files(texts_file(tmp_path))
    with pytest.raises(InputError, match="must differ"):
        run_report(first, first)
    (tmp_path / "b").mkdir()
    report = run_report(first, measure_files(texts_file(tmp_path / "b")))
    assert len(report.runs) == 2
    assert len(report.settings) == 4
