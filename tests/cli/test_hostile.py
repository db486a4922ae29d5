"""Command lines that nobody means: whatever is typed is done, or refused in one line; never a traceback or a hang."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tiny_cli import Ran

Cli = Callable[..., Ran]
#: Cases that are tried here; the same for everyone, and others with another seed.
CASES, SEED = int(os.environ.get("THERMOSCOPE_HOSTILE_LINES", "300")), 20261128
#: Seconds that one of them may take.
LIMIT_S = 60

NUMBERS = [
    "0", "-0", "1", "-1", "0.5", "1e999", "-1e999", "1e999999", "1e-999999", "nan", "inf", "0x10", "1_0", "١٢", "½",
    "9" * 400, "9" * 5000, "0:1:1e999999", "0:1e400:1", "0:1:0", "1:0:1", "0:1:1e-400", "0:1", "::", "0:1:nan", ",",
    "0.3,,0.9", "0.3,0.3", "-" * 100_000, "1" * 100_000, "1:1:1:1", "0.1:1.5:0.2", " 0.7 ", "0,7", "off", "true",
]  # fmt: skip
TEXTS = [
    "", " ", "-", "--", "x", "x" * 100_000, "x " * 50_000, "a\nb", "\x1b[2J", "\u202e", "日本", "\ud800", "{answer}",
    "[bold]", "%s%n", "../..", "/", "/dev/null/x", ".", "~nobody/x", "a" * 300, "nul\ufffd", "='", "$(id)", "=",
]  # fmt: skip
VARIED = ["top_p=", "top_p=0.5,x", "=1", "order=a>b", "top_k=1e9", "nothing=1", "temperature=1", "top_k=off,off"]
BIASES = ["1:2:3", ":", "1:", "1:nan", "5" * 5000 + ":1", "-1:1", "1:1,1:2", "1e3:1", "99999999:1"]
#: What each option is given: mostly something of its kind.
OPTIONS = {
    "-t": NUMBERS, "--top-p": NUMBERS, "--top-k": NUMBERS, "--min-p": NUMBERS, "--repetition-penalty": NUMBERS,
    "--xtc-probability": NUMBERS, "--mirostat-tau": NUMBERS, "--dry-breakers": [*BIASES, *NUMBERS],
    "--logit-bias": [*BIASES, *NUMBERS], "--seed": NUMBERS, "--max-new-tokens": NUMBERS, "--max-rows": NUMBERS,
    "--order": [*TEXTS, "temperature,temperature", "top_p", ",", "llama.cp"], "--stop": TEXTS, "--system": TEXTS,
    "--chat-option": [*TEXTS, "a=1", "=x"], "-M": [*TEXTS, "dtype=int3", "cache=false", "revision=1"],
    "--device": [*TEXTS, "cuda:99", "meta", "cpu:7"], "--dtype": [*TEXTS, "float33"], "--revision": TEXTS,
    "-o": ["/dev/null/x", "/proc/x", ".", "x" * 300], "--params": [*TEXTS, "nothing.json"],
}  # fmt: skip
MORE = {
    "compare": {"--vary": VARIED, "--experiment": TEXTS, "--max-length": NUMBERS, "--base-url": TEXTS,
                "--html": ["/dev/null/x", "."]},
    "spectrum": {"--low": NUMBERS, "--high": NUMBERS, "--at": NUMBERS, "--resolution": NUMBERS,
                 "--max-leaves": NUMBERS},
    "inspect": {"--at-step": NUMBERS, "--tokens": NUMBERS},
    "export": {"--to": [*TEXTS, "vlm"], "--format": TEXTS, "--prompt": TEXTS},
}  # fmt: skip
#: What is understood, so that some cases go on to what comes after reading the words.
MILD = {
    "-t": ["0.5", "0.3,0.9"], "--top-p": ["0.9"], "--top-k": ["5"], "--min-p": ["0"], "--repetition-penalty": ["1.1"],
    "--logit-bias": ["1:2"], "--seed": ["3"], "--max-rows": ["2"], "--order": ["vllm"], "--stop": ["e", "日"],
    "--dtype": ["float32"], "--device": ["cpu"], "--vary": ["top_p=0.5,off"], "--high": ["0.9"], "--at": ["0.5"],
    "--at-step": ["2"], "--tokens": ["3"], "--to": ["vllm", "ollama"], "--max-leaves": ["2"],
}  # fmt: skip
WRONG = ["--temp", "--nothing", "--" + "x" * 100_000, "-", "-q", "--temperature=", "--json=1", "\ud800", "--all", "---"]


def cases(seed: int) -> Iterator[list[str]]:
    """Command lines without end, the same for the same seed."""
    choose = random.Random(seed)
    while True:
        command = choose.choice(list(MORE))
        options = {**OPTIONS, **MORE[command]}
        if command in ("spectrum", "export"):
            options.pop("--seed", None)
        words = [command]
        if command != "export":
            words.append(choose.choice(["Once", "Once", "Once", *TEXTS]))
        for option in choose.sample(list(options), choose.choice([1, 1, 2])):
            words += [
                option,
                choose.choice(MILD.get(option, options[option]) if choose.random() < 0.4 else options[option]),
            ]
        if choose.random() < 0.1:
            words.insert(choose.randint(1, len(words)), choose.choice(WRONG))
        yield words


@pytest.fixture
def alarm() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TimeoutError("a command line hangs")

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def check(cli: Cli, words: list[str]) -> int:
    """Run a command line; its exit code."""
    signal.alarm(LIMIT_S)
    ran = cli(*words)
    signal.alarm(0)
    lines = ran.err.splitlines()
    errors = [line for line in lines if line.startswith("thermoscope: error: ")]
    assert ran.code in (0, 2), ran.err
    assert len(errors) == (ran.code == 2), ran.err[:2000]
    assert all(line.startswith(("thermoscope: ", "wrote ")) for line in lines), ran.err[:2000]
    assert all(len(line) < 3000 for line in lines), [len(line) for line in lines]
    assert ran.code == 0 or not ran.out
    return ran.code


@pytest.mark.slow
def test_hostile_command_lines(
    cli: Cli, alarm: None, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    codes = {0: 0, 2: 0}
    for _, words in zip(range(CASES), cases(SEED), strict=False):
        model = [] if words[0] == "export" else ["--model", str(tiny_model)]
        short = [] if words[0] not in ("compare", "spectrum") or "--max-length" in words else ["--max-new-tokens", "3"]
        try:
            codes[check(cli, [*words, *model, *short])] += 1
        except BaseException as error:
            error.add_note(f"thermoscope {[word[:60] for word in words]}")
            raise
    assert codes[2] > CASES / 2


@pytest.mark.parametrize("option", [*OPTIONS, "--vary", "--experiment"])
def test_a_word_of_100_000_characters_is_shortened(cli: Cli, alarm: None, option: str) -> None:
    word = "y" * 100_000
    ran = cli("compare", "Once", option, word, "--max-new-tokens", "3", "--experiment", "none")
    assert ran.code == 2
    assert len(ran.err) < 1500
