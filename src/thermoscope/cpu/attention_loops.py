"""Attention of one new token over a row's keys and values, on the CPU.

torch's own one-token attention reads masked positions as well, and in bfloat16 is bound by arithmetic and not by
memory. This one visits each row's own tokens alone, so what a row gives does not depend on the rows beside it.
Compiled by numba at first use and kept on disk; no compiler has to be installed.

Shapes: S slots, of which the first R are rows; H query heads, K key heads (H a multiple of K), L positions that a
slot has room for, D and E the sizes of a key and a value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from thermoscope.cpu.compiled import compiled, exp, sliced
from thermoscope.cpu.vectors import (
    LANES,
    NUMBER,
    WORD,
    Block,
    everywhere,
    fetch,
    in_registers,
    like,
    load,
    multiply_add,
    number,
    total,
)

_F = np.float32
#: Bytes of a row that are visited head by head, and the fewest positions; meanwhile memory is asked for the next ones.
_TOGETHER, _FEWEST = 6 * 1024, 2
#: Vectors of a head that are treated at once.
_WIDE = 4
_CACHE_LINE = 64


def _on_blocks(write: Callable[..., None]) -> Any:
    """Make an intrinsic of three blocks, which gives the column that is left for numbers one by one.

    ``write`` writes its code for so many vectors of the second block's columns, from one on.
    """

    @intrinsic
    def function(_context: Any, a: Any, b: Any, c: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            blocks = [Block(context, builder, signature.args[n], arguments[n]) for n in range(3)]
            begin = WORD(0)
            for count in (_WIDE, 1):
                end = builder.and_(blocks[1].columns, WORD(-count * LANES))
                with cgutils.for_range_slice(builder, begin, end, WORD(count * LANES), inc=True) as (column, _):
                    write(builder, *blocks, column, count)
                begin = end
            return begin

        return types.intp(a, b, c), generate

    return function


@_on_blocks
def _scores(builder: Any, queries: Block, keys: Block, scores: Block, column: Any, count: int) -> None:
    """``scores += queries @ keys.T``, of some columns: (G, T), (G, D), (T, D)."""
    with cgutils.for_range(builder, queries.rows) as outer:
        places = queries.vectors(builder, outer.index, column, count)
        query = [load(builder, place, types.float32) for place in places]
        with cgutils.for_range(builder, keys.rows) as inner:
            score = None
            for own, place in zip(query, keys.vectors(builder, inner.index, column, count), strict=True):
                key = load(builder, place, keys.dtype)
                score = builder.fmul(own, key) if score is None else multiply_add(builder, own, key, score)
            place = scores.place(builder, outer.index, inner.index, NUMBER)
            builder.store(builder.fadd(builder.load(place), total(builder, score)), place)


@_on_blocks
def _mixture(builder: Any, weights: Block, values: Block, out: Block, column: Any, count: int) -> None:
    """``out += weights @ values``, of some columns: (G, D), (G, T), (T, D)."""
    with (
        cgutils.for_range(builder, weights.rows) as outer,
        in_registers(builder, out.vectors(builder, outer.index, column, count)) as sums,
        cgutils.for_range(builder, values.rows) as inner,
    ):
        weight = everywhere(builder, builder.load(weights.place(builder, outer.index, inner.index, NUMBER)))
        for own, place in zip(sums, values.vectors(builder, inner.index, column, count), strict=True):
            value = load(builder, place, values.dtype)
            builder.store(multiply_add(builder, weight, value, builder.load(own)), own)


@intrinsic
def _fetch(_context: Any, block: Any, offset: Any) -> Any:
    """Ask memory for what lies ``offset`` bytes behind the rows of a block, wherever that may be."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        own = Block(context, builder, signature.args[0], arguments[0])
        ends = arguments[1], builder.add(arguments[1], builder.mul(own.columns, WORD(own.size)))
        with cgutils.for_range(builder, own.rows) as loop:
            row = own.place(builder, loop.index, WORD(0))
            with cgutils.for_range_slice(builder, *ends, WORD(_CACHE_LINE), inc=True) as (line, _):
                fetch(builder, builder.gep(row, [line]))
        return context.get_dummy_value()

    return types.void(block, types.intp), generate


@sliced(fastmath=True)
def attend(q, keys, values, low, high, scale, out, first, last):
    """Write softmax(scale * q k) v of each row's positions low to high to ``out``, for pairs of row and key head.

    Parameters
    ----------
    q : float32 (R, H, D)
    keys, values : (S, L, K, D) and (S, L, K, E), float32 or the bits of bfloat16 in uint16
        Position by position, so that a row is read from memory in one stream; the numbers of a head lie side by side
        here and in q and out.
    low, high : int64 (R,)
        The positions that a row looks at: from low up to high, at least one.
    scale : float32
    out : float32 (R, H, E)
    first, last
        The pairs to do, numbered row by row: up to R * K in all.
    """
    key_heads = keys.shape[2]
    shared = q.shape[1] // key_heads
    rows = range(first // key_heads, (last - 1) // key_heads + 1)
    longest = 0
    for row in rows:
        longest = max(longest, high[row])
    weights = np.empty((q.shape[1], longest), np.float32)
    for row in rows:
        begin, end = low[row], high[row]
        heads = range(max(first - row * key_heads, 0), min(last - row * key_heads, key_heads))
        for h in range(heads.start * shared, heads.stop * shared):
            weights[h, begin:end] = 0
            out[row, h] = 0
        some = max(_TOGETHER // keys.strides[1], _FEWEST)
        for t in range(begin, end, some):
            for head in heads:
                h, k = head * shared, keys[row, t : min(t + some, end), head]
                _fetch(k, some * keys.strides[1])
                _add_scores(q[row, h : h + shared], k, weights[h : h + shared, t : t + len(k)])
        for h in range(heads.start * shared, heads.stop * shared):
            _softmax(weights[h, begin:end], scale)
        some = max(_TOGETHER // values.strides[1], _FEWEST)
        for t in range(begin, end, some):
            for head in heads:
                h, v = head * shared, values[row, t : min(t + some, end), head]
                _fetch(v, some * values.strides[1])
                _add_mixture(weights[h : h + shared, t : t + len(v)], v, out[row, h : h + shared])


@compiled(inline="always", fastmath=True)
def _add_scores(queries, keys, scores):
    """Add queries (G, D) times keys (T, D) to ``scores`` (G, T)."""
    rest = _scores(queries, keys, scores)
    for g in range(len(queries)):
        for t in range(len(keys)):
            for d in range(rest, keys.shape[1]):
                scores[g, t] += queries[g, d] * number(keys[t, d])


@compiled(inline="always", fastmath=True)
def _add_mixture(weights, values, out):
    """Add weights (G, T) times values (T, D) to ``out`` (G, D)."""
    rest = _mixture(weights, values, out)
    for g in range(len(weights)):
        for t in range(len(values)):
            for d in range(rest, values.shape[1]):
                out[g, d] += weights[g, t] * number(values[t, d])


@compiled(fastmath=True)
def _softmax(weights, scale):
    """Softmax of scale * weights (T,) in place."""
    largest = _F(-3e38)
    for t in range(len(weights)):
        weights[t] *= scale
        largest = max(largest, weights[t])
    total = _F(0)
    for t in range(len(weights)):
        weights[t] = exp(weights[t] - largest)
        total += weights[t]
    for t in range(len(weights)):
        weights[t] /= total


@sliced(fastmath=True)
def attend_new(qkv, cos, sin, q_weight, k_weight, eps, keys, values, low, high, scale, q, out, first, last):
    """Write a new token's key and value into the blocks and attend: ``attend`` from what the layer's product gives.

    Parameters
    ----------
    qkv : (R, (H + K) * D + K * E)
        Queries, keys and values, head by head; in the type of the blocks.
    cos, sin : float32 (R, D), or (R, 0) where positions are not rotations
        Su et al. 2021, "RoFormer", eq. 34, with the halves of a head as pairs, as transformers has it.
    q_weight, k_weight : float32 (D,), or (0,)
        Weights of a root-mean-square norm of each head.
    eps : float32
    low, high : int64 (R,)
        The positions that a row looks at; the new token's is the last of them.
    q : float32 (R, H, D)
        Scratch.
    keys, values, scale, out, first, last
        As for ``attend``.
    """
    key_heads, size, value_size = keys.shape[2], keys.shape[3], values.shape[3]
    heads = q.shape[1]
    shared = heads // key_heads
    for pair in range(first, last):
        row, head = pair // key_heads, pair % key_heads
        position = high[row] - 1
        for h in range(head * shared, head * shared + shared):
            _turn(qkv[row, h * size : (h + 1) * size], q_weight, eps, cos[row], sin[row], q[row, h])
        start = (heads + head) * size
        _turn(qkv[row, start : start + size], k_weight, eps, cos[row], sin[row], keys[row, position, head])
        start = (heads + key_heads) * size + head * value_size
        values[row, position, head] = qkv[row, start : start + value_size]
    attend(q, keys, values, low, high, scale, out, first, last)


@compiled(fastmath=True)
def _turn(x, weight, eps, cos, sin, out):
    """Norm one head x (D,) if there are weights, rotate it if there are angles, and write it to ``out`` (D,)."""
    size, half = len(x), len(x) // 2
    factor = _F(1)
    if len(weight):
        factor = _inverse_rms(x, eps)
    for d in range(half):
        a, b = number(x[d]) * factor, number(x[d + half]) * factor
        if len(weight):
            a *= weight[d]
            b *= weight[d + half]
        if len(cos):
            a, b = a * cos[d] - b * sin[d], b * cos[d + half] + a * sin[d + half]
        out[d] = like(a, out[d])
        out[d + half] = like(b, out[d + half])
    if 2 * half < size:  # an odd size: no rotation then
        last = number(x[size - 1]) * factor
        if len(weight):
            last *= weight[size - 1]
        out[size - 1] = like(last, out[size - 1])


@compiled(fastmath=True)
def _inverse_rms(x, eps):
    total = _F(0)
    for d in range(len(x)):
        total += number(x[d]) * number(x[d])
    return _F(1) / np.sqrt(total / _F(len(x)) + eps)


@compiled(fastmath=True)
def rms_norm(x, weight, eps, out, first, last):
    """Write x (R, C) / sqrt(mean(x**2) + eps) * weight (C,) to ``out`` (R, C), for the rows first to last.

    Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", eq. 4. x and out: float32 or bits of bfloat16.
    """
    for row in range(first, last):
        factor = _inverse_rms(x[row], eps)
        for c in range(x.shape[1]):
            out[row, c] = like(number(x[row, c]) * factor * weight[c], out[row, c])


@sliced(fastmath=True)
def silu_times(gate_up, out, first, last):
    """Write silu(gate) * up to ``out`` (R, I), the halves of gate_up (R, 2 I) being gate and up, for some rows.

    Shazeer 2020, "GLU Variants Improve Transformer", eq. 6 without the products.
    """
    size = out.shape[1]
    for row in range(first, last):
        for i in range(size):
            gate = number(gate_up[row, i])
            small = exp(-abs(gate))  # of numbers up to 0: the logistic function of either sign
            share = (_F(1) if gate > _F(0) else small) / (_F(1) + small)
            out[row, i] = like(gate * share * number(gate_up[row, size + i]), out[row, i])


@compiled()
def write(block, states, positions):
    """Write each row's new key or value (R, K, D) into its slot of ``block`` (S, L, K, D) at its position (R,)."""
    for row in range(states.shape[0]):
        block[row, positions[row]] = states[row]
