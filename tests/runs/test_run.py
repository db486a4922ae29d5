"""Runs: what is stored is what was generated, nothing is made twice, a kill at any moment costs no whole piece."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.fakes import FakeModel
from tests.runs import killed
from tests.runs.killed import PROMPTS, case, make, small
from thermoscope.decode.generate import generate
from thermoscope.decode.progress import Progress
from thermoscope.errors import InputError, OutputError, RunError
from thermoscope.files.writing import PART
from thermoscope.metrics.table import measure, text_values
from thermoscope.runs.carry_out import carry_out
from thermoscope.runs.catalog import runs_in
from thermoscope.runs.measure import stored_texts
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.plan import CHUNK_TEXTS, Plan, plan_run
from thermoscope.runs.querying import query, tables_for
from thermoscope.runs.run import open_run
from thermoscope.runs.store import TABLES, Store
from thermoscope.settings.grid import varied
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.local import LocalSource

#: A query that never ends.
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


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


@pytest.mark.slow
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
            path.rename(path.with_name(f"left{PART}"))  # as after a kill: the unfinished file stays
            raise MemoryError
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


def edited(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def altered(path: Path, column: str) -> None:
    """Another value in the first row of a table."""
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[0] = values[0] - 1 if not isinstance(values[0], str) else f"{values[0]} "
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array(values, table[column].type)), path)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "torn": ("settings.parquet", lambda path: path.write_bytes(b"PAR")),
    "gone": ("measures.parquet", Path.unlink),
    "swapped": ("groups.parquet", lambda path: shutil.copy(path.with_name("measures.parquet"), path)),
    "edited value": ("settings.parquet", lambda path: altered(path, "mean")),
    "no JSON": ("claims.json", lambda path: path.write_bytes(b"[")),
    "nested JSON": ("claims.json", lambda path: path.write_bytes(b"[" * 100_000)),
    "other fields": ("claims.json", lambda path: path.write_bytes(b'{"claims": 1}')),
    "edited claim": ("claims.json", lambda path: edited(path, b"low repeats", b"low repents")),
    "empty manifest": ("manifest.json", lambda path: path.write_bytes(b"{}")),
    "edited manifest": (
        "manifest.json",
        lambda path: edited(path, b'"objective": "creative"', b'"objective": "technical"'),
    ),
    "torn shard": ("texts/00000.parquet", lambda path: path.write_bytes(b"")),
    "torn tokens": ("tokens/00000.parquet", lambda path: path.write_bytes(b"PAR1")),
    "half the rows": ("texts/00001.parquet", lambda path: pq.write_table(pq.read_table(path).slice(0, 6), path)),
    "twice the rows": (
        "texts/00001.parquet",
        lambda path: pq.write_table(pa.concat_tables([pq.read_table(path)] * 2), path),
    ),
    "another shard": ("texts/00001.parquet", lambda path: shutil.copy(path.with_name("00002.parquet"), path)),
    "another text": ("texts/00002.parquet", lambda path: altered(path, "text")),
    "another log-probability": ("tokens/00002.parquet", lambda path: altered(path, "logprob")),
    "another record": ("chunks/00003.json", lambda path: shutil.copy(path.with_name("00004.json"), path)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGE)
def test_what_was_changed_is_named_and_made_again(tmp_path: Path, done: Store, kind: str) -> None:
    name, damage = DAMAGE[kind]
    store = Store(tmp_path / "run")
    shutil.copytree(done.folder, store.folder)
    damage(store.folder / name)
    if kind != "another record":
        with pytest.raises(RunError) as told:
            (store.manifest(), store.claims(), store.texts(), store.tokens(), [store.table(each) for each in TABLES])
        assert str(store.folder / name) in str(told.value)
        assert "repeat the run's measure command" in str(told.value)
    said: list[str] = []
    model = FakeModel(end_bias=3.0)
    carry_out(LocalSource(model), small(model), store, Measuring(case()), on_note=said.append)
    assert len(said) == 1
    assert "made again" in said[0] if "0000" in name else "measured again" in said[0]
    assert same(store, done)
    assert (model.stepped > 0) == ("0000" in name)


@pytest.mark.parametrize("kind", ["half the rows", "another shard"])
def test_runs_without_checksums_are_held_against_their_rows(tmp_path: Path, done: Store, kind: str) -> None:
    name, damage = DAMAGE[kind]
    store = Store(tmp_path / "run")
    shutil.copytree(done.folder, store.folder)
    shutil.rmtree(store.folder / "chunks")
    (store.folder / "manifest.json").unlink()
    damage(store.folder / name)
    said: list[str] = []
    model = FakeModel(end_bias=3.0)
    carry_out(LocalSource(model), small(model), store, Measuring(case()), on_note=said.append)
    assert len(said) == 1
    assert "has other rows than it was made with; its texts are made again" in said[0]
    assert content(store)["texts"].equals(done.texts())


def test_a_plan_that_was_edited_is_not_taken_for_what_ran(tmp_path: Path, done: Store) -> None:
    shutil.copytree(done.folder, tmp_path / "run")
    edited(tmp_path / "run" / "plan.json", b'"temperature": 0.3', b'"temperature": 0.4')
    with pytest.raises(RunError, match=r"plan\.json can't be read \(it was changed since it was written\)"):
        _ = open_run(tmp_path / "run").manifest


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'"prompts": [', b'"prompts": [], "_": [', "prompts"),
        (b'"settings": [', b'"settings": [], "_": [', "settings"),
        (b'"seeds": [', b'"seeds": 3, "_": [', "seeds"),
        (b'"max_new_tokens": 24', b'"max_new_tokens": "24"', "max_new_tokens"),
    ],
)
def test_a_plan_of_other_types_names_its_field(tmp_path: Path, done: Store, old: bytes, new: bytes, field: str) -> None:
    shutil.copytree(done.folder, tmp_path / "run")
    edited(tmp_path / "run" / "plan.json", old, new)
    with pytest.raises(RunError, match=rf"plan\.json can't be read \(field {field}: "):
        open_run(tmp_path / "run")
    assert [row["state"] for row in runs_in(tmp_path)] == ["unreadable"]


def test_a_complete_run_on_a_read_only_disk_is_opened(
    tmp_path: Path, done: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(done.folder, tmp_path / "run")
    monkeypatch.chdir(tmp_path)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "run/.lock")

    monkeypatch.setattr("filelock.FileLock.acquire", read_only)
    model = FakeModel(end_bias=3.0)
    for folder in (Path("run"), tmp_path / "run"):
        carry_out(LocalSource(model), small(model), Store(folder), Measuring(case()))
        with pytest.raises(OutputError, match=r"a run can't be written to .*: Read-only file system"):
            carry_out(LocalSource(model), small(model), Store(folder), Measuring(case(), asked={"scorer": "x"}))
    assert model.stepped == 0


def test_a_full_disk_is_one_line_and_the_run_goes_on(
    tmp_path: Path, done: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 7

    def full(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match=r"No space left on device; mend that, and the same command goes on"):
            make(str(tmp_path / "run"))
    assert not list((tmp_path / "run").glob(f"**/*{PART}"))
    assert same(make(str(tmp_path / "run")), done)


def test_a_command_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "command.json").write_text("{}")
    with pytest.raises(RunError, match=r"command\.json.*field command"):
        Store(tmp_path).complete_manifest()


def test_a_damaged_run_does_not_hide_the_other_runs(tmp_path: Path, done: Store) -> None:
    shutil.copytree(done.folder, tmp_path / "bad")
    (tmp_path / "bad" / "manifest.json").write_text("{}")
    (tmp_path / "done").symlink_to(done.folder)
    assert [(r["run"], r["state"]) for r in runs_in(tmp_path)] == [("bad", "unreadable"), ("done", "complete")]
    with pytest.raises(RunError, match=r"manifest\.json can't be read \(field format"):
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
    texts, _ = stored_texts(small_chunks, store, Measuring(case()))
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
    with pytest.raises(InputError, match="settings must differ"):
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
    with pytest.raises(InputError, match="settings must differ"):
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


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select * from read_csv('/etc/passwd')", "file system operations are disabled by configuration"),
        ("select * from '/etc/passwd'", "file system operations are disabled|does not exist"),
        ("copy texts to 'out.csv'", "file system operations are disabled by configuration"),
        ("attach 'other.db'", "file system operations are disabled by configuration"),
        ("install httpfs", "disabled"),
        ("load httpfs", "disabled"),
        ("set enable_external_access = true", "locked|Cannot change"),
        ("select * from nowhere", "the tables are texts, tokens, measures, groups, settings, differences"),
        ("", "a query must ask for something"),
    ],
)
def test_a_query_reads_the_run_and_nothing_else(
    done: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"(?i){says}"):
        query(done.folder, sql)
    assert list(tmp_path.iterdir()) == []


def test_a_query_ends_in_time_and_memory(done: Store) -> None:
    with pytest.raises(InputError, match=r"took more than 0\.2 s and was stopped"):
        query(done.folder, ENDLESS, time_s=0.2)
    with pytest.raises(InputError, match="needs more than 64MB of memory; ask for less, or allow more"):
        query(done.folder, "select list(range) from range(100000000)", memory="64MB", time_s=60)
    with pytest.raises(InputError, match="memory of a query must be a size such as 2GB; got 'much'"):
        query(done.folder, "select 1", memory="much")


def test_an_interrupt_stops_a_query(done: Store) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    soon = Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    soon.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            query(done.folder, ENDLESS, time_s=60)
    finally:
        signal.signal(signal.SIGINT, before)


def test_files_that_a_query_names_are_counted_while_they_are_checked(done: Store) -> None:
    told: list[tuple[int, int]] = []
    tables_for(done.folder, "select count(*) from texts", lambda *how_far: told.append(how_far))
    assert told == [(number, 6) for number in range(6)]


def test_a_query_opens_the_files_that_it_names_alone(done: Store) -> None:
    assert "tokens" not in tables_for(done.folder, "select count(*) from TEXTS").by_name
    assert {("texts",), ("tokens",)} <= set(query(done.folder, "show tables")[1])
    with pytest.raises(InputError, match="the tables are texts, tokens, measures, groups, settings, differences"):
        query(done.folder, "select count(*) from texts, nowhere")


def test_columns_of_one_name_are_told_apart(done: Store) -> None:
    names, rows = query(done.folder, "select 1 as a, 2 as a, 3 as a")
    assert (names, rows) == (["a", "a_2", "a_3"], [(1, 2, 3)])


def test_a_name_with_a_pattern_is_that_run_alone(tmp_path: Path, done: Store) -> None:
    for name in ("r[1]", "r*", "r1"):
        shutil.copytree(done.folder, tmp_path / name)
    (tmp_path / "r1" / "texts" / "00000.parquet").unlink()
    for name in ("r[1]", "r*"):
        assert query(tmp_path / name, "select count(*) from texts")[1] == [(72,)]
        assert open_run(tmp_path / name).texts().num_rows == 72


@pytest.mark.parametrize("all_shards", [True, False])
def test_runs_of_versions_that_did_not_record_tempered_entropies(
    done: Store, tmp_path: Path, *, all_shards: bool
) -> None:
    """They open, are measured and queried; what was not recorded is unknown, also where the rest of a run is newer."""
    store = Store(tmp_path / "old")
    shutil.copytree(done.folder, store.folder)
    shutil.rmtree(store.folder / "chunks")  # they keep no checksums either
    shards = sorted(store.folder.glob("tokens/*.parquet"))
    for path in shards if all_shards else shards[:1]:
        pq.write_table(pq.read_table(path).drop_columns(["tempered_entropy"]), path)
    plan, measuring = open_run(store.folder).plan, Measuring(case())
    texts, before = (stored_texts(plan, s, measuring)[0] for s in (store, done))
    unknown = np.isnan(text_values(texts)["tempered_entropy"])
    assert not np.isnan(text_values(before)["tempered_entropy"]).all()
    assert unknown.all() if all_shards else 0 < unknown.sum() < len(texts)
    assert text_values(texts)["entropy"] == pytest.approx(text_values(before)["entropy"], nan_ok=True)
    assert query(store.folder, "select count(*) from tokens")[1] == [(done.tokens().num_rows,)]
