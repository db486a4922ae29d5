"""``thermoscope report`` at the shell: formats, places, and what bad input gets."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runs.killed import make
from tests.tiny_cli import Ran, command, environment, process


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(str(tmp_path_factory.mktemp("cli") / "small")).folder


def test_json_and_markdown_are_printed(cli: Callable[..., Ran], run: Path) -> None:
    code, out, _ = cli("report", str(run), "--format", "json")
    assert code == 0
    assert len(json.loads(out)["texts"]) == 72
    assert cli("report", str(run), "--json").out == out
    code, out, _ = cli("report", str(run), "--format", "md")
    assert code == 0
    assert out.startswith("# x\n")


def test_the_format_is_that_of_the_files_name(cli: Callable[..., Ran], run: Path, tmp_path: Path) -> None:
    for name in ("a.json", "a.md"):
        code, out, err = cli("report", str(run), "-o", str(tmp_path / name))
        assert (code, out) == (0, "")
        assert err == f"wrote {tmp_path / name}\n"
    assert json.loads((tmp_path / "a.json").read_text())["format"] == "thermoscope.report/1"


def test_into_a_pipe(run: Path, tmp_path: Path) -> None:
    made = process("report", str(run), "--format", "md", "-o", "/dev/stdout")
    assert (made.returncode, made.stderr) == (0, b"wrote /dev/stdout\n")
    assert made.stdout.startswith(b"# x\n")
    fifo = tmp_path / "fifo.md"
    os.mkfifo(fifo)
    with subprocess.Popen(
        command("report", str(run), "-o", str(fifo)), env=environment(), stderr=subprocess.PIPE
    ) as ran:
        assert fifo.read_bytes() == made.stdout
        assert ran.communicate()[1] == f"wrote {fifo}\n".encode()
    assert fifo.is_fifo()


def test_a_pipe_whose_reader_has_left_is_no_error(run: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ran = subprocess.run(
            command("report", str(run), "--format", "md", "-o", "/dev/stdout"), env=environment(), stdout=write,
            stderr=subprocess.PIPE, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(write)
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.slow
def test_in_korean(cli: Callable[..., Ran], run: Path, tmp_path: Path) -> None:
    code, out, err = cli("report", str(run), "--format", "md", "--language", "ko")
    assert (code, err) == (0, "")
    assert "## 측정 항목" in out and "## Measures" not in out
    assert cli("report", str(run), "-o", str(tmp_path / "page.html"), "--language", "ko").code == 0
    assert '<html lang="ko">' in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["RUN", "--format", "pdf"], "--format must be one of html, md, json, png, svg; got 'pdf'"),
        (
            ["RUN", "-o", "x.pdf"],
            "must end in one of .html, .md, .json, .png, .svg, or give --format; got x.pdf",
        ),
        (["RUN", "RUN"], "two runs beside each other must differ"),
        (["RUN", "--json", "--format", "md"], "--json and --format md contradict each other; leave one out"),
        (["nowhere"], "a run must be a folder with plan.json; got 'nowhere'; see thermoscope runs list"),
        (["RUN", "-o", "/nowhere/x.html"], "the output must be a file that can be written"),
        (["RUN", "RUN", "RUN"], "a report is of one run or of two; got 3"),
        (["RUN", "--language", "xx"], "--language must be one of en, ko; got 'xx'"),
        (
            ["RUN", "--json", "--language", "ko"],
            "json is in English; got language 'ko'; leave it out, or write html or md",
        ),
    ],
)
def test_bad_input_gets_one_line(cli: Callable[..., Ran], run: Path, words: list[str], said: str) -> None:
    code, out, err = cli("report", *(str(run) if word == "RUN" else word for word in words))
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
