"""Progress as whole lines on standard error, now and then, where no line can be drawn over: pipes, files, no colour."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

#: How often progress is told.
SECONDS_BETWEEN_LINES = 10.0


class Lines:
    """Says how far something is, at most one line in ten seconds, with the time that is left.

    Parameters
    ----------
    say
        Takes each line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._what, self._done_before = "", 0.0
        self._began = self._last = time.monotonic()

    def __call__(self, what: str, done: float, all_: float, said: str) -> None:
        """Tell how much of something is done, and in words: ``comparing``, 30, 120, ``30/120 tokens``."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._began, self._done_before = what, now, done
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            left = time_left(now - self._began, done - self._done_before, all_ - done)
            self._say(f"{what}: {said}{left and f', {left}'}")


def time_left(elapsed_s: float, done: float, rest: float) -> str:
    """How long the rest takes if it goes as fast as what is done: ``about 40 s left``; "" if nothing tells."""
    if done <= 0 or elapsed_s <= 0:
        return ""
    seconds = elapsed_s / done * max(rest, 0)
    if seconds < 99.5:
        return f"about {seconds:.0f} s left"
    minutes = seconds / 60
    return f"about {minutes:.0f} min left" if minutes < 99.5 else f"about {minutes / 60:.0f} h left"


@contextlib.contextmanager
def heartbeat(what: str, say: Callable[[str], None]) -> Iterator[None]:
    """Say every ten seconds that something of unknown length is still under way."""
    over = threading.Event()

    def beat() -> None:
        began = time.monotonic()
        while not over.wait(max(SECONDS_BETWEEN_LINES, 0.01)):
            say(f"{what}: {time.monotonic() - began:.0f} s so far")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
