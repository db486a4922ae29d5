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

from thermoscope.cpu.compiled import compiled, exp, processor, sliced
from thermoscope.cpu.vectors import (
    LANES,
    NUMBER,
    WORD,
    Block,
    everywhere,
    fetch,
    in_registers,
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
        blocks = [Block(context, builder, signature.args[n], arguments[n]) for n in range(4)]
        done = builder.append_basic_block()
        choice = builder.switch(blocks[0].rows, done)
        for rows in range(1, _TALL + 1):
            choice.add_case(rows, builder.append_basic_block())
            builder.position_at_end(choice.cases[-1][1])
            _tile_of(rows, builder, *blocks, arguments[4])
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(x, w, out, ahead, pace), generate


def _tile_of(rows: int, builder: Any, x: Block, w: Block, out: Block, ahead: Block, pace: Any) -> None:
    """Write the code of a tile of so many rows."""
    inputs = [x.place(builder, WORD(m), WORD(0), NUMBER) for m in range(rows)]
    places = [place for m in range(rows) for place in out.vectors(builder, WORD(m), WORD(0), _WIDE)]
    with in_registers(builder, places) as sums, cgutils.for_range(builder, w.rows) as loop:
        fetch(builder, builder.gep(ahead.start, [builder.mul(loop.index, pace)]))
        weights = [load(builder, place, w.dtype) for place in w.vectors(builder, loop.index, WORD(0), _WIDE)]
        for m in range(rows):
            own = everywhere(builder, builder.load(builder.gep(inputs[m], [loop.index])))
            for weight, cell in zip(weights, sums[m * _WIDE : (m + 1) * _WIDE], strict=True):
                builder.store(multiply_add(builder, own, weight, builder.load(cell)), cell)


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
