"""A matrix product of few rows with packed weights, for processors with AVX2 and no AVX-512.

oneDNN reaches half of such a processor's arithmetic with few rows. This product keeps a tile of up to six rows by
sixteen outputs in registers while it goes through the inputs once (Goto and van de Geijn 2008, "Anatomy of
High-Performance Matrix Multiplication", with weights for the packed operand), and asks memory for the next block of
weights meanwhile. A row's sum is taken in the order of the inputs whatever rows are beside it, so that what a row
gives is the same, bit by bit, in every batch. Compiled by numba at first use and kept on disk.

Shapes: M rows, K inputs, N outputs, in blocks of ``BLOCK`` outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from thermoscope.compiled import compiled, exp, sliced

_F = np.float32
#: Float32 numbers in a register, registers side by side, rows of a tile: twelve sums, of sixteen registers.
LANES, _WIDE, _TALL = 8, 2, 6
#: Outputs of a block.
BLOCK = LANES * _WIDE
#: Rows that go through all weights before the next do: what of them stays in the second-level cache.
_PASS = 16 * _TALL


def _tile(rows: int) -> Any:
    """Make the product of a tile: ``out[:rows, :BLOCK] += x[:rows] @ w``, w (K, BLOCK), as an intrinsic of numba.

    Meanwhile the processor is told to fetch what lies at ``ahead``, ``pace`` bytes on with every input.
    """

    @intrinsic
    def tile(_context: Any, x: Any, w: Any, out: Any, ahead: Any, pace: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            views = [context.make_array(signature.args[n])(context, builder, arguments[n]) for n in range(4)]
            word, flag = context.get_value_type(types.intp), ir.IntType(32)
            number, byte = ir.FloatType(), ir.PointerType(ir.IntType(8))
            vector = ir.VectorType(number, LANES)
            undefined, zero = ir.Constant(vector, ir.Undefined), ir.Constant(flag, 0)
            everywhere = ir.Constant(ir.VectorType(flag, LANES), [0] * LANES)
            start_x, start_w, start_out, start_ahead = (builder.bitcast(view.data, byte) for view in views)
            stride_x, stride_out = (cgutils.unpack_tuple(builder, views[n].strides, 2)[0] for n in (0, 2))
            inputs = cgutils.unpack_tuple(builder, views[1].shape, 2)[0]
            kind = vector if signature.args[1].dtype is types.float32 else ir.VectorType(ir.IntType(16), LANES)

            def at(start: Any, stride: Any, m: int, kind: Any) -> Any:
                place = builder.gep(start, [builder.mul(stride, ir.Constant(word, m))])
                return builder.bitcast(place, ir.PointerType(kind))

            def weights(place: Any) -> Any:
                loaded = builder.load(place, align=2)
                if kind is vector:
                    return loaded
                words = ir.VectorType(flag, LANES)  # bfloat16: the upper half of a float32
                sixteen = ir.Constant(words, [16] * LANES)
                return builder.bitcast(builder.shl(builder.zext(loaded, words), sixteen), vector)

            rows_x = [at(start_x, stride_x, m, number) for m in range(rows)]
            rows_out = [at(start_out, stride_out, m, vector) for m in range(rows)]
            cells = [(m, v) for m in range(rows) for v in range(_WIDE)]
            places = {(m, v): builder.gep(rows_out[m], [ir.Constant(word, v)]) for m, v in cells}
            sums = {cell: cgutils.alloca_once(builder, vector) for cell in cells}
            for cell in cells:
                builder.store(builder.load(places[cell], align=4), sums[cell])
            blocks = builder.bitcast(start_w, ir.PointerType(kind))
            fetch = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]), "llvm.prefetch.p0i8"
            )
            with cgutils.for_range(builder, inputs) as loop:
                soon = builder.gep(start_ahead, [builder.mul(loop.index, arguments[4])])
                builder.call(fetch, [soon, *(ir.Constant(flag, value) for value in (0, 2, 1))])
                first = builder.mul(loop.index, ir.Constant(word, _WIDE))
                w_now = [weights(builder.gep(blocks, [builder.add(first, ir.Constant(word, v))])) for v in range(_WIDE)]
                for m in range(rows):
                    one = builder.insert_element(undefined, builder.load(builder.gep(rows_x[m], [loop.index])), zero)
                    x_now = builder.shuffle_vector(one, undefined, everywhere)
                    for v in range(_WIDE):
                        term = builder.fmul(x_now, w_now[v], flags=("contract",))
                        total = builder.fadd(term, builder.load(sums[m, v]), flags=("contract",))
                        builder.store(total, sums[m, v])
            for cell in cells:
                builder.store(builder.load(sums[cell]), places[cell], align=4)
            return context.get_dummy_value()

        return types.void(x, w, out, ahead, pace), generate

    return tile


_tile_1, _tile_2, _tile_3, _tile_4, _tile_5, _tile_6 = (_tile(rows) for rows in range(1, _TALL + 1))


@sliced()
def product(x, w, bias, other, gelu, out, first, last):
    """Write x w + bias + other to ``out``, or GELU of it, for the blocks of outputs first to last.

    Parameters
    ----------
    x : float32 (M, K)
    w : (N / BLOCK, K, BLOCK), float32 or the bits of bfloat16 in uint16
    bias : float32 (N,), or (0,)
    other : float32 (M, N), or (0, N)
    gelu
        Whether to apply GELU: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2, by tanh.
    out : float32 (M, N)
    """
    rows, outputs = out.shape
    edge = np.empty((_TALL, BLOCK), np.float32)
    for begin in range(0, rows, _PASS):
        end = min(begin + _PASS, rows)
        tiles = (end - begin + _TALL - 1) // _TALL
        _begin(out[begin:end], bias, other[begin:end], first * BLOCK, min(last * BLOCK, outputs))
        for n in range(first, last):
            column = n * BLOCK
            width = min(BLOCK, outputs - column)
            for tile in range(tiles):
                row = begin + tile * _TALL
                height = min(_TALL, end - row)
                target = out[row : row + height, column : column + BLOCK]
                if width < BLOCK:
                    target = edge[:height, :BLOCK]
                    target[:, :width] = out[row : row + height, column:]
                ahead = w[min(n + 1, len(w) - 1), tile * w.shape[1] // tiles :]
                pace = BLOCK * w.itemsize // tiles if tiles > 1 else 0  # one tile: memory's own stream is the faster
                _any_tile(height, x[row : row + height], w[n], target, ahead, pace)
                if width < BLOCK:
                    out[row : row + height, column:] = target[:, :width]
        if gelu:
            _gelu(out[begin:end], first * BLOCK, min(last * BLOCK, outputs))


@compiled(fastmath=True)
def _begin(out, bias, other, first, last):
    """Write bias + other to the columns first to last of ``out``: what the sums begin with."""
    for row in range(len(out)):
        for column in range(first, last):
            out[row, column] = 0
        if len(bias):
            for column in range(first, last):
                out[row, column] = bias[column]
        if len(other):
            for column in range(first, last):
                out[row, column] += other[row, column]


@compiled(inline="always")
def _any_tile(height, x, w, target, ahead, pace):
    if height == 6:
        _tile_6(x, w, target, ahead, pace)
    elif height == 5:
        _tile_5(x, w, target, ahead, pace)
    elif height == 4:
        _tile_4(x, w, target, ahead, pace)
    elif height == 3:
        _tile_3(x, w, target, ahead, pace)
    elif height == 2:
        _tile_2(x, w, target, ahead, pace)
    else:
        _tile_1(x, w, target, ahead, pace)


@compiled(fastmath=True)
def _gelu(out, first, last):
    """GELU in place, of the columns first to last."""
    for row in range(len(out)):
        for column in range(first, last):
            x = out[row, column]
            inner = _F(0.7978845608028654) * (x + _F(0.044715) * x * x * x)
            small = exp(_F(-2) * abs(inner))  # exp of numbers up to 0
            tanh = (_F(1) - small) / (_F(1) + small)
            out[row, column] = _F(0.5) * x * (_F(1) + (tanh if inner > _F(0) else -tanh))
