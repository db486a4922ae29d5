"""Attention of one new token over a row's keys and values, on the CPU.

torch's own one-token attention reads masked positions as well, and in bfloat16 is bound by arithmetic and not by
memory. This one visits each row's own tokens alone, so what a row gives does not depend on the rows beside it.
Compiled by numba at first use and kept on disk; no compiler has to be installed.

Shapes: S slots, of which the first R are rows; H query heads, K key heads (H a multiple of K), L positions that a
slot has room for, D and E the sizes of a key and a value.
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
#: Positions that are asked from memory ahead of their use: the processor's own look-ahead ends with each 4 KiB.
_AHEAD = 4
_CACHE_LINE = 64


@intrinsic
def _prefetch(_context: Any, array: Any, i: Any, j: Any) -> Any:
    """Ask memory for the cache line of ``array[i, j]``, which may lie outside the array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte, word, flag = ir.PointerType(ir.IntType(8)), context.get_value_type(types.intp), ir.IntType(32)
        offset = ir.Constant(word, 0)
        for index, stride in zip((1, 2), cgutils.unpack_tuple(builder, view.strides, 2), strict=True):
            place = context.cast(builder, arguments[index], signature.args[index], types.intp)
            offset = builder.add(offset, builder.mul(place, stride))
        pointer = builder.inttoptr(builder.add(builder.ptrtoint(view.data, word), offset), byte)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]), "llvm.prefetch.p0i8"
        )
        builder.call(function, [pointer, *(ir.Constant(flag, value) for value in (0, 3, 1))])  # read, keep, data
        return context.get_dummy_value()

    return types.void(array, i, j), generate


@intrinsic
def _number(_context: Any, element: Any) -> Any:
    """An element of a block as float32: it is one, or the bits of a bfloat16 in a uint16."""

    def generate(_c: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if signature.args[0] is types.float32:
            return arguments[0]
        word = ir.IntType(32)
        high_half = builder.shl(builder.zext(arguments[0], word), ir.Constant(word, 16))
        return builder.bitcast(high_half, ir.FloatType())

    return types.float32(element), generate


@intrinsic
def _like(_context: Any, number: Any, element: Any) -> Any:
    """A float32 in the type of an element of a block: as it is, or the bits of the nearest bfloat16 in a uint16."""

    def generate(_c: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if signature.args[1] is types.float32:
            return arguments[0]
        word = ir.IntType(32)
        bits = builder.bitcast(arguments[0], word)
        odd = builder.and_(builder.lshr(bits, ir.Constant(word, 16)), ir.Constant(word, 1))  # ties to even
        rounded = builder.add(bits, builder.add(odd, ir.Constant(word, 0x7FFF)))
        return builder.trunc(builder.lshr(rounded, ir.Constant(word, 16)), ir.IntType(16))

    return element(types.float32, element), generate


@sliced(fastmath=True)
def attend(q, keys, values, low, high, scale, out, first, last):
    """Write softmax(scale * q k) v of each row's positions low to high to ``out``, for pairs of row and key head.

    Parameters
    ----------
    q : float32 (R, H, D)
    keys, values : (S, L, K, D) and (S, L, K, E), float32 or the bits of bfloat16 in uint16
        Position by position, so that a row is read from memory in one stream.
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
        for t in range(begin, end):
            for head in heads:
                _fetch(keys[row, t + _AHEAD], head)
                k = keys[row, t, head]
                for h in range(head * shared, head * shared + shared):
                    query = q[row, h]
                    score = _F(0)
                    for d in range(len(k)):
                        score += query[d] * _number(k[d])
                    weights[h, t] = score * scale
        for h in range(heads.start * shared, heads.stop * shared):
            _softmax(weights[h, begin:end])
            out[row, h] = 0
        for t in range(begin, end):
            for head in heads:
                _fetch(values[row, t + _AHEAD], head)
                v = values[row, t, head]
                for h in range(head * shared, head * shared + shared):
                    weight, result = weights[h, t], out[row, h]
                    for d in range(len(v)):
                        result[d] += weight * _number(v[d])


@compiled(inline="always", fastmath=True)
def _fetch(block, i):
    """Ask memory for ``block[i]``, which may lie outside the array."""
    for j in range(0, block.shape[1], _CACHE_LINE // block.itemsize):
        _prefetch(block, i, j)


@compiled(fastmath=True)
def _softmax(weights):
    largest = _F(-3e38)
    for t in range(len(weights)):
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
        a, b = _number(x[d]) * factor, _number(x[d + half]) * factor
        if len(weight):
            a *= weight[d]
            b *= weight[d + half]
        if len(cos):
            a, b = a * cos[d] - b * sin[d], b * cos[d + half] + a * sin[d + half]
        out[d] = _like(a, out[d])
        out[d + half] = _like(b, out[d + half])
    if 2 * half < size:  # an odd size: no rotation then
        last = _number(x[size - 1]) * factor
        if len(weight):
            last *= weight[size - 1]
        out[size - 1] = _like(last, out[size - 1])


@compiled(fastmath=True)
def _inverse_rms(x, eps):
    total = _F(0)
    for d in range(len(x)):
        total += _number(x[d]) * _number(x[d])
    return _F(1) / np.sqrt(total / _F(len(x)) + eps)


@compiled(fastmath=True)
def rms_norm(x, weight, eps, out, first, last):
    """Write x (R, C) / sqrt(mean(x**2) + eps) * weight (C,) to ``out`` (R, C), for the rows first to last.

    Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", eq. 4. x and out: float32 or bits of bfloat16.
    """
    for row in range(first, last):
        factor = _inverse_rms(x[row], eps)
        for c in range(x.shape[1]):
            out[row, c] = _like(_number(x[row, c]) * factor * weight[c], out[row, c])


@sliced(fastmath=True)
def silu_times(gate_up, out, first, last):
    """Write silu(gate) * up to ``out`` (R, I), the halves of gate_up (R, 2 I) being gate and up, for some rows.

    Shazeer 2020, "GLU Variants Improve Transformer", eq. 6 without the products.
    """
    size = out.shape[1]
    for row in range(first, last):
        for i in range(size):
            gate = _number(gate_up[row, i])
            small = exp(-abs(gate))  # of numbers up to 0: the logistic function of either sign
            share = (_F(1) if gate > _F(0) else small) / (_F(1) + small)
            out[row, i] = _like(gate * share * _number(gate_up[row, size + i]), out[row, i])


@compiled()
def write(block, states, positions):
    """Write each row's new key or value (R, K, D) into its slot of ``block`` (S, L, K, D) at its position (R,)."""
    for row in range(states.shape[0]):
        block[row, positions[row]] = states[row]
