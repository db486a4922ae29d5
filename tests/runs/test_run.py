"""Runs: what is stored is what was generated, nothing is made twice, a kill at any moment costs no whole piece."""

from __future__ import annotations

import json
import multiprocessing
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.fakes import FakeModel
from tests.runs import killed
from tests.runs.killed import PROMPTS, case, make, small
from thermoscope.decode.generate import Progress, generate
from thermoscope.errors import InputError, RunError
from thermoscope.metrics.table import measure
from thermoscope.runs.carry_out import carry_out
from thermoscope.runs.catalog import query, runs_in
from thermoscope.runs.measure import Measuring, stored_texts
from thermoscope.runs.plan import CHUNK_TEXTS, Plan, plan_run
from thermoscope.runs.run import open_run
from thermoscope.runs.store import TABLES, Store
from thermoscope.settings.grid import varied
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.local import LocalSource


def content(store: Store) -> dict[str, pa.Table]:
    """Every table of a run."""
    return {"texts": store.texts(), "tokens": store.tokens()} | {name: store.table(name) for name in TABLES}


def same(a: Store, b: Store) -> bool:
    """Whether two runs have the same tables, claims and files, the manifest's times apart."""
    files = [sorted(str(p.relative_to(s.folder)) for p in s.folder.glob("**/*") if p.name != ".lock") for s in (a, b)]
    left, right = content(a), content(b)
    return files[0] == files[1] and all(left[n].equals(right[n]) for n in left) and a.claims() == b.claims()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An undisturbed run."""
    return make(str(tmp_path_factory.mktemp("done")))


def test_texts_and_tokens_are_those_that_generate_gives(done: Store) -> None:
    plan = open_run(done.folder).plan
    samples = generate(FakeModel(end_bias=3.0), PROMPTS, plan.settings, seeds=range(3), max_new_tokens=24, max_rows=16)
    texts, tokens = done.texts().to_pylist(), done.tokens()
    assert [row["text"] for row in texts] == [s.text for s in samples]
    assert [(r["prompt"], r["setting"], r["seed"], r["finish_reason"]) for r in texts] == [
        (s.prompt, str(s.params), s.seed, s.finish_reason) for s in samples
    ]
    assert [row["text_id"] for row in texts] == list(range(len(samples)))
    for name, column in (("token_ids", "token_id"), ("ranks", "rank"), ("text_ends", "text_end")):
        assert tokens[column].to_pylist() == [value for s in samples for value in getattr(s, name)]
    for name, column in (("logprobs", "logprob"), ("drawn_logprobs", "drawn_logprob"), ("entropies", "entropy")):
        expected = np.array([value for s in samples for value in getattr(s, name)], dtype=np.float32)
        assert np.array_equal(tokens[column].to_numpy(), expected)
    # measured from what is stored as from what is generated
    direct, stored = measure(samples, length=24), done.table("measures")
    for name in ("rep_2", "loop", "perplexity", "entropy", "tokens"):
        mine, theirs = direct[name].to_pylist(), stored[name].to_pylist()
        assert [v is None for v in mine] == [v is None for v in theirs]
        assert [v for v in theirs if v is not None] == pytest.approx([v for v in mine if v is not None], rel=1e-5)


def test_tables_have_every_setting_and_pair(done: Store) -> None:
    settings, differences = done.table("settings"), done.table("differences")
    measures = set(settings["measure"].to_pylist())
    assert {"rep_4", "loop_rate", "perplexity", "self_bleu", "zipf", "agreement"} <= measures
    assert settings.num_rows == len(measures) * 4
    assert differences.num_rows == len(measures) * 6
    by_hand = done.table("groups").group_by("setting").aggregate([("entropy", "mean")]).to_pylist()
    found = {r["setting"]: r["mean"] for r in settings.to_pylist() if r["measure"] == "entropy"}
    assert found == pytest.approx({r["setting"]: r["entropy_mean"] for r in by_hand})


def test_the_manifest_makes_the_run_again(done: Store) -> None:
    manifest = done.manifest()
    assert manifest is not None
    again = Plan.from_dict(manifest["plan"], done.folder)
    assert (again, again.id) == (open_run(done.folder).plan, manifest["id"])
    assert manifest["texts"] == 72 == len(PROMPTS) * 4 * 3
    for words in (
        "thermoscope measure --use-case small",
        "--vary temperature=0.3,0.9 --vary top_k=off,5",
        "--seed 0 --seeds 3",
    ):
        assert words in manifest["command"]
    assert json.loads((done.folder / "manifest.json").read_text()) == manifest


def test_the_same_run_twice_computes_nothing(done: Store) -> None:
    model = FakeModel(end_bias=3.0)
    before = {path: path.stat().st_mtime_ns for path in done.folder.glob("**/*.*") if path.name != ".lock"}
    carry_out(LocalSource(model), small(model), done, Measuring(case()))
    assert (model.stepped, model.added) == (0, [])
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_another_way_of_measuring_makes_no_new_texts(tmp_path: Path) -> None:
    store = make(str(tmp_path))
    model = FakeModel(end_bias=3.0)
    carry_out(
        LocalSource(model),
        small(model),
        store,
        Measuring(case(), scorer=lambda text, answer: len(text), asked={"scorer": "x"}),
    )
    assert model.stepped == 0
    assert all(score >= 0 for score in store.table("measures")["score"].to_pylist())
    assert "--score=x" in store.manifest()["command"]  # type: ignore[index]


def test_an_interrupted_run_goes_on(tmp_path: Path, done: Store) -> None:
    store, model, told = Store(tmp_path / "run"), FakeModel(end_bias=3.0), 0

    def interrupt(state: Progress) -> None:
        nonlocal told
        told = state.finished
        if state.finished > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(LocalSource(model), small(model), store, Measuring(case()), on_progress=interrupt)
    assert store.manifest() is None
    assert store.texts().num_rows == 24  # two prompts are whole
    assert runs_in(tmp_path)[0]["state"] == "not complete"
    assert runs_in(tmp_path)[0]["done"] == 24
    assert query(store.folder, "select count(*) from texts")[1] == [(24,)]
    again = FakeModel(end_bias=3.0)
    carry_out(LocalSource(again), small(again), store, Measuring(case()))
    assert {bytes(context) for context in again.added} == {p.encode() for p in PROMPTS[2:]}
    assert same(store, done)


@pytest.fixture(scope="module")
def fresh() -> Iterator[multiprocessing.context.ForkServerContext]:
    """Processes that start with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([killed.__name__, "pyarrow.parquet", "scipy.special", "filelock"])
    yield context


@pytest.mark.slow
def test_killed_at_twenty_random_moments(
    tmp_path: Path, done: Store, fresh: multiprocessing.context.ForkServerContext
) -> None:
    first = fresh.Process(target=make, args=(str(tmp_path / "first"),))
    first.start()  # with it the server starts
    first.join()
    begun = time.perf_counter()
    assert same(make(str(tmp_path / "timed")), done)
    whole_s = time.perf_counter() - begun
    moments = random.Random(5)
    kills, runs = 0, 0
    while kills < 20:
        folder = tmp_path / f"run-{runs}"
        process = fresh.Process(target=make, args=(str(folder),))
        process.start()
        time.sleep(moments.uniform(0, 0.6 * whole_s))
        process.kill()  # SIGKILL
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if kills % 4 == 0 or Store(folder).manifest() is not None:  # a run is killed up to four times, then resumed
            assert same(make(str(folder)), done)
            runs += 1


@pytest.mark.parametrize("moment", range(12))
def test_a_kill_between_any_two_writes_leaves_a_run_that_goes_on(
    tmp_path: Path, done: Store, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    writes = 0
    replace = Path.replace

    def dies(path: Path, target: Path) -> Path:
        nonlocal writes
        writes += 1
        if writes == 1 + moment * 2:
            raise MemoryError  # before the rename: the unfinished file stays
        return replace(path, target)

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(Path, "replace", dies)
        make(str(tmp_path))
        raise MemoryError  # this moment lies behind the end
    assert same(make(str(tmp_path)), done)


def test_a_folder_of_something_else_is_refused(tmp_path: Path, done: Store) -> None:
    model = FakeModel(end_bias=3.0)
    plan = small(model)
    other = plan_run(LocalSource(model), case(), plan.settings, seeds=range(4), max_new_tokens=24, max_rows=16)
    with pytest.raises(RunError, match="other seeds"):
        carry_out(LocalSource(model), other, done, Measuring(case()))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty and no run"):
        carry_out(LocalSource(model), plan, Store(tmp_path), Measuring(case()))
    with pytest.raises(RunError, match="with plan"):
        open_run(tmp_path)
    (tmp_path / "plan.json").write_text('{"format": "else"}')
    with pytest.raises(RunError, match="format"):
        open_run(tmp_path)
    (tmp_path / "plan.json").write_text("[")
    with pytest.raises(RunError, match="can't be read"):
        open_run(tmp_path)


def test_a_plan_that_cannot_be_read_does_not_hide_the_other_runs(tmp_path: Path, done: Store) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "plan.json").write_text("[")
    (tmp_path / "something else").mkdir()
    (tmp_path / "done").symlink_to(done.folder)
    assert [(r["run"], r["state"]) for r in runs_in(tmp_path)] == [("broken", "unreadable"), ("done", "complete")]
    assert runs_in(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("name", "content", "again"),
    [
        ("settings.parquet", b"PAR", "manifest.json"),
        ("measures.parquet", None, "manifest.json"),
        ("claims.json", b"[", "manifest.json"),
        ("claims.json", b'{"claims": 1}', "manifest.json"),
        ("manifest.json", b"{}", "manifest.json"),
        ("texts/00000.parquet", b"", "texts/00000.parquet"),
        ("tokens/00000.parquet", b"PAR1", "texts/00000.parquet"),
    ],
)
def test_a_damaged_file_is_named_and_made_again(
    tmp_path: Path, done: Store, name: str, content: bytes | None, again: str
) -> None:
    store = Store(tmp_path / "run")
    shutil.copytree(done.folder, store.folder)
    path = store.folder / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError) as told:
        (
            store.manifest(),
            store.claims(),
            store.texts(),
            store.tokens(),
            store.table("settings"),
            store.table("measures"),
        )
    assert str(path) in str(told.value) and f"delete {store.folder / again} and repeat" in str(told.value)
    (store.folder / again).unlink(missing_ok=True)
    model = FakeModel(end_bias=3.0)
    carry_out(LocalSource(model), small(model), store, Measuring(case()))
    assert same(store, done)


def test_a_command_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "command.json").write_text("{}")
    with pytest.raises(RunError, match=r"command\.json.*'command' is no text"):
        Store(tmp_path).complete_manifest()


def test_a_damaged_run_does_not_hide_the_other_runs(tmp_path: Path, done: Store) -> None:
    shutil.copytree(done.folder, tmp_path / "bad")
    (tmp_path / "bad" / "manifest.json").write_text("{}")
    (tmp_path / "done").symlink_to(done.folder)
    assert [(r["run"], r["state"]) for r in runs_in(tmp_path)] == [("bad", "unreadable"), ("done", "complete")]
    (tmp_path / "bad" / "settings.parquet").write_bytes(b"PAR")
    with pytest.raises(InputError, match=r"the query can't be run: .*settings\.parquet"):
        query(tmp_path / "bad", "select 1")


def test_two_processes_do_not_write_one_run(tmp_path: Path) -> None:
    model = FakeModel()
    with Store(tmp_path).locked(), pytest.raises(RunError, match="another process"):
        carry_out(LocalSource(model), small(model), Store(tmp_path), Measuring(case()))


def test_many_seeds_are_made_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    settings = varied({"temperature": [0.5, 1.0]})
    plan = plan_run(LocalSource(model), case(), settings, seeds=range(CHUNK_TEXTS), max_new_tokens=2, max_rows=8)
    chunks = list(plan.chunks())
    assert len(chunks) == 2 * len(PROMPTS)
    assert [c.first_text for c in chunks[:3]] == [0, 128, 256]
    assert sum(len(c.seeds) * 2 for c in chunks) == plan.texts
    monkeypatch.setattr("thermoscope.runs.plan.CHUNK_TEXTS", 4)
    small_chunks = plan_run(LocalSource(model), case(), settings, seeds=range(5), max_new_tokens=6, max_rows=8)
    assert len(list(small_chunks.chunks())) == 3 * len(PROMPTS)
    store = Store(tmp_path)
    carry_out(LocalSource(model), small_chunks, store, Measuring(case()))
    texts = stored_texts(small_chunks, store, Measuring(case()))
    assert texts.groups.tolist() == [5] * 12
    samples = generate(model, PROMPTS, settings, seeds=range(5), max_new_tokens=6)
    assert sorted(store.texts()["text"].to_pylist()) == sorted(s.text for s in samples)
    expected = measure(samples, per="group", length=6).sort_by([("prompt", "ascending"), ("temperature", "ascending")])
    found = store.table("groups").sort_by([("prompt_id", "ascending"), ("temperature", "ascending")])
    order = sorted(range(len(PROMPTS)), key=lambda i: PROMPTS[i])
    mine = {(PROMPTS[r["prompt_id"]], r["temperature"]): r["self_bleu"] for r in found.to_pylist()}
    assert len(order) == len(PROMPTS)
    assert mine == pytest.approx({(r["prompt"], r["temperature"]): r["self_bleu"] for r in expected.to_pylist()})


def test_settings_that_do_the_same_are_not_counted_twice() -> None:
    settings = [SamplingParams(temperature=0.7, order=order) for order in ("transformers", "llama.cpp")]
    with pytest.raises(InputError, match="settings of a run must differ"):
        plan_run(LocalSource(FakeModel()), case(), settings)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"seeds": [0, 1, 0]}, "each seed may be given once; got 0"),
        ({"max_rows": -3}, "max_rows must be"),
        ({"max_rows": 0}, "max_rows must be"),
        ({"max_new_tokens": 0}, "max_new_tokens must be"),
    ],
)
def test_a_plan_refuses_bad_numbers(how: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        plan_run(LocalSource(FakeModel()), case(), [SamplingParams()], **how)  # type: ignore[arg-type]


def test_a_plan_refuses_a_setting_twice_and_takes_any_iterable() -> None:
    with pytest.raises(InputError, match="settings of a run must differ"):
        plan_run(LocalSource(FakeModel()), case(), [SamplingParams(), SamplingParams()])
    with pytest.raises(InputError, match="settings must not be empty"):
        plan_run(LocalSource(FakeModel()), case(), [])
    chosen = (SamplingParams(temperature=t) for t in (0.5, 1.0))
    assert [s.temperature for s in plan_run(LocalSource(FakeModel()), case(), chosen, max_rows=4).settings] == [
        0.5,
        1.0,
    ]


def test_a_query_gives_every_row(done: Store) -> None:
    names, rows = query(done.folder, "select unnest(range(1000001)) as i")
    assert (names, len(rows), rows[-1]) == (["i"], 1_000_001, (1_000_000,))
