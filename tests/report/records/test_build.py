"""Reports of stored runs and of comparisons: what is in the tables is in the records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.fakes import FakeModel
from tests.handmade import comparison, sample
from tests.runs.killed import CASE, PROMPTS, case, make
from thermoscope.cli.console import plain
from thermoscope.errors import InputError, RunError
from thermoscope.report.markdown import markdown
from thermoscope.report.records.build import comparison_report, run_report
from thermoscope.report.records.effects import ranked
from thermoscope.report.records.schema import Report
from thermoscope.report.terminal.run import print_run
from thermoscope.runs.carry_out import carry_out
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.plan import plan_run
from thermoscope.runs.run import Run, open_run
from thermoscope.runs.store import Store
from thermoscope.settings.grid import varied
from thermoscope.sources.local import LocalSource
from thermoscope.statistics.reference import FORMAT, tokenizer_id
from thermoscope.usecases.load import parse


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(make(str(tmp_path_factory.mktemp("run"))).folder)


@pytest.fixture(scope="module")
def report(done: Run) -> Report:
    return run_report(done)


def test_every_text_is_there_as_it_was_stored(done: Run, report: Report) -> None:
    rows = done.texts().to_pylist()
    assert len(report.texts) == len(rows) == 6 * 4 * 3
    for made, row in zip(report.texts, rows, strict=True):
        assert "".join(p.text for p in made.passages) == row["text"]
        assert report.prompts[made.prompt] == row["prompt"]
        assert report.settings[made.setting].id == row["setting_id"]
        assert report.seeds[made.seed] == row["seed"]
    rep = {row["text_id"]: row["rep_4"] for row in done.measures().to_pylist()}
    assert [text.measures["rep_4"] for text in report.texts] == [rep[i] for i in range(len(rows))]


def test_texts_part_where_they_first_differ_from_their_neighbour(report: Report) -> None:
    by_place = {(t.prompt, t.setting, t.seed): t for t in report.texts}
    parted = 0
    for text in report.texts:
        if text.neighbour is None:
            assert text.setting == 0
            continue
        a, b = ("".join(p.text for p in t.passages) for t in (by_place[text.prompt, text.neighbour, text.seed], text))
        if text.differs_at is None:
            assert a == b
            continue
        parted += 1
        assert a[: text.differs_at].rstrip() == b[: text.differs_at].rstrip()
    assert parted > 20


def test_curves_and_differences_are_those_of_the_tables(done: Run, report: Report) -> None:
    assert report.axis == "temperature"
    assert report.settings[1].series == "top_k=5"
    rows = [row for row in done.summary().to_pylist() if row["measure"] == "rep_4"]
    curve = next(curve for curve in report.curves if curve.measure == "rep_4")
    assert [(p.mean, p.band_low) for p in curve.points] == [(row["mean"], row["band_low"]) for row in rows]
    assert {effect.measure for effect in ranked(report.differences)[:2]} <= {c.measure for c in report.curves[:2]}
    assert {m.name for m in report.meanings} == {c.measure for c in report.curves}
    pairs = next(d for d in report.differences if d.measure == "perplexity")
    assert pairs.kind == "ratio"
    assert len(pairs.pairs) == 6


def test_the_same_records_as_json(report: Report) -> None:
    record = json.loads(report.to_json())
    assert record["format"] == "thermoscope.report/1"
    assert list(record)[:3] == ["format", "title", "finding"]
    assert record["texts"][0]["passages"][0]["text"] == report.texts[0].passages[0].text
    assert record["runs"][0]["command"].startswith("thermoscope measure --use-case")


def test_what_of_the_settings_did_nothing(tmp_path: Path) -> None:
    model = FakeModel(end_bias=3.0)
    settings = varied({"temperature": [0.5, 0.9], "min_p": [1e-30]})
    design = plan_run(LocalSource(model), case(), settings, seeds=range(2), max_new_tokens=8)
    carry_out(LocalSource(model), design, Store(tmp_path / "run"), Measuring(case()))
    made = run_report(tmp_path / "run")
    assert made.runs[0].effective == ("min_p=1e-30 removed nothing.",)


def test_two_runs_beside_each_other(done: Run, tmp_path: Path) -> None:
    model = FakeModel(end_bias=3.0, spread=4.0)
    settings = varied({"temperature": [0.3, 0.9], "top_k": [None, 5]})
    design = plan_run(LocalSource(model), case(), settings, seeds=range(3), max_new_tokens=24, max_rows=16)
    carry_out(LocalSource(model), design, Store(tmp_path / "peaked"), Measuring(case()))
    other = open_run(tmp_path / "peaked")
    both = run_report(done, other)
    assert [r.name for r in both.runs] == [done.folder.name, "peaked"]
    assert len(both.settings) == 8
    assert len(both.texts) == 2 * 72
    assert both.prompts == PROMPTS
    entropy = next(d for d in both.differences if d.measure == "entropy")
    assert [(p.a, p.b) for p in entropy.pairs] == [(i, i + 4) for i in range(4)]
    assert all(p.told == "lower" for p in entropy.pairs)  # the second model is the more certain
    assert "## What ran: peaked" in markdown(both)


def with_reference(folder: Path, tokens: int) -> tuple[Report, str]:
    """The report of a run of 24 tokens against windows of some length, and the run in the terminal."""
    model = FakeModel(end_bias=3.0)
    mean = {"rep_2": 0.1, "rep_3": 0.1, "rep_4": 0.1, "loop_rate": 0.1, "self_bleu": 0.1}
    windows = [{"tokens": tokens, "mean": mean, "sd": dict.fromkeys(mean, 0.1)}]
    record = {"format": FORMAT, "tokenizer": tokenizer_id(model), "revision": "another", "source": "s"}
    (folder / "people.json").write_text(json.dumps(record | {"windows": windows}))
    story = parse('reference = "people.json"\n' + CASE, folder / "small.toml")
    settings = varied({"temperature": [0.2, 0.9, 1.2]})
    design = plan_run(LocalSource(model), story, settings, seeds=range(2), max_new_tokens=24)
    carry_out(LocalSource(model), design, Store(folder / "run"), Measuring(story))
    done = open_run(folder / "run")
    shown = plain(lambda to: show(done, to))
    return run_report(done), " ".join(shown.split())


def show(done: Run, to: Console) -> None:
    print_run(
        done.manifest, done.summary().to_pylist(), done.claims, to, folder="run",
        everything=True,
    )  # fmt: skip


def test_what_limits_the_distance_to_the_reference_stands_wherever_it_does(tmp_path: Path) -> None:
    made, shown = with_reference(tmp_path, 25)
    note = (
        "perplexity is left out, since the reference's is another model's; the reference's windows have 25 tokens, "
        "the texts 24"
    )
    assert f"reference_distance: {note}." in shown
    assert "is closest to the reference, text written by people" in made.finding[1]
    assert made.finding[1].endswith(f"{note[1:]}.")
    assert next(c for c in made.curves if c.measure == "reference_distance").note == note
    claim = next(c for c in made.runs[0].claims if c["name"] == "too low is as bad as too high")
    assert claim["reason"] == note and claim["contrasts"]


def test_text_of_another_length_is_no_reference(tmp_path: Path) -> None:
    made, shown = with_reference(tmp_path, 50)
    assert "reference_distance" not in {c.measure for c in made.curves}
    assert not any("closest" in sentence for sentence in made.finding)
    claim = next(c for c in made.runs[0].claims if c["name"] == "too low is as bad as too high")
    assert claim["verdict"] == "not tested"
    assert claim["reason"].startswith("the reference's windows have 50 tokens and the texts 24: ")
    assert "reference_distance:" not in shown
    assert "the reference's windows have 50 tokens and the texts 24: " in shown


def test_a_comparison_has_no_claims_and_its_seeds_are_the_units() -> None:
    texts = [
        sample([f"{word}{seed}", " and", " so", " on", " it", " goes"], temperature=t, seed=seed, logprob=-t)
        for t, word in ((0.3, "one"), (0.9, "two"))
        for seed in (3, 5)
    ]
    made = comparison_report(comparison(*texts, seeds=(3, 5)))
    assert made.runs[0].claims == ()
    assert made.runs[0].unit == "seed"
    assert made.seeds == (3, 5)
    assert [t.differs_at for t in made.texts] == [None, None, 0, 0]
    perplexity = next(c for c in made.curves if c.measure == "perplexity")
    assert [round(p.mean, 4) for p in perplexity.points] == [1.3499, 2.4596]  # exp of 0.3 and 0.9
    assert perplexity.points[0].units == 2


def test_what_a_comparison_of_one_seed_found_is_its_reading() -> None:
    alone = comparison(sample(["a", " b"], temperature=0.2), sample(["a", " c"], temperature=0.9))
    assert comparison_report(alone).finding == alone.reading
    assert alone.reading


def test_a_comparison_that_was_interrupted() -> None:
    made = comparison_report(comparison(sample(["a", " b"]), temperatures=(0.7, 0.9)))
    assert len(made.texts) == 1
    assert [p.setting for p in made.curves[0].points] == [0]


def test_bad_runs(done: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one run or of two; got 3"):
        run_report(done, done, done)
    with pytest.raises(InputError, match="must differ"):
        run_report(done, done)
    model = FakeModel()
    unfinished = Store(tmp_path / "new")
    with unfinished.locked():
        plan = plan_run(LocalSource(model), case(), varied({"temperature": [1.0]}), seeds=[0], max_new_tokens=4)
        unfinished.begin(plan.to_dict())
    with pytest.raises(RunError, match="is not complete; to go on where it was: repeat its measure command"):
        run_report(unfinished.folder)
