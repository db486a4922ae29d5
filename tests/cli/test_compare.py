"""``thermoscope compare`` from the command line."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny_cli import Ran, command, environment, process
from thermoscope.cli import console
from thermoscope.cli import progress as lines
from thermoscope.comparison.article import EXPERIMENTS
from thermoscope.decode.progress import Progress
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.stages import STAGES

Cli = Callable[..., Ran]


BAD = [
    (["-t", "-0.5"], "temperature must be at least 0; got -0.5; use 0 for greedy decoding"),
    (["--thinking", "x"], "--thinking must be one of apart, drop, keep; got 'x'"),
    (["-t", "nan"], "temperature must be a finite number; got nan; use"),
    (["-t", "inf"], "temperature must be a finite number; got inf"),
    (["-t", "abc"], "temperature must be a number, or a range from:to:step; got 'abc'; write 0.7"),
    (["-t", "0.5:0.1:0.1"], "range must go up"),
    (["-t", "0.5", "-t", "0.50"], "each temperature may be given once; got 0.5 twice; leave one out"),
    (["--top-p", "0"], "top_p must be greater than 0; got 0; use a value in (0, 1]"),
    (["--top-p", "1.5"], "top_p must be at most 1; got 1.5; use"),
    (["--min-p", "nan"], "min_p must be a finite number; got nan"),
    (["--top-k", "0"], "top_k must be at least 1; got 0"),
    (["--top-k", "2.5"], "top_k must be a whole number; got 2.5; use a whole number such as 50"),
    (["--top-k", "abc"], "top_k must be a number; got 'abc'; use a whole number such as 50"),
    (["--top-k", "1:2:3"], "top_k must be a number; got '1:2:3'"),
    (
        ["--order", "exl"],
        "--order must be transformers, vllm, llama.cpp, sglang or a list of logit_bias, encoder_repetition",
    ),
    (["--order", "top_k,heat"], "order has the unknown stage 'heat'; the stages are logit_bias, encoder_repetition"),
    (["--order", "top_k", "-t", "0.5"], "order lacks the stage 'temperature'"),
    (["--seeds", "-1"], "--seeds must be a whole number from 1 to 100000; got '-1'; write 1"),
    (["--seeds", "0"], "--seeds must be"),
    (["--seed", "-1"], "--seed must be a whole number from 0"),
    (["--seed", "1.5"], "--seed must be a whole number"),
    (["--seed", "1", "--seed", "1"], "each seed may be given once; got 1 twice"),
    (["--seed", "1", "--seed", "2", "--seeds", "2"], "give several --seed or --seeds, not both"),
    (["--max-new-tokens", "0"], "--max-new-tokens must be a whole number of at least 1; got '0'"),
    (["--max-length", "ten"], "--max-length must be a whole number of at least 1; got 'ten'"),
    (["--max-length", "9", "--max-new-tokens", "9"], "give --max-new-tokens or --max-length, not both"),
    (["--max-rows", "0"], "--max-rows must be a whole number of at least 1"),
    (["--stop", ""], "--stop must be a text that is not empty; got ''"),
    (["--output", "/no/such/folder/x"], "must be a file that can be written; got '/no/such/folder/x' (No such file"),
    (["--output", "/"], "must be a file that can be written; got '/' (Is a directory); choose another path"),
    (["--experiment", "temperature"], "--experiment temperature fixes the prompt and the settings; leave a prompt out"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD, ids=lambda part: " ".join(part) if isinstance(part, list) else "")
@pytest.mark.usefixtures("no_model")
def test_bad_input_is_one_line_before_any_model_is_loaded(arguments: list[str], says: str, cli: Cli) -> None:
    ran = cli("compare", "A prompt", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith("thermoscope: error: ")
    assert says in ran.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        ([], b"", 'give a prompt, such as "Once upon a time"'),
        ([""], b"", "a prompt must have at least one token; got an empty one; write a word"),
        (["-"], b"", "a prompt must have at least one token"),
        (["-"], b"\n", "a prompt must have at least one token"),
        (["-"], b"caf\xe9", "the prompt on standard input must be UTF-8; byte 0xe9 is not"),
        (
            ["--experiment", "blah"],
            b"",
            "must be one of temperature, creative-story, technical-explanation; got 'blah'",
        ),
        (["--experiment", "temperature", "-t", "1"], b"", "fixes the prompt and the settings; leave -t out"),
        (["--experiment", "temperature", "--top-k", "1"], b"", "leave --top-k out"),
        (["--experiment", "temperature", "--max-length", "9"], b"", "leave --max-length out"),
    ],
)
@pytest.mark.usefixtures("no_model")
def test_bad_prompts(arguments: list[str], stdin: bytes, says: str, cli: Cli) -> None:
    ran = cli("compare", *arguments, stdin=stdin)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert says in ran.err


def test_bad_input_that_only_the_model_can_tell(tiny_model: Path, cli: Cli) -> None:
    for arguments, says in (
        (["A prompt", "--max-length", "3"], "max_length counts the prompt and must be above its"),
        (["word " * 600], "a prompt must leave room in the model's context of 512 tokens; got"),
        (["A prompt", "--max-new-tokens", "600"], "must fit the context of 512 tokens"),
        (["half \udce9"], "a prompt must be Unicode text; got '\\udce9' at character 5"),
        (["A prompt", "--revision", "main"], "revision is for models of the hub"),
        (["A prompt", "--dtype", "int8"], "dtype must be one of float32"),
        (["A prompt", "--device", "abacus"], "device must be cpu"),
        (["A prompt", "--model", "/no/such/model"], "no model at '/no/such/model'"),
    ):
        model = [] if "--model" in arguments else ["--model", str(tiny_model)]
        ran = cli("compare", *arguments, *model)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert says in ran.err


def record(cli: Cli, tiny_model: Path, *arguments: str, stdin: bytes = b"") -> dict[str, object]:
    ran = cli("compare", *arguments, "--model", str(tiny_model), "--json", stdin=stdin)
    assert ran.code == 0
    line_end = "the last line end of standard input is not part of the prompt"
    said = [line for line in ran.err.splitlines() if "so far" not in line]  # a slow machine tells its progress
    assert any(line_end in line for line in said) if stdin.endswith(b"\n") else said == []
    return json.loads(ran.out)  # type: ignore[no-any-return]


def test_options_reach_the_result(tiny_model: Path, cli: Cli) -> None:
    what = record(
        cli, tiny_model, "Once", "-t", "0.1:0.3:0.1", "-t", "1,1.5", "--seed", "3", "--seeds", "2", "--top-k", "9",
        "--top-p", "0.9", "--min-p", "0.01", "--order", "llama.cpp", "--max-new-tokens", "4", "--stop", "-x",
    )  # fmt: skip
    ran = what["ran"]
    assert isinstance(ran, dict)
    assert [s["temperature"] for s in ran["settings"]] == [0.1, 0.2, 0.3, 1.0, 1.5]
    assert {(s["top_k"], s["top_p"], s["min_p"], s["stages"][-3]) for s in ran["settings"]} == {
        (9, 0.9, 0.01, "temperature")
    }
    assert (ran["seeds"], ran["stop"], ran["max_new_tokens"]) == ([3, 4], ["-x"], 4)
    assert isinstance(what["texts"], list)
    assert len(what["texts"]) == 10


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("transformers", list(STAGES)),
        ("vllm", list(ORDERS["vllm"])),
        ("top_p, temperature", ["top_p", "temperature"]),
        ("temperature", ["temperature"]),
    ],
)
def test_orders(name: str, order: list[str], tiny_model: Path, cli: Cli) -> None:
    ran = record(cli, tiny_model, "Once", "-t", "0.5", "--order", name, "--max-new-tokens", "1")["ran"]
    assert isinstance(ran, dict)
    assert ran["settings"][0]["stages"] == order


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments(name: str, tiny_model: Path, cli: Cli) -> None:
    what = record(cli, tiny_model, "--experiment", name)
    assert what["prompt"] == EXPERIMENTS[name].prompt
    ran = what["ran"]
    assert isinstance(ran, dict)
    assert tuple(s["temperature"] for s in ran["settings"]) == EXPERIMENTS[name].temperatures
    assert {s["top_k"] for s in ran["settings"]} == {50}
    assert isinstance(what["texts"], list)
    assert ran["max_new_tokens"] + what["texts"][0]["prompt_tokens"] == 200


@pytest.mark.parametrize(("stdin", "prompt"), [(b"Once\n", "Once"), (b"a\nb\r\n", "a\nb"), ("é\n\n".encode(), "é\n")])
def test_the_prompt_from_standard_input(stdin: bytes, prompt: str, tiny_model: Path, cli: Cli) -> None:
    what = record(cli, tiny_model, "-", "-t", "0", "--max-new-tokens", "1", stdin=stdin)
    assert what["prompt"] == prompt


def test_without_temperatures_they_are_those_of_the_first_experiment(tiny_model: Path, cli: Cli) -> None:
    ran = record(cli, tiny_model, "Once", "--max-new-tokens", "1")["ran"]
    assert isinstance(ran, dict)
    assert [s["temperature"] for s in ran["settings"]] == [0.3, 0.5, 0.9]


def test_output_as_text_and_as_json(
    tiny_model: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ["compare", "Naïve [b]", "-t", "0.2,0.9", "--max-new-tokens", "30", "--model", str(tiny_model)]
    printed = cli(*common).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    path = tmp_path / "report é.txt"
    ran = cli(*common, "--output", str(path))
    assert (ran.code, ran.out, ran.err) == (0, "", f"wrote {path}\n")
    text = path.read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert text == printed
    assert "Prompt: Naïve [b]\n" in text
    assert cli(*common, "--json", "-o", str(path)).code == 0
    assert json.loads(path.read_text(encoding="utf-8"))["prompt"] == "Naïve [b]"


def test_trying_the_output_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    there, absent, link = tmp_path / "there", tmp_path / "absent", tmp_path / "link"
    there.write_text("kept")
    link.symlink_to(tmp_path / "target")
    for path in (there, absent, link):
        assert cli("compare", "x", "-t", "hot", "-o", str(path)).code == 2
    assert there.read_text() == "kept"
    assert link.is_symlink()
    assert not absent.exists()


def test_a_result_that_can_no_longer_be_written_is_printed(
    tiny_model: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    from thermoscope.cli import console

    monkeypatch.setattr(console, "check_places", lambda *paths: folder.rmdir())
    ran = cli("compare", "x", "-t", "1", "--max-new-tokens", "3", "--model", str(tiny_model), "-o", str(folder / "f"))
    assert ran.code == 2
    assert ran.err.startswith("thermoscope: error: the output can't be written to")
    assert "Prompt: x" in ran.out and "What ran" in ran.out


def in_a_terminal(*arguments: str, **variables: str) -> tuple[int, bytes, bytes]:
    """Exit code and what came to standard output and standard error, each a terminal of 80 columns."""
    ends = [pty.openpty(), pty.openpty()]
    for _, inner in ends:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    job = subprocess.Popen(
        command(*arguments), stdout=ends[0][1], stderr=ends[1][1], env=environment() | variables, close_fds=True
    )
    for _, inner in ends:
        os.close(inner)
    taken = {outer: b"" for outer, _ in ends}
    open_ends, until = set(taken), time.monotonic() + 60
    while open_ends and time.monotonic() < until:
        for outer in select.select(list(open_ends), [], [], 1)[0]:
            try:
                block = os.read(outer, 65536)
            except OSError:  # how Linux says that the other end is closed
                block = b""
            taken[outer] += block
            if not block:
                open_ends.discard(outer)
    for outer, _ in ends:
        os.close(outer)
    return job.wait(timeout=10), taken[ends[0][0]], taken[ends[1][0]]


@pytest.fixture(scope="module")
def short(tiny_model: Path) -> list[str]:
    return ["compare", "Once é", "-t", "0.2,0.9", "--max-new-tokens", "20", "--model", str(tiny_model)]


@pytest.mark.slow
def test_in_a_terminal_there_is_colour_and_progress_on_standard_error(short: list[str]) -> None:
    code, out, err = in_a_terminal(*short)
    assert code == 0
    assert b"\x1b[" in out and "┏".encode() in out
    assert b"comparing" in err and b"texts" in err
    assert b"comparing" not in out


class Terminal(io.TextIOWrapper):
    """Standard output that says that it is a terminal."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding=encoding, write_through=True)

    def isatty(self) -> bool:
        return True


def shown_on(terminal: Terminal, cli: Cli, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    ran = cli(*arguments)
    assert (ran.code, ran.err) == (0, "")
    return terminal.raw_bytes.getvalue().decode(terminal.encoding)


def test_without_colour_there_is_no_control_code(short: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in shown_on(Terminal(), cli, monkeypatch, *short)
    bare = shown_on(Terminal(), cli, monkeypatch, *short, "--no-color")
    assert "\x1b" not in bare and "┏" in bare
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown_on(Terminal(), cli, monkeypatch, *short) == bare


@pytest.mark.parametrize("how", ["--no-color", "NO_COLOR"])
def test_progress_without_colour_is_whole_lines(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(lines, "SECONDS_BETWEEN_LINES", 0.0)
    if how == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    with console.colourless(wanted=how == "--no-color"):
        with console.status("loading"), console.progress("comparing") as told:
            told(Progress(1, 4, 30, 120, 30))
        with console.counting() as counted:
            counted("intervals", 2, 9)
    assert terminal.raw_bytes.getvalue().decode().splitlines() == [
        "thermoscope: comparing: 30/120 tokens, 1/4 texts",
        "thermoscope: intervals: 2/9",
    ]
    monkeypatch.delenv("NO_COLOR", raising=False)
    with console.status("loading"):
        pass
    assert b"\x1b[" in terminal.raw_bytes.getvalue()  # once it is over, lines are drawn over again


def test_a_terminal_that_knows_ascii_alone(short: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    out = shown_on(Terminal("ascii"), cli, monkeypatch, *short, "--no-color")
    assert "Prompt: Once \\xe9" in out


def test_json_is_utf_8_whatever_the_terminal(short: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal("ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert cli(*short, "--json").code == 0
    assert json.loads(terminal.raw_bytes.getvalue())["prompt"] == "Once é"


@pytest.mark.slow
def test_a_pipe_gets_neither_colour_nor_progress(short: list[str]) -> None:
    ran = process(*short, env=environment() | {"PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.isascii() and b"\x1b" not in ran.stdout
