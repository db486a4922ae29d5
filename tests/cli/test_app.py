"""The command as a whole: help, exit codes, and what happens when a reader or a user leaves."""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import thermoscope
from tests.fakes import FakeModel
from tests.runs.killed import case
from tests.tiny_cli import Ran, command, environment, process
from thermoscope._version import __version__
from thermoscope.runs.carry_out import carry_out
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.plan import plan_run
from thermoscope.runs.store import Store
from thermoscope.settings.grid import varied
from thermoscope.sources.local import LocalSource


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help(arguments: tuple[str, ...], cli: Callable[..., Ran]) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: thermoscope [OPTIONS] COMMAND")
    assert "compare" in ran.out


def test_version(cli: Callable[..., Ran]) -> None:
    assert cli("--version") == (0, f"thermoscope {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("blah",), "no such command 'blah'"),
        (("--blah",), "no such option: --blah"),
        (("compare", "x", "y"), "unexpected extra argument"),
        (("compare", "x", "--top-k"), "requires an argument"),
        (("compare", "-5 degrees"), "no such option"),
    ],
)
def test_what_is_not_understood_is_one_line(arguments: tuple[str, ...], says: str, cli: Callable[..., Ran]) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert says in ran.err
    assert ran.err.startswith("thermoscope: error: ")


def test_module_and_command_are_the_same() -> None:
    ran = process("compare", "x", "-t", "hot")
    assert ran.returncode == 2
    assert ran.stderr == (
        b"thermoscope: error: temperature must be a number, or a range from:to:step; got 'hot'; "
        b"write 0.7 or 0.1:1.5:0.2\n"
    )


@pytest.mark.slow
def test_ctrl_c_prints_what_is_finished(tiny_model: Path) -> None:
    outer, inner = pty.openpty()  # progress is told on a terminal: there it is seen when the first texts are there
    arguments = ["-t", "0.3,0.9", "--seeds", "2000", "--max-new-tokens", "40", "--max-rows", "8", "--json"]
    job = subprocess.Popen(
        command("compare", "Once upon", "--model", str(tiny_model), *arguments),
        stdout=subprocess.PIPE,
        stderr=inner,
        env=environment() | {"COLUMNS": "120"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    os.close(inner)
    told = b""
    while not re.search(rb"[1-9]\d*/4000 texts", told):
        told += os.read(outer, 65536)
    job.send_signal(signal.SIGINT)
    drain = threading.Thread(target=_drain, args=(outer, rest := bytearray()))
    drain.start()
    out, _ = job.communicate(timeout=60)
    drain.join(timeout=10)
    os.close(outer)
    assert job.returncode == 130
    record = json.loads(out)
    assert record["complete"] is False
    assert 0 < len(record["texts"]) < 4000
    assert b"Traceback" not in told + rest
    assert f"thermoscope: interrupted; {len(record['texts'])} of 4000 texts are finished" in rest.decode()


def _drain(end: int, into: bytearray) -> None:
    """Read a terminal until its other end is closed, which Linux tells as an error."""
    with contextlib.suppress(OSError):
        while block := os.read(end, 65536):
            into += block


def test_ctrl_c_before_there_is_anything(cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    import thermoscope.models.load

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(thermoscope.models.load, "load_model", interrupt)
    assert cli("compare", "x") == (130, "", "thermoscope: interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_reader_that_leaves_is_no_error(how: list[str]) -> None:
    # the model of the tests stands in for a real one: what is tried is how the process writes and ends
    script = (
        "import sys, types; from tests.fakes import FakeModel; from thermoscope.cli import app\n"
        "load = sys.modules['thermoscope.models.load'] = types.ModuleType('load')  # the real one takes seconds\n"
        "load.load_model = lambda *a, **k: FakeModel(); app.main()"
    )
    read, write = os.pipe()
    os.close(read)
    arguments = [sys.executable, "-c", script, "compare", "Once", "--max-new-tokens", "5", *how]
    root = str(Path(__file__).parents[2])
    try:
        ran = subprocess.run(
            arguments, stdout=write, stderr=subprocess.PIPE, env=environment(), timeout=60, check=False, cwd=root
        )
    finally:
        os.close(write)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_sql_leaves_standard_error_empty(tmp_path: Path) -> None:
    model = FakeModel()
    design = plan_run(LocalSource(model), case(), varied({"temperature": [1.0]}), seeds=[0], max_new_tokens=4)
    carry_out(LocalSource(model), design, Store(tmp_path / "run"), Measuring(case()))
    command = [sys.executable, "-m", "thermoscope", "runs", "sql", str(tmp_path / "run")]
    asked = subprocess.run([*command, "select count(*) as n from texts"], capture_output=True, timeout=60, check=True)
    assert (asked.stdout.split(), asked.stderr) == ([b"n", b"6"], b"")
    wrong = subprocess.run([*command, "selec"], capture_output=True, timeout=60, check=False)
    assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("asked", "set_to"),
    [({}, "2000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_waiting_threads_of_the_command_leave_the_processor_to_others(asked: dict[str, str], set_to: str) -> None:
    script = (
        "import contextlib, os, sys; from thermoscope.cli.app import main; sys.argv = ['thermoscope', '--version']\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "print(os.environ.get('GOMP_SPINCOUNT'))"
    )
    ran = subprocess.run([sys.executable, "-c", script], env={**bare(), **asked}, capture_output=True, check=True)
    assert ran.stdout.decode().splitlines()[-1] == set_to


@pytest.mark.slow
def test_the_library_sets_no_environment_variable_of_torch() -> None:
    script = "import os, thermoscope; thermoscope.load_model(); print(os.environ.get('GOMP_SPINCOUNT'))"
    ran = subprocess.run([sys.executable, "-c", script], env=bare(), capture_output=True, check=True)
    assert ran.stdout.decode().strip() == "None"


def bare() -> dict[str, str]:
    """The environment without what is said of waiting threads."""
    return {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}


@pytest.mark.parametrize("flag", ["-v", "--verbose"])
def test_verbose_says_how_the_model_runs(cli: Callable[..., Ran], tiny_model: Path, flag: str) -> None:
    words = ("compare", "Once", "-t", "0.5", "--max-new-tokens", "2", "--model", str(tiny_model))
    quiet, loud = cli(*words), cli(*words, flag)
    assert (quiet.code, loud.code, quiet.err) == (0, 0, "")
    assert quiet.out == loud.out
    lines = loud.err.splitlines()
    assert all(line.startswith("thermoscope: ") for line in lines)
    assert "packed linear layers; cache in place, our one-token attention" in lines[0]
    assert lines[-1] == "thermoscope: texts: 1, at most 1 rows at a time"


def test_no_tensor_waits_for_a_search_for_cycles(tiny_model: Path) -> None:
    """The command searches rarely: what holds memory must go when the last reference to it goes."""
    model = thermoscope.load_model(tiny_model)

    def work() -> None:
        thermoscope.compare(model, "Once", [0.3, 0.9], seeds=range(2), max_new_tokens=12)
        thermoscope.spectrum(model, "Once", max_new_tokens=8)
        thermoscope.inspect(model, "Once", at_step=2)

    work()  # what is made once and stays is made here
    gc.collect()
    gc.disable()
    try:
        work()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        assert not [one for one in gc.garbage if type(one) is torch.Tensor]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    command = [sys.executable, "-m", "thermoscope", "use-cases", "list"]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env=environment(), text=True, timeout=60, check=False
        )
    assert ran.returncode == 2
    assert ran.stderr == (
        "thermoscope: error: standard output can't be written (No space left on device); make room there, or write "
        "elsewhere with -o\n"
    )


@pytest.mark.parametrize(
    ("closed", "arguments", "code", "says"),
    [
        (">&-", "export -t 0.7 --to vllm", 2, "standard output can't be written (it is closed)"),
        (">&-", "export -t 0.7 --to vllm --json", 2, "standard output can't be written (it is closed)"),
        (">&-", "--help", 2, "standard output can't be written (it is closed)"),
        ("<&-", "compare - -t 0.5", 2, "a prompt must have at least one token; got an empty one"),
        ("2>&-", "export -t 0.7 --to vllm", 0, ""),
    ],
)
def test_closed_streams_are_one_line(closed: str, arguments: str, code: int, says: str) -> None:
    ran = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m thermoscope {arguments} {closed}"],
        capture_output=True, env=environment(), text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == code
    assert says in ran.stderr
    assert ran.stderr.count("\n") == bool(says)


def test_what_cannot_be_written_is_printed_and_the_old_file_stays(
    tmp_path: Path, cli: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    old = tmp_path / "old.txt"
    old.write_text("old")
    for option in ("-o", "--html"):
        ran = cli("compare", "Once", "-t", "0.5", "--max-new-tokens", "3", option, str(old))
        assert ran.code == 2
        assert "T=0.5" in ran.out
        assert "No space left on device" in ran.err
        assert ran.err.count("\n") == 1
        assert old.read_text() == "old"
        assert list(tmp_path.iterdir()) == [old]
