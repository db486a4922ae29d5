"""Compiled loops: numba's compiler with the options used here, and slices of work on several threads.

numba compiles a function when it is first called and keeps the result on disk beside the source, or in the user's
cache folder where that can't be written; no compiler has to be installed. Importing this module imports numba.

The slices run on torch's own threads where they can be had, for the loops release the interpreter's lock. A slice's
result must never depend on how the work was cut.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from thermoscope.cpu.sources import state_of_sources

#: Below so many units of work (roughly, array elements) waking another thread costs more than it brings.
_WORTH_A_THREAD = 2**17
#: Slices for each thread: who comes late finds fewer of them.
_SLICES_EACH = 4

_F = np.float32


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

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        kernel = compiled(**options)(function)
        # numba keeps what it compiles under a function's file, name and line, and takes what is global for constant
        code = _share_of_kernel.__code__.replace(
            co_filename=function.__code__.co_filename, co_firstlineno=function.__code__.co_firstlineno
        )
        share = FunctionType(code, {"_share": _share, "kernel": kernel, "__name__": function.__module__})
        share.__qualname__ = f"{function.__name__}_share"
        kernel.share = compiled(**options)(share)  # type: ignore[attr-defined]
        return kernel

    return decorate


def _share_of_kernel(parallel: Any, threads: Any, count: Any, items: Any, *arguments: Any) -> Any:
    return _share(parallel, threads, count, items, kernel, arguments)  # type: ignore[name-defined]  # noqa: F821


@intrinsic  # type: ignore[untyped-decorator]
def _share(
    typing: Any, _parallel: Any, _threads: Any, _count: Any, _items: Any, kernel: Any, arguments: Any
) -> tuple[Any, Any]:
    """Call ``kernel(*arguments, first, last)`` for all slices, on threads that take the next slice when they are free.

    As compilers do it for OpenMP: what the threads share lies on the caller's stack, and the body is a function of its
    address. Gives whether a slice failed.
    """
    inner = kernel.get_call_type(typing, (*arguments.types, types.intp, types.intp), {})
    word, flag, byte = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        parallel, threads, count, items, _, packed = values
        compilation = kernel.dispatcher.get_compile_result(inner)
        context.active_code_library.add_linking_library(compilation.library)
        given = zip(arguments.types, cgutils.unpack_tuple(builder, packed), strict=True)
        own = [*(_uncounted(context, builder, *one) for one in given), count, items, word(0), flag(0)]
        shared = ir.LiteralStructType([value.type for value in own])
        place = cgutils.alloca_once(builder, shared)
        for index, value in enumerate(own):
            builder.store(value, cgutils.gep_inbounds(builder, place, 0, index))

        name = f"{compilation.fndesc.mangled_name}.share"
        body = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [byte]), name)
        body.linkage = "internal"
        inside = ir.IRBuilder(body.append_basic_block())
        there = inside.bitcast(body.args[0], shared.as_pointer())
        at = [cgutils.gep_inbounds(inside, there, 0, index) for index in range(len(own))]
        *taken, slices, last = (inside.load(pointer) for pointer in at[:-2])
        take, treat, leave = (body.append_basic_block() for _ in range(3))
        inside.branch(take)
        inside.position_at_end(take)
        number = inside.atomic_rmw("add", at[-2], word(1), "monotonic")
        inside.cbranch(inside.icmp_signed("<", number, slices), treat, leave)
        inside.position_at_end(treat)
        ends = [inside.sdiv(inside.mul(last, n), slices) for n in (number, inside.add(number, word(1)))]
        status, _ = context.call_internal_no_propagate(inside, compilation.fndesc, inner, [*taken, *ends])
        inside.atomic_rmw("or", at[-1], inside.zext(status.is_error, flag), "monotonic")
        inside.branch(take)
        inside.position_at_end(leave)
        inside.ret_void()

        kind = ir.FunctionType(ir.VoidType(), [body.type, byte, flag, flag])
        start = builder.inttoptr(parallel, kind.as_pointer())
        builder.call(start, [body, builder.bitcast(place, byte), builder.trunc(threads, flag), flag(0)])
        return builder.load(cgutils.gep_inbounds(builder, place, 0, len(own) - 1))

    return types.int32(types.intp, types.intp, types.intp, types.intp, kernel, arguments), generate


def _uncounted(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """An array that nobody counts the references of.

    The caller holds it as long as the slices run. Counted, each view of it that a slice makes would be an atomic
    operation on a number that all threads write: a tenth of a microsecond, several times for a row and a head.
    """
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    return array._getvalue()


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
    threads = torch.get_num_threads()  # all of them: OpenMP makes its threads anew when their number changes
    if threads < 2 or items < 2 or work < 2 * _WORTH_A_THREAD:
        kernel(*arguments, 0, items)
        return
    count = min(items, threads * max(1, min(_SLICES_EACH, work // (threads * _WORTH_A_THREAD))))
    parallel = openmp_parallel()
    if not parallel:
        ends = pairwise(items * n // count for n in range(count + 1))
        list(_pool(threads).map(lambda slice_: kernel(*arguments, *slice_), ends))
    elif kernel.share(parallel, threads, count, items, *arguments):
        raise MemoryError(f"{kernel.__name__} ran out of memory")  # the one thing that can fail in a kernel


@cache
def openmp_parallel() -> int:
    """The address of what starts a parallel region of torch's OpenMP; 0 if that isn't GNU's, or in a fork's child.

    Two sets of threads on the same cores get into each other's way: torch's wait awake for a moment after each
    operation, and keep others from starting. A child has none of its parent's threads, and OpenMP doesn't know.
    """
    if _forked:
        return 0
    try:
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_global_deps.so"))
        return ctypes.cast(library.GOMP_parallel, ctypes.c_void_p).value or 0
    except (OSError, AttributeError):
        return 0


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=threads, thread_name_prefix="thermoscope")


_forked: list[bool] = []


def _forget() -> None:
    """Threads don't survive a fork: the child makes its own."""
    _forked.append(True)
    openmp_parallel.cache_clear()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget)
