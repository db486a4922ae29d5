"""Long work: one job at a time, in a thread of its own, that gives way to short requests and ends with its page."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from thermoscope.errors import Interrupted, ThermoscopeError
from thermoscope.web.schemas import EventName

#: Seconds that a job may take, and jobs that may wait.
MOST_S, MOST_WAITING = 600.0, 32
#: Short requests that are answered together at most.
_TOGETHER = 16

Event = tuple[EventName, dict[str, Any]]


class Turns:
    """Who may use the models: a long job gives way between two steps to the short requests that wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def short(self) -> Iterator[None]:
        """The models, for something short."""
        with self._changed:
            self._waiting += 1
        try:
            with self._lock:
                yield
        finally:
            with self._changed:
                self._waiting -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def long(self) -> Iterator[None]:
        """The models, for a job that calls ``give_way`` often."""
        with self._lock:
            yield

    def give_way(self) -> None:
        """Let those that wait go first; called within ``long``."""
        if not self._waiting:
            return
        self._lock.release()
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting == 0, timeout=5)
        finally:
            self._lock.acquire()


class Job:
    """One piece of long work, as the work sees it."""

    def __init__(self, turns: Turns, loop: asyncio.AbstractEventLoop) -> None:
        self._turns, self._loop = turns, loop
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._cancelled = threading.Event()
        self._until = 0.0
        self.stopped_by_server = False

    def start_clock(self) -> None:
        """The time that it may take runs from now."""
        self._until = time.monotonic() + MOST_S

    def tell(self, name: EventName, /, **data: Any) -> None:
        """Send an event to the page."""
        self._put((name, data))

    def _put(self, event: Event | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self.events.put_nowait, event)

    def end(self) -> None:
        """No event comes any more."""
        self._put(None)

    def cancel(self, *, by_server: bool = False) -> None:
        """Ask the work to stop at its next step."""
        self.stopped_by_server = self.stopped_by_server or by_server
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancelled.is_set()

    def step(self, done: float | None = None, of: float | None = None, what: str = "") -> None:
        """Between two steps of the work: tell how far it is, give way, and stop if nobody waits for it any more.

        Raises
        ------
        KeyboardInterrupt
            It was asked to stop, or its time is over: the library keeps what is finished.
        """
        if self.cancelled or time.monotonic() > self._until:
            raise KeyboardInterrupt
        if done is not None:
            self.tell("progress", done=done, of=of, what=what)
        self._turns.give_way()


class Jobs:
    """The queue of jobs."""

    def __init__(self) -> None:
        self.turns = Turns()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._short = ThreadPoolExecutor(1, thread_name_prefix="short")
        self._alike: deque[tuple[Any, asyncio.Future[Any]]] = deque()
        self._open: list[Job] = []
        self._closing = False

    async def short(self, work: Callable[[], Any]) -> Any:
        """Something short that uses the models, at the next step of whatever else runs."""

        def run() -> Any:
            with self.turns.short():
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._short, run)

    async def together(self, asked: Any, answers: Callable[[list[Any]], Sequence[Any]]) -> Any:
        """As ``short``, for the one kind of request of which many may come at once: those that wait go to ``answers``.

        Where that fails for some of them it is asked for each alone, so that each is told of its own fault.
        """
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[Any] = loop.create_future()

        def tell(each: list[tuple[asyncio.Future[Any], Any, Exception | None]]) -> None:
            loop.call_soon_threadsafe(_settle, each)

        def answer(waiting: list[tuple[Any, asyncio.Future[Any]]]) -> None:
            try:
                made = answers([one for one, _ in waiting])
                tell([(future, one, None) for (_, future), one in zip(waiting, made, strict=True)])
            except Exception as error:
                if len(waiting) == 1:
                    return tell([(waiting[0][1], None, error)])
                for one in waiting:
                    answer([one])

        def run() -> None:
            with self.turns.short():
                answer([self._alike.popleft() for _ in range(min(len(self._alike), _TOGETHER))])
            if self._alike:
                self._short.submit(run)

        self._alike.append((asked, mine))
        if len(self._alike) == 1:  # else the turn of those before is still to come, or sees it at its end
            self._short.submit(run)
        return await mine

    async def stream(self, work: Callable[[Job], None]) -> AsyncIterator[Event]:
        """The events of a job; it ends when nobody takes them any more."""
        if self._closing or len(self._open) >= MOST_WAITING:
            yield "error", {"error": f"at most {MOST_WAITING} jobs may wait; try again when one has ended"}
            return
        job = Job(self.turns, asyncio.get_running_loop())
        self._open.append(job)
        if (place := len(self._open) - 1) > 0:
            yield "queued", {"place": place}
        future = self._worker.submit(self._run, job, work)
        try:
            while (event := await job.events.get()) is not None:
                yield event
        finally:
            job.cancel()
            future.cancel()
            self._open.remove(job)
            self._tell_places()

    def _tell_places(self) -> None:
        for place, job in enumerate(self._open):
            if place > 0:
                job.tell("queued", place=place)

    def _run(self, job: Job, work: Callable[[Job], None]) -> None:
        try:
            if job.cancelled:
                return
            job.start_clock()
            with self.turns.long():
                work(job)
        except (Interrupted, KeyboardInterrupt):
            job.tell("stopped", why="the server is closing" if job.stopped_by_server else f"after {MOST_S:.0f} s")
        except ThermoscopeError as error:
            job.tell("error", error=" ".join(str(error).split()))
        except Exception as error:
            job.tell("error", error=f"a fault of the server's: {type(error).__name__}: {error}")
            raise
        finally:
            job.end()

    def close(self) -> None:
        """Stop all jobs at their next step, and take no more."""
        self._closing = True
        for job in list(self._open):
            job.cancel(by_server=True)

    def shut(self) -> None:
        """Wait for the threads, once all jobs have ended."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._short.shutdown(wait=True, cancel_futures=True)


def _settle(each: Sequence[tuple[asyncio.Future[Any], Any, Exception | None]]) -> None:
    """Give each future what was made for it, or what went wrong."""
    for future, made, error in each:
        if future.done():  # nobody waits any more
            continue
        if error is None:
            future.set_result(made)
        else:
            future.set_exception(error)
