"""Scorers and patterns in a process of their own: nothing that they do ends, stops or garbles ours."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from thermoscope.errors import InputError
from thermoscope.metrics.scorer_process import refusal
from thermoscope.words import PATH, quoted

#: The environment variable that says how many seconds a scorer or a pattern may take for one text.
LIMIT_VARIABLE = "THERMOSCOPE_SCORE_SECONDS"
#: What it says unless it is set.
USUAL_LIMIT_S = 60.0
#: The program of the process.
_PROGRAM = Path(__file__).with_name("scorer_process.py")
#: What is read of the process at a time, in bytes.
_BLOCK = 2**16


@dataclass(frozen=True)
class Isolated:
    """What scores texts, or finds the answers in them, in a process of its own.

    Attributes
    ----------
    task
        What the process is told to do: ``kind`` and what that kind needs.
    called
        What it is called in messages: ``the scorer f``.
    """

    task: Mapping[str, str] = field(hash=False)
    called: str

    def __call__(self, text: str, answer: str | None = None) -> Any:
        """The result for one text; ``InputError`` as in ``each``."""
        return next(self.each([text], [answer]))

    def check(self) -> None:
        """Load what works, and let it go.

        Raises
        ------
        InputError
            It can't be loaded.
        """
        for _ in self.each([], []):
            pass

    def each(
        self,
        texts: Sequence[str],
        answers: Sequence[str | None],
        on_failure: Callable[[InputError], None] | None = None,
    ) -> Generator[Any, None, None]:
        """The result for each text, in order.

        Parameters
        ----------
        texts, answers
            The texts, and the expected answer of each or None.
        on_failure
            Told why there is no result for a text, which is then None; a process that ended or hung is started anew for
            the texts after it. Without it the first failure is raised.

        Raises
        ------
        InputError
            It can't be loaded; or, without ``on_failure``, it fails, ends its process, or takes too long for a text.
        """
        at = 0
        while at < len(texts) or at == 0:
            with _requests(self.task, texts[at:], answers[at:]) as requests, _process(requests) as lines:
                self._check_loaded(self._line(lines, "as it is loaded"))
                alive = True
                while alive and at < len(texts):
                    text, result = texts[at], None
                    try:
                        result = self._line(lines, f"on {quoted(text)}")
                        if isinstance(result, dict):
                            said, result = result, None
                            raise InputError(refusal(self.called, quoted(text), said) + self._how_called)
                    except InputError as error:
                        if on_failure is None:
                            raise
                        on_failure(error)
                        alive = not isinstance(error, _GoneError)
                    at += 1
                    yield result
            if not texts:
                return

    def _check_loaded(self, said: Mapping[str, Any]) -> None:
        path = quoted(self.task.get("path", ""), PATH)
        if said.get("no_module"):
            raise InputError(f"the scorer's module {path} can't be found; check the name, or give FILE.py:FUNCTION")
        if "absent" in said:
            raise InputError(f"the scorer's file {path} has no function {said['absent']!r}; check the name")
        if said.get("unreadable"):
            raise InputError(f"the scorer's file can't be read: {path} ({said['unreadable']}); check the path")
        if "ready" not in said:
            raise InputError(f"the scorer's file {path} fails ({said.get('error') or said['rule']}); fix it")

    @property
    def _how_called(self) -> str:
        if self.task["kind"] != "function":
            return ""
        return "; it is called with the text and the prompt's expected answer or None"

    def _line(self, lines: _Lines, where: str) -> Any:
        """The next line of the process as JSON."""
        limit = limit_s()
        try:
            line = lines.next(limit)
        except TimeoutError:
            raise _GoneError(
                f"{self.called} takes more than {limit:g} s {where} and was stopped; fix it, or allow more with "
                f"{LIMIT_VARIABLE}={limit * 10:g}"
            ) from None
        if line is None:
            code = lines.exit_code()
            how = f"exit code {code}" if code >= 0 else f"signal {-code}"
            raise _GoneError(f"{self.called} ends its own process {where} ({how}); let it return a number instead")
        return json.loads(line)


class _GoneError(InputError):
    """The process ended, or hangs: it gives no more results."""


def function_in(path: str, name: str) -> Isolated:
    """The function of a file, or of a module by its dotted name, as a scorer."""
    return Isolated({"kind": "function", "path": path, "name": name}, f"the scorer {name}")


def match_of(pattern: str) -> Isolated:
    """A scorer: 1 if the pattern occurs in the text, else 0; ``{answer}`` in it stands for the expected answer."""
    return Isolated({"kind": "match", "pattern": pattern}, f"the pattern {quoted(pattern)}")


def answers_by(pattern: str) -> Isolated:
    """What finds the answer in a text: the last match of a pattern, its first group if it has one; "" if none."""
    return Isolated({"kind": "extract", "pattern": pattern}, f"the pattern {quoted(pattern)}")


def limit_s() -> float:
    """Seconds that one text may take.

    Raises
    ------
    InputError
        The environment variable is no number above 0.
    """
    word = os.environ.get(LIMIT_VARIABLE, "")
    if not word:
        return USUAL_LIMIT_S
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(f"{LIMIT_VARIABLE} must be a number of seconds above 0; got {quoted(word)}; write 60")
    return seconds


@contextlib.contextmanager
def _requests(task: Mapping[str, str], texts: Sequence[str], answers: Sequence[str | None]) -> Iterator[IO[bytes]]:
    """A file with the task and the texts, a line of JSON each: the process reads it at its own pace."""
    with tempfile.TemporaryFile() as file:
        # a module is looked for in the working directory too, whatever the command was started by
        places = sys.path if "" in sys.path else [*sys.path, str(Path.cwd())]
        file.write(json.dumps({**task, "sys_path": places}).encode() + b"\n")
        file.writelines(json.dumps(pair).encode() + b"\n" for pair in zip(texts, answers, strict=True))
        file.seek(0)
        yield file


@contextlib.contextmanager
def _process(requests: IO[bytes]) -> Iterator[_Lines]:
    """The process at work; it and all that it started end with the block."""
    process = subprocess.Popen(
        [sys.executable, "-P", str(_PROGRAM)], stdin=requests, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        yield _Lines(process)
    finally:
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


class _Lines:
    """The lines that a process writes, waited for with a limit; what reads them is a thread, as pipes know none."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._blocks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lines: list[bytes] = []  # the next one last
        self._rest = b""
        assert process.stdout is not None
        # a descriptor of the thread's own: once ours is closed, its number may become another process's pipe
        own = os.dup(process.stdout.fileno())
        threading.Thread(target=self._read, args=(own,), daemon=True).start()

    def _read(self, descriptor: int) -> None:
        try:
            while block := os.read(descriptor, _BLOCK):
                self._blocks.put(block)
        except OSError:
            pass
        finally:
            os.close(descriptor)
        self._blocks.put(b"")

    def next(self, limit_s: float) -> bytes | None:
        """The next line; None if the process has ended before it.

        Raises
        ------
        TimeoutError
            It does not come in time.
        """
        deadline = time.monotonic() + limit_s
        while not self._lines:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                block = self._blocks.get(timeout=min(left, 0.2))
            except queue.Empty:
                if self._process.poll() is not None and self._blocks.empty():  # a child of its holds the pipe open
                    return None
                continue
            if not block:
                return None
            *lines, self._rest = (self._rest + block).split(b"\n")
            self._lines = lines[::-1]
        return self._lines.pop()

    def exit_code(self) -> int:
        """The code that the process has ended with; minus the signal, if one ended it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=5)
        return 0
