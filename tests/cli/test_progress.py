"""Progress where no line can be drawn over: of what, how far, and how long it still takes."""

from __future__ import annotations

import io
import sys
import time

import pytest

from thermoscope.cli import console
from thermoscope.cli import progress as lines
from thermoscope.cli.progress import Lines, time_left
from thermoscope.decode.progress import Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_line_in_ten_seconds_with_the_time_that_is_left(clock: list[float]) -> None:
    said: list[str] = []
    line = Lines(said.append)
    for second in range(35):
        clock[0] = 100.0 + second
        line("comparing", 10 * second, 1000, f"{10 * second}/1000 tokens")
    assert said == [
        "comparing: 100/1000 tokens, about 90 s left",
        "comparing: 200/1000 tokens, about 80 s left",
        "comparing: 300/1000 tokens, about 70 s left",
    ]
    clock[0] += 20
    line("intervals", 3, 9, "3/9")  # begins now: nothing tells how fast it is
    clock[0] += 10
    line("intervals", 5, 9, "5/9")
    assert said[3:] == ["intervals: 3/9", "intervals: 5/9, about 20 s left"]


def test_times_in_the_unit_that_fits() -> None:
    assert time_left(10, 1, 9) == "about 90 s left"
    assert time_left(10, 1, 12) == "about 2 min left"
    assert time_left(3600, 1, 3) == "about 3 h left"
    assert time_left(10, 5, 0) == "about 0 s left"
    assert time_left(0, 0, 9) == time_left(10, 0, 9) == ""


def test_a_pipe_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    monkeypatch.setattr(lines, "SECONDS_BETWEEN_LINES", 0.0)
    with console.progress("comparing") as told:
        told(Progress(1, 4, 30, 120, 30))
    with console.counting() as counted:
        counted("scoring texts", 2, 9)
    assert pipe.getvalue().splitlines() == [
        "thermoscope: comparing: 30/120 tokens, 1/4 texts",
        "thermoscope: scoring texts: 2/9",
    ]


def test_what_has_no_known_length_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    monkeypatch.setattr(lines, "SECONDS_BETWEEN_LINES", 0.02)
    with console.status("loading the model"):
        deadline = time.monotonic() + 30
        while not pipe.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    first = pipe.getvalue().splitlines()[0]
    assert first == "thermoscope: loading the model: 0 s so far"
    length = len(pipe.getvalue())
    time.sleep(0.1)
    assert len(pipe.getvalue()) == length
    monkeypatch.setattr(lines, "SECONDS_BETWEEN_LINES", 10.0)
    with console.status("a moment"):
        pass
    assert "a moment" not in pipe.getvalue()
