"""``thermoscope recommend`` and ``export --run``: what is printed, written, refused and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_cli import Ran, command, environment
from thermoscope.cli.recommend import _vary
from thermoscope.errors import InputError

Cli = Callable[..., Ran]
SMALL = ("--max-new-tokens", "4", "--budget", "1500", "--run", "kept")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = ["One day", "The fox", "A king", "Snow", "Why?", "The end"]
    (tmp_path / "mine.txt").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_the_answer_is_printed_kept_and_exported(here: Path, cli: Cli, tiny_model: Path) -> None:
    asked = ("recommend", "--prompts", "mine.txt", "--model", str(tiny_model), *SMALL, "--bound", "surprise=9",
             "--bound", "rep_4=1", "--bound", "loop_rate=1")  # fmt: skip
    ran = cli(*asked)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("Use temperature=")
    assert any(line.startswith("Not seen: ") for line in lines[:8])
    assert max(map(len, (line for line in lines if not line.startswith("thermoscope ")))) <= 80
    assert "Plan: " in ran.err.split("Feasible so far")[0]  # before anything is spent
    assert "2 of 6 prompts are held out" in ran.out
    again = cli(*asked, "--json")
    found = json.loads(again.out)
    assert found["verdict"] == "picked" and lines[0] in found["finding"][0]
    assert "Plan: " not in again.err  # nothing is spent any more
    exported = cli(*found["next_command"].split()[1:], "--json")
    assert exported.code == 0, exported.err
    assert json.loads(exported.out)["params"]["temperature"] == found["setting"]["temperature"]
    page = cli("report", "kept")
    assert page.code == 0 and (here / "kept" / "report.html").read_text(encoding="utf-8").count("Use temperature=")
    assert cli("report", "kept", "--format", "md").out.startswith("# Prompts of mine.txt on ")
    assert cli("runs", "sql", "kept/round-1", "select count(*) n from texts", "--json").code == 0
    assert cli("report", "kept/round-1", "--format", "json").code == 0


def test_what_is_recommended_is_exported_alone(here: Path, cli: Cli) -> None:
    assert "holds no recommendation" in cli("export", "--run", "nowhere", "--to", "vllm").err
    assert "leave --temperature out" in cli("export", "--run", "kept", "-t", "1", "--to", "vllm").err
    assert "give --to ENGINE" in cli("export", "--run", "kept").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --use-case NAME or --prompts FILE; got neither"),
        (["--prompts", "mine.txt", "--use-case", "creative-story"], "got both"),
        (["--prompts", "none.txt"], "none.txt"),
        (["--prompts", "mine.txt", "--budget", "5x"], "budget must be tokens, minutes or dollars"),
        (["--prompts", "mine.txt", "--vary", "min_p"], "--vary must be NAME=VALUES"),
        (["--prompts", "mine.txt", "--vary", "temp=1:2"], "can't vary 'temp'"),
        (["--prompts", "mine.txt", "--bound", "rep=1"], "did you mean 'rep_4'"),
        (["--prompts", "mine.txt", "--matters", "-1"], "--matters must be a finite number"),
        (["--prompts", "mine.txt", "--best-of", "0"], "--best-of must be"),
        (["--prompts", "mine.txt", "--scorer", "no scorer"], "--score must be"),
        (["--prompts", "mine.txt", "--params", "model"], "--baseline model"),
    ],
)
def test_bad_arguments_are_one_line(words: list[str], message: str, here: Path, cli: Cli, tiny_model: Path) -> None:
    ran = cli("recommend", *words, "--model", str(tiny_model))
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err and ran.err.count("\n") <= 3 and "Traceback" not in ran.err
    assert not (here / "runs").exists()


def test_ranges_and_values_as_they_are_typed() -> None:
    assert _vary(["temperature=0:1.5", "min-p=off,0.05", "top_p=0.8:1:0.1"]) == {
        "temperature": "0:1.5", "min_p": [None, 0.05], "top_p": [0.8, 0.9, 1.0],
    }  # fmt: skip
    with pytest.raises(InputError, match="given twice"):
        _vary(["min_p=0.1", "min_p=0.2"])


@pytest.mark.slow
def test_a_kill_and_an_interrupt_lose_nothing(here: Path, tiny_model: Path) -> None:
    """The answer after both is that of an undisturbed run; what was stored is not made again."""
    asked = command(
        "recommend", "--prompts", "mine.txt", "--model", str(tiny_model), "--max-new-tokens", "8", "--budget", "6000",
        "--bound", "surprise=9", "--bound", "rep_4=1", "--bound", "loop_rate=1",
    )  # fmt: skip

    def begun(wait_for: str, end: signal.Signals) -> tuple[int, str]:
        process = subprocess.Popen(
            [*asked, "--run", "cut"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        deadline = time.monotonic() + 100
        while not list((here / "cut").glob(wait_for)) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, end)
        out, _ = process.communicate(timeout=100)
        return process.returncode, out

    assert begun("round-1/texts/*.parquet", signal.SIGKILL)[0] == -signal.SIGKILL
    stored = {path: path.read_bytes() for path in (here / "cut").glob("*/texts/*.parquet")}
    code, out = begun("round-2/texts/*.parquet", signal.SIGINT)
    assert code in (0, 130)
    assert code == 0 or out.startswith(("Use ", "No setting"))
    for name in ("cut", "whole"):
        words = ["--run", name, "--json", "-o", f"{name}.json"]
        subprocess.run([*asked, *words], env=environment(), check=True)
    assert all(path.read_bytes() == content for path, content in stored.items())
    cut, whole = (json.loads((here / f"{name}.json").read_text()) for name in ("cut", "whole"))
    for name in ("finding", "setting", "candidates"):
        assert cut[name] == whole[name]
