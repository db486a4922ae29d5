"""Scorers and patterns in a process of their own: whatever they do is one line, or no harm."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest

from thermoscope.errors import InputError
from thermoscope.metrics.answers import extract, matching, scores
from thermoscope.metrics.isolated import LIMIT_VARIABLE, Isolated
from thermoscope.metrics.scorers import function_of

SCORERS = """
import os, sys, time

def length(text, answer): return len(text) if answer is None else None
def leaves(text, answer): sys.exit(0)
def vanishes(text, answer): os._exit(0)
def killed(text, answer): os.kill(os.getpid(), 9)
def prints(text, answer):
    print("noise"); sys.stdout.flush(); os.write(1, b"more noise")
    return 1
def reads(text, answer): return len(sys.stdin.read())
def forks(text, answer):
    os.fork()
    return 2
def leaves_a_child(text, answer):
    if not os.fork():
        time.sleep(1000)
    os._exit(3)
def large(text, answer): return 10**400
async def later(text, answer): return 1
def sleeps(text, answer): time.sleep(1000)
def interrupts(text, answer): raise KeyboardInterrupt
def recurses(text, answer): return recurses(text, answer)
def words(text, answer): return "good"
def moves(text, answer): os.chdir("/"); return 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(SCORERS, encoding="utf-8")
    return path


def scored(file: Path, name: str, texts: list[str] | None = None) -> list[float]:
    texts = texts or ["one", "three"]
    return scores(function_of(f"{file}:{name}"), texts, [None] * len(texts)).tolist()


def test_scores_are_those_of_the_function(file: Path) -> None:
    assert scored(file, "length", ["a", "日本\n", "", "\ud800"]) == [1, 3, 0, 1]
    scorer = function_of(f"{file}:length")
    assert (scorer("four", None), scorer("four", "answer")) == (4, None)
    assert isinstance(scorer, Isolated)
    assert list(scorer.each(["x"] * 20_000, [None] * 20_000)) == [1] * 20_000


@pytest.mark.parametrize(("name", "score"), [("prints", 1), ("reads", 0), ("forks", 2), ("moves", 1)])
def test_what_a_scorer_does_beside_scoring_does_no_harm(
    file: Path, name: str, score: float, capfd: pytest.CaptureFixture[str]
) -> None:
    here = Path.cwd()
    assert scored(file, name) == [score, score]
    assert capfd.readouterr().out == ""
    assert Path.cwd() == here


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("leaves", "the scorer leaves must return a number or None; got sys.exit(0) for 'one'"),
        ("vanishes", "the scorer vanishes ends its own process on 'one' (exit code 0); let it return a number"),
        ("killed", "the scorer killed ends its own process on 'one' (signal 9)"),
        ("leaves_a_child", "the scorer leaves_a_child ends its own process on 'one' (exit code 3)"),
        ("large", "the scorer large must return a number below 1e308 in size; got a larger one for 'one'"),
        ("later", "the scorer later must be an ordinary function, as nothing waits for its result; got an async one"),
        ("interrupts", "the scorer interrupts fails on 'one' (KeyboardInterrupt:)"),
        ("recurses", "the scorer recurses fails on 'one' (RecursionError: maximum recursion depth exceeded"),
        ("words", "the scorer words must return a number or None; got 'good' for 'one'"),
        ("nothing", "has no function 'nothing'; check the name"),
    ],
)
def test_a_scorer_that_does_not_score_is_one_line(file: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        scored(file, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import sys; sys.exit(0)", "must return a number or None; got sys.exit(0)"),
        ("import os; os._exit(0)", "ends its own process as it is loaded (exit code 0)"),
        ("1 / 0", "fails (ZeroDivisionError: division by zero); fix it"),
        ("def f(:", "fails (SyntaxError: "),
        ("open('not there')", "fails (FileNotFoundError: "),
    ],
)
def test_a_file_that_cannot_be_loaded_is_one_line_before_anything_is_scored(
    tmp_path: Path, source: str, message: str
) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(source, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        function_of(f"{path}:f")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the scorer's file can't be read: .*none\.py' \(No such file"):
        function_of(f"{tmp_path / 'none.py'}:f")


def test_time_is_limited_for_functions_and_patterns(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "0.7")
    began = time.monotonic()
    with pytest.raises(InputError, match=r"the scorer sleeps takes more than 0.7 s on 'one' and was stopped; .*=7"):
        scored(file, "sleeps")
    endless = "a" * 41 + "b"
    with pytest.raises(InputError, match=r"the pattern '\(a\+\)\+\$' takes more than 0.7 s on 'aaa"):
        scores(matching("(a+)+$"), ["ok", endless], [None, None])
    with pytest.raises(InputError, match=r"the pattern .* takes more than 0.7 s"):
        extract([endless], "(a+)+$")
    assert time.monotonic() - began < 30


def test_a_rare_failure_of_any_kind_costs_one_score(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "0.7")
    file.write_text(
        "import os, sys, time\n"
        "def f(text, answer):\n"
        "    if text == '7': os._exit(3)\n"
        "    if text == '8': time.sleep(1000)\n"
        "    if text == '30': return float('nan')\n"
        "    if text == '99': return 'good'\n"
        "    print(text); return int(text)\n",
        encoding="utf-8",
    )
    failures: list[str] = []
    found = scores(function_of(f"{file}:f"), list(map(str, range(100))), [None] * 100, failures)
    assert np.flatnonzero(np.isnan(found)).tolist() == [7, 8, 30, 99]
    assert [value for value in found if value == value] == [i for i in range(100) if i not in (7, 8, 30, 99)]
    for failure, told in zip(failures, ("exit code 3", "takes more than 0.7 s", "got nan", "got 'good'"), strict=True):
        assert told in failure


def test_a_function_of_a_module_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_scores.py").write_text("def f(text, answer): return len(text)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert scores(function_of("my_scores:f"), ["abc"], [None]).tolist() == [3]
    with pytest.raises(InputError, match=r"the scorer's module 'no_such_module' can't be found; check the name"):
        function_of("no_such_module:f")
    with pytest.raises(InputError, match="has no function 'g'"):
        function_of("my_scores:g")


@pytest.mark.parametrize("word", ["soon", "0", "-1", "inf", "nan"])
def test_a_limit_that_is_none(word: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, word)
    with pytest.raises(InputError, match=f"{LIMIT_VARIABLE} must be a number of seconds above 0; got '{word}'"):
        scored(file, "length")


def test_nothing_is_left_behind(file: Path, tmp_path: Path) -> None:
    """What a scorer started ends with it, also where the scorer did not wait for it."""
    marked = tmp_path / "child"
    file.write_text(
        f"import os, time\ndef f(text, answer):\n    if not os.fork():\n"
        f"        open({str(marked)!r}, 'w').write(str(os.getpid())); time.sleep(1000)\n"
        f"    while not os.path.exists({str(marked)!r}) or not open({str(marked)!r}).read(): time.sleep(0.01)\n"
        "    return 1\n",
        encoding="utf-8",
    )
    assert scored(file, "f", ["one"]) == [1]
    child = int(marked.read_text(encoding="utf-8"))
    for _ in range(500):
        if not _runs(child):
            break
        time.sleep(0.01)
    assert not _runs(child)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_patterns_score_as_python_searches() -> None:
    texts, answers = ["a 42", "b", "x"], ["42", "b", None]
    np.testing.assert_array_equal(scores(matching(r"\d+$"), texts, answers), [1, 0, 0])
    np.testing.assert_array_equal(scores(matching("^{answer}"), texts, answers), [0, 1, np.nan])
    assert extract(["x=1 x=2", "no"], r"x=(\d)|no") == ["2", ""]
    for wrong in ("(", "a{99999999999999999999}", "(" * 5000):
        with pytest.raises(InputError, match="a pattern must be a regular expression; got"):
            matching(wrong)


def test_modules_are_found_as_in_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "helper_of_scorer.py").write_text("SCORE = 7\n", encoding="utf-8")
    (tmp_path / "mine.py").write_text(
        "import helper_of_scorer\ndef f(text, answer): return helper_of_scorer.SCORE\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path / "beside")
    assert scored(tmp_path / "mine.py", "f") == [7, 7]
