"""Compiled loops: numba's compiler with the options used here, and slices of work on several threads.

numba compiles a function when it is first called and keeps the result on disk beside the source, or in the user's
cache folder where that can't be written; no compiler has to be installed. Importing this module imports numba.

The slices run on threads of Python's, for the loops release the interpreter's lock. A slice's result must never depend
on how the work was cut.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from thermoscope.cpu.probe import state_of_sources

#: Below so many units of work (roughly, array elements) waking another thread costs more than it brings.
_WORTH_A_THREAD = 2**17
#: Slices for each thread: who comes late finds fewer of them.
_SLICES_EACH = 4

_F = np.float32


class Processor(NamedTuple):
    """The processor that loops are compiled for, in LLVM's words."""

    name: str
    features: frozenset[str]


@cache
def processor() -> Processor:
    """Which processor that is: this one, unless numba is told otherwise by its environment variables."""
    _, name, features = cpu_target.target_context.codegen().magic_tuple()
    return Processor(name, frozenset(word[1:] for word in features.split(",") if word.startswith("+")))


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function of numbers and arrays so that numba compiles it; ``options`` are those of ``numba.njit``.

    With ``fastmath=True`` sums may be taken in any order and infinities must not occur.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        settings = {"nogil": True, "error_model": "numpy", "cache": True, **options}
        function.__qualname__ += f"_{state_of_sources()}"  # numba keeps what it compiles under this name
        try:
            return numba.njit(**settings)(function)  # type: ignore[no-any-return]
        except RuntimeError:  # neither the source's folder nor the user's cache can be written
            return numba.njit(**{**settings, "cache": False})(function)  # type: ignore[no-any-return]

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


def sliced(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate ``kernel(*arguments, first, last)`` as ``compiled`` does, and so that ``over_slices`` takes it.

    It treats the items from ``first`` up to ``last``, and gives nothing back.
    """
    return compiled(**options)


def over_slices(kernel: Any, items: int, *arguments: Any, work: int) -> None:
    """Call ``kernel(*arguments, first, last)`` on slices that together cover ``range(items)``.

    Parameters
    ----------
    kernel
        A function decorated with ``sliced``.
    items
        How many there are.
    work
        How much there is to do in all, in array elements: little is not worth waking a thread.
    """
    threads = torch.get_num_threads()
    if threads < 2 or items < 2 or work < 2 * _WORTH_A_THREAD:
        kernel(*arguments, 0, items)
        return
    count = min(items, threads * max(1, min(_SLICES_EACH, work // (threads * _WORTH_A_THREAD))))
    ends = pairwise(items * n // count for n in range(count + 1))
    list(_pool(threads).map(lambda slice_: kernel(*arguments, *slice_), ends))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=threads, thread_name_prefix="thermoscope")


if hasattr(os, "register_at_fork"):  # threads don't survive a fork: the child makes its own; not on Windows
    os.register_at_fork(after_in_child=_pool.cache_clear)
