"""What our compiled loops need of the processor and numba's language can't say: vectors, the types' bits, prefetching.

Pieces of LLVM's intermediate code, for the functions that the loops call. Vectors have ``LANES`` float32 numbers; a
processor with narrower registers takes several for one. Memory holds float32, or bfloat16 by its bits in uint16.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Numbers of a vector.
LANES = 16
WORD, FLAG = ir.IntType(64), ir.IntType(32)
NUMBER, _BYTE = ir.FloatType(), ir.IntType(8)
VECTOR = ir.VectorType(NUMBER, LANES)

_HALF, _WHOLE = ir.VectorType(ir.IntType(16), LANES), ir.VectorType(FLAG, LANES)


class Block:
    """An argument of two dimensions, such as (rows, numbers of a row), as the code below numba's language sees it."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        view = context.make_array(kind)(context, builder, value)
        self.start = builder.bitcast(view.data, _BYTE.as_pointer())
        (self.rows, self.columns), self.strides = (
            cgutils.unpack_tuple(builder, part, 2) for part in (view.shape, view.strides)
        )
        self.dtype, self.size = kind.dtype, kind.dtype.bitwidth // 8

    def place(self, builder: Any, row: Any, column: Any, kind: Any = _BYTE) -> Any:
        """The place of an element, as a pointer to a type."""
        offsets = (builder.mul(n, stride) for n, stride in zip((row, column), self.strides, strict=True))
        return builder.bitcast(builder.gep(self.start, [builder.add(*offsets)]), kind.as_pointer())

    def vectors(self, builder: Any, row: Any, column: Any, count: int) -> list[Any]:
        """The places of vectors side by side, from an element on."""
        first = self.place(builder, row, column)
        return [builder.gep(first, [WORD(n * LANES * self.size)]) for n in range(count)]


@contextmanager
def in_registers(builder: Any, places: Sequence[Any]) -> Iterator[list[Any]]:
    """Hold the float32 vectors at some places in registers during the code written inside, and put them back after it.

    Gives what to load them from and store them to.
    """
    pointers = [builder.bitcast(place, VECTOR.as_pointer()) for place in places]
    held = [cgutils.alloca_once(builder, VECTOR) for _ in pointers]
    for own, pointer in zip(held, pointers, strict=True):
        builder.store(builder.load(pointer, align=4), own)
    yield held
    for own, pointer in zip(held, pointers, strict=True):
        builder.store(builder.load(own), pointer, align=4)


def load(builder: Any, place: Any, dtype: Any) -> Any:
    """The vector that lies at a place in memory, its numbers being of numba's type ``dtype``."""
    if dtype is types.float32:
        return builder.load(builder.bitcast(place, VECTOR.as_pointer()), align=4)
    if dtype is not types.uint16:
        raise TypeError(f"float32, or bfloat16 by its bits in uint16; got {dtype}")
    bits = builder.load(builder.bitcast(place, _HALF.as_pointer()), align=2)
    upper = builder.shl(builder.zext(bits, _WHOLE), ir.Constant(_WHOLE, [16] * LANES))  # the upper half of a float32
    return builder.bitcast(upper, VECTOR)


def everywhere(builder: Any, number: Any) -> Any:
    """The vector of one number."""
    undefined = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, number, FLAG(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_WHOLE, [0] * LANES))


def multiply_add(builder: Any, a: Any, b: Any, total: Any) -> Any:
    """A * b + total, of vectors, rounded once where the processor can."""
    return builder.fadd(builder.fmul(a, b, flags=("contract",)), total, flags=("contract",))


def total(builder: Any, vector: Any) -> Any:
    """The sum of a vector's numbers."""
    name, kind = f"llvm.vector.reduce.fadd.v{LANES}f32", ir.FunctionType(NUMBER, [NUMBER, VECTOR])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [NUMBER(0), vector], fastmath=("reassoc", "nsz"))


def fetch(builder: Any, place: Any) -> None:
    """Ask memory for the cache line of a place, which may be anywhere, up to the second level of the caches."""
    kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), FLAG, FLAG, FLAG])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    builder.call(function, [place, FLAG(0), FLAG(2), FLAG(1)])  # to read; second level; data


@intrinsic  # type: ignore[untyped-decorator]
def number(_context: Any, element: Any) -> Any:
    """An element of an array as float32: it is one, or the bits of a bfloat16 in a uint16."""

    def generate(_c: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if signature.args[0] is types.float32:
            return arguments[0]
        return builder.bitcast(builder.shl(builder.zext(arguments[0], FLAG), FLAG(16)), NUMBER)

    return types.float32(element), generate


@intrinsic  # type: ignore[untyped-decorator]
def like(_context: Any, number: Any, element: Any) -> Any:
    """A float32 in the type of an element of an array: as it is, or the bits of the nearest bfloat16 in a uint16."""

    def generate(_c: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if signature.args[1] is types.float32:
            return arguments[0]
        bits = builder.bitcast(arguments[0], FLAG)
        odd = builder.and_(builder.lshr(bits, FLAG(16)), FLAG(1))  # ties to even
        rounded = builder.add(bits, builder.add(odd, FLAG(0x7FFF)))
        return builder.trunc(builder.lshr(rounded, FLAG(16)), ir.IntType(16))

    return element(types.float32, element), generate
