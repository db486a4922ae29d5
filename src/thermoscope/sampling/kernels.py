"""What the draw needs of whole vocabularies on the CPU, each in as few passes as can be.

The same as the torch code beside it (chain.py, noise.py), which other devices use. Compiled by numba.

Shapes: R rows of logits, V vocabulary, B draws.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from thermoscope.compiled import compiled, exp

_F = np.float32
_U = np.uint64
#: Sums run in float32 over so many tokens and in float64 over their sums.
_BLOCK = 1024
#: 1 / n!
_T = tuple(1 / math.factorial(n) for n in range(13))
#: Sums may be taken in any order; infinities are allowed.
_REORDERED = {"reassoc", "contract", "nsz"}


@compiled(fastmath=_REORDERED)
def summarise(logits, largest, log_totals, entropies, first, last):
    """Log of the sum of exponentials and entropy of rows, in nats.

    Parameters
    ----------
    logits : float32 (R, V)
    largest : float32 (R,)
        The maximum of each row.
    log_totals, entropies : float64 (R,)
        Written.
    first, last
        The rows to do.
    """
    for row in range(first, last):
        total, mean = 0.0, 0.0
        for start in range(0, logits.shape[1], _BLOCK):
            block = logits[row, start : start + _BLOCK]
            t, m = _F(0), _F(0)
            for i in range(len(block)):
                x = block[i] - largest[row]
                x = x if x > _F(-87) else _F(-87)
                e = exp(x)
                t += e
                m += e * x
            total += t
            mean += m
        log_totals[row] = largest[row] + np.log(total)
        entropies[row] = np.log(total) - mean / total


@compiled()
def rank(logits, rows, tokens, ranks, first, last):
    """Write to ``ranks`` (B,) 1 + how many logits of row ``rows[b]`` are above that of ``tokens[b]``."""
    for b in range(first, last):
        values = logits[rows[b]]
        own = values[tokens[b]]
        larger = np.int32(0)
        for i in range(len(values)):
            larger += np.int32(values[i] > own)
        ranks[b] = 1 + larger


@compiled()
def count_at_least(logits, thresholds, counts, first, last):
    """Write to ``counts`` (R,) how many logits of each row are at least its threshold (R,)."""
    for row in range(first, last):
        values, threshold = logits[row], thresholds[row]
        count = np.int32(0)
        for i in range(len(values)):
            count += np.int32(values[i] >= threshold)
        counts[row] = count


@compiled()
def collect_at_least(logits, thresholds, ids, first, last):
    """Write to ``ids`` (R, K) the tokens whose logits are at least their row's threshold, ascending, from the left."""
    for row in range(first, last):
        values, threshold, place = logits[row], thresholds[row], 0
        for start in range(0, len(values), 64):
            block = values[start : start + 64]
            some = np.int32(0)
            for i in range(len(block)):
                some += np.int32(block[i] >= threshold)
            if some:
                for i in range(len(block)):
                    if block[i] >= threshold:
                        ids[row, place] = start + i
                        place += 1


@intrinsic
def _high_word(_context: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of the product of two uint64."""

    def generate(_c: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@compiled(inline="always")
def _philox(block, position, prompt, seed):
    """The four words of Philox4x64-10 with counter (block, position, prompt, 0) and key (seed, 0)."""
    x0, x1, x2, x3, k0, k1 = block, position, prompt, _U(0), seed, _U(0)
    for _ in range(10):
        h0, l0 = _high_word(_U(0xD2E7470EE14C6C93), x0), _U(0xD2E7470EE14C6C93) * x0
        h1, l1 = _high_word(_U(0xCA5A826395121157), x2), _U(0xCA5A826395121157) * x2
        x0, x1, x2, x3 = h1 ^ x1 ^ k0, l1, h0 ^ x3 ^ k1, l0
        k0 += _U(0x9E3779B97F4A7C15)
        k1 += _U(0xBB67AE8584CAA73B)
    return x0, x1, x2, x3


@compiled(inline="always")
def _uniform(word):
    """A 64-bit word as a number in (0, 1): the middle of its one of 2^52 equal parts."""
    return (np.float64(word >> _U(12)) + 0.5) * 2.0**-52


@compiled()
def uniforms_of_rows(triples, uniforms, first, last):
    """Write to ``uniforms`` (R, V) those of every token under ``triples`` uint64 (R, 3): seed, prompt, position."""
    vocabulary = uniforms.shape[1]
    for row in range(first, last):
        seed, prompt, position = triples[row]
        for block in range((vocabulary + 3) // 4):
            words = _philox(_U(block + 1), position, prompt, seed)
            for i in range(min(4, vocabulary - 4 * block)):
                uniforms[row, 4 * block + i] = _uniform(words[i])


@compiled()
def uniforms_of_tokens(triples, rows, ids, uniforms):
    """Write to ``uniforms`` (B, K) those of the tokens ``ids`` (B, K) under the triples ``rows`` (B,)."""
    for b in range(ids.shape[0]):
        seed, prompt, position = triples[rows[b]]
        for k in range(ids.shape[1]):
            token = ids[b, k]
            words = _philox(_U((token >> 2) + 1), position, prompt, seed)
            uniforms[b, k] = _uniform(words[token & 3])


@intrinsic
def _double_of_bits(_context: Any, _bits: Any) -> Any:
    """The float64 with the bits of an int64."""

    def generate(_c: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@compiled(inline="always")
def _exp64(x):
    """``e**x`` for float64 x <= 0, to a few units of the last place: Cody and Waite's reduction, Taylor's series."""
    x = x if x > -708.0 else -708.0
    n = np.floor(x * 1.4426950408889634 + 0.5)
    r = x - n * 6.93145751953125e-1 - n * 1.42860682030941723212e-6
    p = (((_T[12] * r + _T[11]) * r + _T[10]) * r + _T[9]) * r + _T[8]
    p = (((p * r + _T[7]) * r + _T[6]) * r + _T[5]) * r + _T[4]
    p = (((p * r + _T[3]) * r + _T[2]) * r + 1) * r + 1
    return p * _double_of_bits((np.int64(n) + 1023) << 52)


@compiled(fastmath=_REORDERED | {"nnan"})
def draw_untruncated(logits, largest, rows, temperatures, noise, noises, tokens, logprobs, first, last):
    """Draw from whole rows at temperatures above 0.

    Parameters
    ----------
    logits : float32 (R, V)
    largest : float32 (R,)
        The maximum of each row.
    rows : int64 (B,)
        Each draw's row of logits.
    temperatures : float64 (B,)
    noise : float64 (N, V)
    noises : int64 (B,)
        Each draw's row of noise.
    tokens, logprobs : int64 (B,), float64 (B,)
        Written: the token, and its log-probability in nats.
    first, last
        The draws to do.
    """
    cold, sums = np.empty(_BLOCK), np.empty(_BLOCK)
    for b in range(first, last):
        values, gumbel, t = logits[rows[b]], noise[noises[b]], temperatures[b]
        top = np.float64(largest[rows[b]])
        best, token, total = -np.inf, 0, 0.0
        for start in range(0, len(values), _BLOCK):
            width = min(_BLOCK, len(values) - start)
            for i in range(width):  # loops of their own, each of which goes through vector registers
                cold[i] = (np.float64(values[start + i]) - top) / t
            for i in range(width):
                sums[i] = cold[i] + gumbel[start + i]
            highest = -np.inf
            for i in range(width):
                highest = max(highest, sums[i])
            mass = 0.0
            for i in range(width):
                mass += _exp64(cold[i])
            total += mass
            if highest > best:
                best = highest
                for i in range(width):
                    if sums[i] == highest:
                        token = start + i
                        break
        tokens[b] = token
        logprobs[b] = (np.float64(values[token]) - top) / t - np.log(total)
