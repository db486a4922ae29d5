"""Runs that keep less of tokens: the same texts, and what can't be measured is unknown and said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.fakes import FakeModel
from tests.runs.killed import PROMPTS, case
from thermoscope.cli.show_run import show_run
from thermoscope.comparison.passages import parting
from thermoscope.errors import InputError, RunError
from thermoscope.metrics.registry import MEASURES
from thermoscope.report.forms import render
from thermoscope.runs.run import Run, open_run, run

GRID = {"temperature": [0.3, 0.9]}


def made(folder: Path, tokens: str, **how: object) -> Run:
    return run(
        FakeModel(end_bias=3.0), case(), GRID, prompts=PROMPTS[:2], seeds=3, max_new_tokens=24, max_rows=16,
        keep_tokens=tokens, folder=folder, scorer=lambda text, answer: float(len(text)), **how,
    )  # type: ignore[arg-type] # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """One run for each that can be kept."""
    folder = tmp_path_factory.mktemp("kept")
    return {tokens: made(folder / tokens, tokens) for tokens in ("none", "ids", "records")}


def known(kept: Run) -> set[str]:
    """The measures that have a value at some setting."""
    return {row["measure"] for row in kept.summary().to_pylist() if row["mean"] is not None}


def test_the_texts_are_the_same_and_tokens_are_kept_as_asked(runs: dict[str, Run]) -> None:
    whole = runs["records"]
    assert runs["none"].texts().equals(whole.texts()) and runs["ids"].texts().equals(whole.texts())
    assert runs["none"].tokens().num_rows == 0 and not (runs["none"].folder / "tokens").exists()
    ids = runs["ids"].tokens()
    assert ids.column_names == ["text_id", "position", "token_id", "text_end"]
    assert ids.equals(whole.tokens().select(ids.column_names))
    assert {name: kept.manifest["plan"]["tokens"] for name, kept in runs.items()} == {name: name for name in runs}
    assert {kept.plan.id for kept in runs.values()} == {whole.plan.id}


def test_measures_of_what_is_kept_are_the_same_and_the_others_unknown(runs: dict[str, Run]) -> None:
    whole = known(runs["records"])
    of_records = {m.summary_name for m in MEASURES.values() if m.needs in ("records", "temperatures")}
    assert known(runs["ids"]) == whole - of_records
    assert known(runs["none"]) == {"score", "agreement"} <= whole
    for name in ("none", "ids"):
        there = known(runs[name])
        mine, theirs = (
            [row for row in kept.summary().to_pylist() if row["measure"] in there]
            for kept in (runs[name], runs["records"])
        )
        assert mine == theirs


def test_what_is_unknown_is_said_in_one_line(runs: dict[str, Run], capsys: pytest.CaptureFixture[str]) -> None:
    said = {name: [note for note in kept.manifest["notes"] if "--keep-tokens" in note] for name, kept in runs.items()}
    assert said["records"] == []
    assert said["ids"] == [
        "No records of tokens were kept (--keep-tokens ids), so these measures are unknown: "
        "perplexity, entropy, tempered_entropy, drift."
    ]
    assert len(said["none"]) == 1
    assert "rep_4" in said["none"][0] and "score" not in said["none"][0]
    show_run(runs["none"], as_json=False, output=None, everything=True)
    assert said["none"][0][:40] in " ".join(capsys.readouterr().out.split())


def test_the_page_has_the_texts_and_where_they_part(runs: dict[str, Run]) -> None:
    assert render(runs["none"], "html").startswith("<!doctype html>")
    texts = {name: json.loads(render(kept, "json"))["texts"] for name, kept in runs.items()}
    strings = {name: ["".join(p["text"] for p in one["passages"]) for one in of] for name, of in texts.items()}
    assert strings["none"] == strings["ids"] == strings["records"] == runs["none"].texts()["text"].to_pylist()
    parts = {name: [one["differs_at"] for one in of] for name, of in texts.items()}
    assert parts["ids"] == parts["records"]  # at a token, and without tokens at a character of it
    assert all((a is None) == (b is None) for a, b in zip(parts["none"], parts["ids"], strict=True))
    assert parting("a cat", (), (), (), "a cow") == 3


def test_another_way_to_keep_them_is_refused_and_the_command_says_which(runs: dict[str, Run]) -> None:
    assert " keep_tokens=" not in runs["records"].command
    assert " keep_tokens='\"'\"'ids" in runs["ids"].command
    with pytest.raises(RunError, match=r"without records \(--keep-tokens ids\); got --keep-tokens records"):
        made(runs["ids"].folder, "records")
    with pytest.raises(InputError, match="keep_tokens must be one of none, ids, records; got 'sampled'"):
        made(runs["ids"].folder, "sampled")


def test_a_run_without_tokens_goes_on_where_it_was(runs: dict[str, Run], tmp_path: Path) -> None:
    folder = tmp_path / "half"
    shutil.copytree(runs["none"].folder, folder)
    for path in (folder / "manifest.json", folder / "texts" / "00001.parquet"):
        path.unlink()
    before = (folder / "texts" / "00000.parquet").stat().st_mtime_ns
    again = made(folder, open_run(folder).plan.tokens)
    assert again.texts().equals(runs["none"].texts())
    assert (folder / "texts" / "00000.parquet").stat().st_mtime_ns == before
