"""A matrix product of few rows with packed weights, for processors on which oneDNN's falls short of the arithmetic.

A tile of a few rows by a few vectors of outputs stays in registers while it goes through the inputs once (Goto and
van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication", with weights for the packed operand), and asks
memory for the next block of weights meanwhile. A row's sum is taken in the order of the inputs whatever rows are beside
it, so that what a row gives is the same, bit by bit, in every batch. Compiled by numba at first use and kept on disk.

Shapes: M rows, K inputs, N outputs, in blocks of ``BLOCK`` outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from thermoscope.compiled import compiled, exp, processor, sliced
from thermoscope.models.vectors import (
    BYTE,
    LANES,
    NUMBER,
    SECOND_LEVEL,
    VECTOR,
    WORD,
    at,
    everywhere,
    fetch,
    load,
    multiply_add,
)

_F = np.float32
#: Rows of a tile and vectors side by side: 24 sums of AVX-512's 32 registers, or 12 of AVX2's 16, two for a vector.
_TALL, _WIDE = (12, 2) if "avx512f" in processor().features else (6, 1)
#: Outputs of a block.
BLOCK = LANES * _WIDE
#: Rows that go through all weights before the next do: what of them stays in the second-level cache.
_PASS = 96


@intrinsic
def _tile(_context: Any, x: Any, w: Any, out: Any, ahead: Any, pace: Any) -> Any:
    """The product of a tile: ``out += x @ w``, x (up to _TALL, K), w (K, BLOCK), out (as many, BLOCK).

    Meanwhile the processor is told to fetch what lies at ``ahead``, ``pace`` bytes on with every input.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        views = [context.make_array(signature.args[n])(context, builder, arguments[n]) for n in range(4)]
        starts = [builder.bitcast(view.data, BYTE) for view in views]
        strides = [cgutils.unpack_tuple(builder, views[n].strides, 2)[0] for n in (0, 2)]
        inputs = cgutils.unpack_tuple(builder, views[1].shape, 2)[0]
        done = builder.append_basic_block()
        choice = builder.switch(cgutils.unpack_tuple(builder, views[0].shape, 2)[0], done)
        for rows in range(1, _TALL + 1):
            choice.add_case(rows, builder.append_basic_block())
            builder.position_at_end(choice.cases[-1][1])
            _tile_of(rows, builder, inputs, *starts, arguments[4], *strides, signature.args[1].dtype)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(x, w, out, ahead, pace), generate


def _tile_of(
    rows: int, builder: Any, inputs: Any, x: Any, w: Any, out: Any, ahead: Any, pace: Any, x_stride: Any,
    out_stride: Any, dtype: Any,
) -> None:  # fmt: skip
    """Write the code of a tile of so many rows: pointers, strides in bytes, and the type of the weights."""
    size = LANES * dtype.bitwidth // 8
    x_rows = [at(builder, x, builder.mul(x_stride, WORD(m)), NUMBER) for m in range(rows)]
    out_rows = [at(builder, out, builder.mul(out_stride, WORD(m)), VECTOR) for m in range(rows)]
    places = {(m, v): builder.gep(out_rows[m], [WORD(v)]) for m in range(rows) for v in range(_WIDE)}
    sums = {cell: cgutils.alloca_once(builder, VECTOR) for cell in places}
    for cell, place in places.items():
        builder.store(builder.load(place, align=4), sums[cell])
    with cgutils.for_range(builder, inputs) as loop:
        fetch(builder, builder.gep(ahead, [builder.mul(loop.index, pace)]), SECOND_LEVEL)
        first = builder.gep(w, [builder.mul(loop.index, WORD(_WIDE * size))])
        weights = [load(builder, builder.gep(first, [WORD(v * size)]), dtype) for v in range(_WIDE)]
        for m in range(rows):
            own = everywhere(builder, builder.load(builder.gep(x_rows[m], [loop.index])))
            for v in range(_WIDE):
                builder.store(multiply_add(builder, own, weights[v], builder.load(sums[m, v])), sums[m, v])
    for cell, place in places.items():
        builder.store(builder.load(sums[cell]), place, align=4)


@sliced()
def product(x, w, bias, other, gelu, outputs, out, first, last):
    """Write x w + bias + other to ``out``, or GELU of it, for the blocks of outputs first to last.

    Parameters
    ----------
    x : float32 (M, K)
        The numbers of a row lie side by side.
    w : (N / BLOCK, K, BLOCK), float32 or the bits of bfloat16 in uint16
    bias : float32 (N,), or (0,)
    other : float32 (M, N), or (0, any)
    gelu
        Whether to apply GELU: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2, by tanh.
    outputs
        N.
    out : float32 (M, N or more)
    """
    rows = len(out)
    edge = np.empty((_TALL, BLOCK), np.float32)
    for begin in range(0, rows, _PASS):
        end = min(begin + _PASS, rows)
        tiles = (end - begin + _TALL - 1) // _TALL
        _begin(out[begin:end], bias, other[begin:end], first * BLOCK, min(last * BLOCK, outputs))
        for n in range(first, last):
            column = n * BLOCK
            width = min(BLOCK, outputs - column)
            for tile in range(tiles):
                row = begin + (end - begin) * tile // tiles
                after = begin + (end - begin) * (tile + 1) // tiles
                target = out[row:after, column : column + BLOCK]
                if width < BLOCK:
                    target = edge[: after - row, :BLOCK]
                    target[:, :width] = out[row:after, column:outputs]
                ahead = w[min(n + 1, len(w) - 1), tile * w.shape[1] // tiles :]
                pace = BLOCK * w.itemsize // tiles if tiles > 1 else 0  # one tile: memory's own stream is the faster
                _tile(x[row:after], w[n], target, ahead, pace)
                if width < BLOCK:
                    out[row:after, column:outputs] = target[:, :width]
        if gelu:
            _gelu(out[begin:end], first * BLOCK, min(last * BLOCK, outputs))


@compiled(fastmath=True)
def _begin(out, bias, other, first, last):
    """Write bias + other to the columns first to last of ``out``: what the sums begin with."""
    for row in range(len(out)):
        part = out[row, first:last]  # numbered from 0: an index that may be negative keeps a loop out of vectors
        part[:] = 0
        if len(bias):
            offsets = bias[first:last]
            for i in range(len(part)):
                part[i] = offsets[i]
        if len(other):
            added = other[row, first:last]
            for i in range(len(part)):
                part[i] += added[i]


@compiled(fastmath=True)
def _gelu(out, first, last):
    """GELU in place, of the columns first to last."""
    for row in range(len(out)):
        part = out[row, first:last]
        for i in range(len(part)):
            x = part[i]
            inner = _F(0.7978845608028654) * (x + _F(0.044715) * x * x * x)
            small = exp(_F(-2) * abs(inner))  # exp of numbers up to 0
            tanh = (_F(1) - small) / (_F(1) + small)
            part[i] = _F(0.5) * x * (_F(1) + (tanh if inner > _F(0) else -tanh))
