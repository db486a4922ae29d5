"""Compiled loops: numba's compiler with the options used here, and slices of work on several threads.

numba compiles a function when it is first called and keeps the result on disk beside the source, or in the user's
cache folder where that can't be written; no compiler has to be installed. Importing this module imports numba.

torch has its own threads for its own operations; the ones here are for these loops, which release the interpreter's
lock. A slice's result must never depend on how the work was cut.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Below so many units of work (roughly, array elements) waking another thread costs more than it brings.
_WORTH_A_THREAD = 2**17
#: Slices for each thread: who comes late finds fewer of them.
_SLICES_EACH = 4
#: How often a thread that waits looks before it sleeps: 40 to 100 microseconds.
_TURNS = 2000

_F = np.float32


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function of numbers and arrays so that numba compiles it; ``options`` are those of ``numba.njit``.

    With ``fastmath=True`` sums may be taken in any order and infinities must not occur.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        settings = {"nogil": True, "error_model": "numpy", **options}
        try:
            return numba.njit(cache=True, **settings)(function)  # type: ignore[no-any-return]
        except RuntimeError:  # neither the source's folder nor the user's cache can be written
            return numba.njit(**settings)(function)  # type: ignore[no-any-return]

    return decorate


@intrinsic  # type: ignore[untyped-decorator]
def _float_of_bits(_context: Any, _bits: Any) -> Any:
    """The float32 with the bits of a uint32."""

    def generate(_c: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.uint32), generate


@compiled(inline="always")
def exp(x: Any) -> Any:
    """``e**x`` for float32 x <= 0, to 2e-7 relative, in arithmetic that goes through vector registers.

    The polynomial is that of Cephes' expf (Moshier), after Cody and Waite's reduction.
    """
    x = x if x > _F(-87.0) else _F(-87.0)
    n = np.floor(x * _F(1.44269504088896341) + _F(0.5))
    r = x - n * _F(0.693359375)
    r = r - n * _F(-2.12194440e-4)
    p = _F(1.9875691500e-4)
    p = p * r + _F(1.3981999507e-3)
    p = p * r + _F(8.3334519073e-3)
    p = p * r + _F(4.1665795894e-2)
    p = p * r + _F(1.6666665459e-1)
    p = p * r + _F(5.0000001201e-1)
    power = _float_of_bits(np.uint32(np.int32(n) + np.int32(127)) << np.uint32(23))
    return (p * r * r + r + _F(1)) * power


@intrinsic  # type: ignore[untyped-decorator]
def _look(_context: Any, _array: Any) -> Any:
    """The first number of an array of int64 as it is now, whichever thread has written it; and a pause."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if platform.machine() in ("x86_64", "AMD64"):
            pause = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.VoidType(), []), "llvm.x86.sse2.pause"
            )
            builder.call(pause, [])
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(view.data, "acquire", 8)

    return types.int64(_array), generate


@compiled()
def _reached(counter: Any, number: Any, turns: Any) -> Any:
    """Whether a counter reaches a number while it is looked at so many times."""
    for _ in range(turns):  # noqa: SIM110  (numba has no any)
        if _look(counter) >= number:
            return True
    return False


def over_slices(kernel: Callable[..., None], items: int, *arguments: Any, work: int) -> None:
    """Call ``kernel(*arguments, first, last)`` on slices that together cover ``range(items)``.

    Parameters
    ----------
    kernel
        A compiled function that treats the items from ``first`` up to ``last``.
    items
        How many there are.
    work
        How much there is to do in all, in array elements: little is not worth waking a thread.
    """
    threads = max(1, min(torch.get_num_threads(), items, work // _WORTH_A_THREAD))
    if threads == 1 or not _in_use.acquire(blocking=False):  # another thread has the helpers
        kernel(*arguments, 0, items)
        return
    try:
        count = min(items, threads * max(1, min(_SLICES_EACH, work // (threads * _WORTH_A_THREAD))))
        slices = deque(pairwise(items * n // count for n in range(count + 1)))
        while len(_helpers) < threads - 1:
            _helpers.append(Helper())
        job = partial(_work_off, slices, kernel, arguments)
        helping = _helpers[: threads - 1]
        for helper in helping:
            helper.start(job)
        try:
            job()
        finally:
            errors = [helper.join() for helper in helping]
        for error in errors:
            if error is not None:
                raise error
    finally:
        _in_use.release()


def _work_off(slices: deque[tuple[int, int]], kernel: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Treat slices until none is left; several threads may."""
    while True:
        try:
            first, last = slices.popleft()
        except IndexError:
            return
        kernel(*arguments, first, last)


class Helper:
    """A thread that does one job at a time, and looks out for the next one for a moment before it sleeps.

    Waking a thread that sleeps takes 50 to 150 microseconds, and a step of a model has hundreds of jobs of that length.
    A job that it has not begun when it is joined is taken back: on a busy machine nobody waits for its turn.
    """

    def __init__(self) -> None:
        #: Jobs given, and the number of the last one done: on cache lines of their own, read without Python's lock.
        self._given, self._done = np.zeros(8, np.int64), np.zeros(8, np.int64)
        self._jobs: deque[tuple[int, Callable[[], None]]] = deque()  # one at most; whoever takes it out has it
        self._error: BaseException | None = None
        self._asleep = False
        self._woken, self._finished = threading.Event(), threading.Event()
        threading.Thread(target=self._run, name="thermoscope", daemon=True).start()

    def start(self, job: Callable[[], None]) -> None:
        """Give it a job; the one before must have been joined."""
        self._error = None
        number = int(self._given[0]) + 1
        self._jobs.append((number, job))
        self._given[0] = number
        if self._asleep:
            self._woken.set()

    def join(self) -> BaseException | None:
        """Wait until its job is done, or take it back; return what it raised."""
        with contextlib.suppress(IndexError):
            self._jobs.popleft()
            return None
        if not _reached(self._done, self._given[0], _TURNS):
            while self._done[0] < self._given[0]:  # what was set for an earlier job doesn't count
                self._finished.wait()
                self._finished.clear()
        return self._error

    def _run(self) -> None:
        seen = 0
        while True:
            if not _reached(self._given, seen + 1, _TURNS):
                self._woken.clear()
                self._asleep = True
                if self._given[0] == seen:  # a job given from here on finds it asleep
                    self._woken.wait()
                self._asleep = False
            seen = int(self._given[0])
            try:
                number, job = self._jobs.popleft()
            except IndexError:  # taken back
                continue
            try:
                job()
            except BaseException as error:  # told to who joins
                self._error = error
            del job  # and what it holds
            self._done[0] = number
            self._finished.set()


_helpers: list[Helper] = []
_in_use = threading.Lock()


def _forget() -> None:
    """Threads don't survive a fork: the child makes its own."""
    global _helpers, _in_use
    _helpers, _in_use = [], threading.Lock()


os.register_at_fork(after_in_child=_forget)
