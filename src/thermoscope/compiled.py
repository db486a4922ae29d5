"""Compiled loops: numba's compiler with the options used here, and slices of work on several threads.

numba compiles a function when it is first called and keeps the result on disk beside the source, or in the user's
cache folder where that can't be written; no compiler has to be installed. Importing this module imports numba.

torch has its own threads for its own operations; the ones here are for these loops, which release the interpreter's
lock. A slice's result must never depend on how the work was cut.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

#: Below so many units of work (roughly, array elements) waking another thread costs more than it brings.
_WORTH_A_THREAD = 2**17

_F = np.float32

_pool: ThreadPoolExecutor | None = None


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
    slices = max(1, min(torch.get_num_threads(), items, work // _WORTH_A_THREAD))
    borders = [items * n // slices for n in range(slices + 1)]
    others: list[Future[None]] = [
        _threads().submit(kernel, *arguments, first, last) for first, last in pairwise(borders[1:])
    ]
    kernel(*arguments, borders[0], borders[1])
    for other in others:
        other.result()


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="thermoscope")
    return _pool


def _forget() -> None:
    """Threads don't survive a fork: the child makes its own."""
    global _pool
    _pool = None


os.register_at_fork(after_in_child=_forget)
