"""Runs in folders at URLs: the same files as in a folder here, and what such places can't do is said."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from typer.testing import CliRunner

from tests.fakes import FakeModel
from tests.runs.killed import PROMPTS, case
from tests.tiny_cli import Ran
from thermoscope.cli.app import app
from thermoscope.errors import InputError, OutputError, RunError
from thermoscope.files.remote import Remote, place
from thermoscope.recommending.recommend import recommend
from thermoscope.runs.catalog import runs_in
from thermoscope.runs.querying import query
from thermoscope.runs.run import Run, open_run, run
from thermoscope.runs.store import TABLES, Store

GRID = {"temperature": [0.3, 0.9]}


def made(folder: str | Path, said: list[str] | None = None) -> Run:
    return run(
        FakeModel(end_bias=3.0), case(), GRID, prompts=PROMPTS[:3], seeds=3, max_new_tokens=24, max_rows=16,
        folder=folder, on_note=None if said is None else said.append,
    )  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run in a folder of this machine."""
    return made(tmp_path_factory.mktemp("here"))


@pytest.fixture
def bucket() -> Iterator[str]:
    """A place in fsspec's memory."""
    yield "memory://bucket/runs"
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]


class NetworkError(Exception):
    """As the clients of object stores have: no OSError."""


def fails(*_: Any, **__: Any) -> None:
    raise NetworkError("no\nroute")


def files_of(url: str) -> dict[str, bytes]:
    """Every file below a URL, by what follows it."""
    files, path = fsspec.core.url_to_fs(url)
    return {name[len(path) + 1 :]: files.cat_file(name) for name in files.find(path)}


def assert_same(there: Run, here: Run) -> None:
    """The same tables and claims, and files of the same names."""
    assert there.texts().equals(here.texts()) and there.tokens().equals(here.tokens())
    stores = [Store(place(run.folder)) for run in (there, here)]
    assert all(stores[0].table(name).equals(stores[1].table(name)) for name in TABLES)
    assert there.claims == here.claims
    root = Path(str(here.folder))
    names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert set(files_of(str(there.folder))) == names - {".lock"}


def test_a_run_at_a_url_has_the_files_of_one_here(bucket: str, here: Run) -> None:
    said: list[str] = []
    there = made(f"{bucket}/story", said)
    assert_same(there, here)
    assert isinstance(there.folder, Remote) and str(there.folder) == f"{bucket}/story"
    assert said == [f"{bucket}/story can't be locked: make sure that no other process writes it."]
    assert f"{bucket}/story" in there.command
    assert open_run(f"{bucket}/story").manifest == there.manifest


def test_it_goes_on_where_it_was_and_makes_changed_texts_again(bucket: str, here: Run) -> None:
    made(f"{bucket}/story")
    files = fsspec.filesystem("memory")
    for name in ("manifest.json", "texts/00001.parquet"):
        files.rm_file(f"/bucket/runs/story/{name}")
    changed = files.cat_file("/bucket/runs/story/tokens/00002.parquet")
    files.pipe_file("/bucket/runs/story/tokens/00002.parquet", changed[:-9])  # half a file
    kept = files.created("/bucket/runs/story/texts/00000.parquet")
    said: list[str] = []
    assert not open_run(f"{bucket}/story").complete
    assert_same(made(f"{bucket}/story", said), here)
    assert len(said) == 2 and "00002.parquet can't be read" in said[1] and said[1].endswith("are made again")
    assert files.created("/bucket/runs/story/texts/00000.parquet") == kept


def test_what_reads_runs_reads_them_there(bucket: str) -> None:
    there = made(f"{bucket}/story")
    assert [row["run"] for row in runs_in(place(bucket))] == ["story"]
    assert query(there.folder, "select count(*) from texts")[1] == [(18,)]
    url = f"{bucket}/story"
    for words in (["runs", "list", bucket], ["runs", "show", url], ["report", url, "--json"],
                  ["runs", "sql", url, "select count(*) from texts"]):  # fmt: skip
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert "18" in done.output or "story" in done.output
    refused = CliRunner().invoke(app, ["report", f"{bucket}/story"]).exception
    assert isinstance(refused, InputError) and "is at a URL; name a file here: -o report.html" in str(refused)


def test_what_is_wrong_with_a_url_is_one_line(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="must be of a file system that fsspec knows; got 'nothing://x/y'"):
        place("nothing://x/y")
    with pytest.raises(InputError, match="only runs are kept at URLs; got memory://bucket/runs/x; name a folder"):
        recommend(FakeModel(), case(), folder=f"{bucket}/x")
    with pytest.raises(RunError, match=r"must be a folder with plan.json; got 'memory://bucket/runs/none'"):
        open_run(f"{bucket}/none")
    fsspec.filesystem("memory").pipe_file("/bucket/runs/other/letter.txt", b"x")
    with pytest.raises(RunError, match="is not empty and no run"):
        made(f"{bucket}/other")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.pipe_file", fails)
    with pytest.raises(OutputError, match=r"can't be written to 'memory://bucket/runs/new/plan.json': no route; mend"):
        made(f"{bucket}/new")


@pytest.mark.parametrize("words", [("list",), ("show", "story"), ("sql", "story", "select 1")], ids=" ".join)
def test_a_network_that_fails_is_one_line_and_no_missing_file(
    words: tuple[str, ...], bucket: str, cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.info", fails)
    command, *more = words
    url = "/".join([bucket, *more[:1]])
    done = cli("runs", command, url, *more[1:])
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert f"thermoscope: error: '{url}" in done.err and "': no route; check the path" in done.err
    with pytest.raises(OSError, match="no route"):
        made(f"{bucket}/story")
    assert not fsspec.filesystem("memory").store  # nothing was begun


def test_a_file_url_is_a_folder_here(tmp_path: Path) -> None:
    assert place(f"file://{tmp_path}/x") == tmp_path / "x"
    assert place("runs/x") == Path("runs/x")


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server that speaks S3, with a bucket of the name "bucket"; the folder of its buckets."""
    s3fs, localbucket = pytest.importorskip("s3fs"), pytest.importorskip("localbucket")
    (tmp_path / "bucket").mkdir()
    how = {"data_root": tmp_path, "disable_nagle_algorithm": True}  # else each answer waits for 40 ms
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (localbucket.S3Handler,), how))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    for name, value in {"key": "x", "secret": "x", "endpoint_url": f"http://127.0.0.1:{server.server_port}"}.items():
        monkeypatch.setitem(fsspec.config.conf.setdefault("s3", {}), name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    yield tmp_path
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_a_run_on_a_server_that_speaks_s3(s3: Path, here: Run) -> None:
    assert_same(made("s3://bucket/story"), here)
    for name in ("manifest.json", "texts/00002.parquet"):
        (s3 / "bucket" / "story" / name).unlink()
    fsspec.filesystem("s3").invalidate_cache()
    assert_same(made("s3://bucket/story"), here)
    assert [row["run"] for row in runs_in(place("s3://bucket"))] == ["story"]
    assert query(place("s3://bucket/story"), "select count(*) from texts")[1] == [(18,)]
    with pytest.raises(OutputError, match="a run can't be written to 's3://none/story"):
        made("s3://none/story")
    assert not (s3 / "none").exists()
