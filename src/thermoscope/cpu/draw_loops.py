"""The keyed noise and the draw from whole rows on the CPU, compiled by numba; noise.py and draw.py say what they are.

Shapes: R rows of logits, V vocabulary, C = ceil(V / BLOCK) blocks of a row, B draws, G triples of (seed, prompt key,
position).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from thermoscope.cpu.compiled import compiled, sliced
from thermoscope.cpu.vocabulary_loops import BLOCK, REORDERED

_U = np.uint64
#: 1 / n!
_T = tuple(1 / math.factorial(n) for n in range(13))
#: No noise is larger: -ln(-ln(1 - 2^-53)) is 36.74.
_MOST_NOISE = 37.0
#: Logits so far below the largest add less than 2^-53 to a sum over any vocabulary.
_NO_MASS = -60.0


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


@sliced()
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
        block = np.int64(-1)
        words = (_U(0), _U(0), _U(0), _U(0))
        for k in range(ids.shape[1]):
            token = ids[b, k]
            if token >> 2 != block:  # neighbours share their four words
                block = token >> 2
                words = _philox(_U(block + 1), position, prompt, seed)
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


@compiled(inline="always")
def _limit(needed):
    """A word div 2^12 below which no noise reaches ``needed``; 2^52 where none does at all."""
    if needed <= 0:
        return _U(0)
    if needed > _MOST_NOISE:
        return _U(2**52)
    # g >= needed means u >= exp(-y), y = exp(-needed), and 1 - y is no more than that
    return _U(max(0.0, (1 - _exp64(-needed) * (1 + 1e-12)) * 2.0**52 - 4))


@compiled(fastmath=REORDERED | {"nnan"})
def _log_total(values, maxima, top, t, cold):
    """Log of the sum of ``exp((l - top) / t)`` over a row (V,); ``cold`` (BLOCK,) is written over."""
    total = 0.0
    for block in range(len(maxima)):
        if (np.float64(maxima[block]) - top) / t > _NO_MASS:
            part = values[block * BLOCK : (block + 1) * BLOCK]
            for i in range(len(part)):  # loops of their own, each of which goes through vector registers
                cold[i] = (np.float64(part[i]) - top) / t
            mass = 0.0
            for i in range(len(part)):
                mass += _exp64(cold[i])
            total += mass
    return np.log(total)


@compiled()
def _try(values, top, t, words, at, limit, best, token):
    """The better of ``token`` with its sum ``best`` and the four tokens from ``at`` with their ``words``."""
    for i in range(min(4, len(values) - at)):
        if words[i] >> _U(12) >= limit:
            reached = (np.float64(values[at + i]) - top) / t - np.log(-np.log(_uniform(words[i])))
            if reached > best or (reached == best and at + i < token):  # ties go to the lowest id
                best, token = reached, at + i
    return best, token


@sliced()
def draw(logits, maxima, rows, temperatures, triples, starts, members, tokens, logprobs, first, last):
    """Draw from whole rows: the largest sum of ``l / temperature`` and noise.

    Most tokens are done with once their noise's integer is there: it says that the noise can't reach what the best sum
    so far demands of the largest logit nearby. Draws that share a triple share these integers.

    Parameters
    ----------
    logits : float32 or float64 (R, V)
    maxima : the same (R, C)
        The largest logit of each block.
    rows : int64 (B,)
        Each draw's row of logits.
    temperatures : float64 (B,)
        0 takes the largest logit.
    triples : uint64 (G, 3)
    starts, members : int64 (G + 1,), (B,)
        The draws of triple g are ``members[starts[g]:starts[g + 1]]``.
    tokens, logprobs : int64 (B,), float64 (B,)
        Written: the token, and its log-probability in nats.
    first, last
        The triples to do.
    """
    cold, blocks = np.empty(BLOCK), maxima.shape[1]
    for group in range(first, last):
        seed, prompt, position = triples[group]
        of = members[starts[group] : starts[group + 1]]
        best, found, limits = np.full(len(of), -np.inf), np.zeros(len(of), np.int64), np.zeros(len(of), np.uint64)
        tops = np.empty(len(of))
        for n in range(len(of)):  # where the largest logit is, so that few tokens have to be looked at elsewhere
            values, largest, t = logits[rows[of[n]]], maxima[rows[of[n]]], temperatures[of[n]]
            block = np.argmax(largest)
            tops[n] = largest[block]
            if t == 0:
                found[n] = block * BLOCK + np.argmax(values[block * BLOCK : (block + 1) * BLOCK])
                logprobs[of[n]] = 0.0
                continue
            for at in range(block * BLOCK, min((block + 1) * BLOCK, len(values)), 4):
                words = _philox(_U(at // 4 + 1), position, prompt, seed)
                best[n], found[n] = _try(values, tops[n], t, words, at, _U(0), best[n], found[n])
        for block in range(blocks):
            least = _U(2**52)
            for n in range(len(of)):
                t = temperatures[of[n]]
                if t > 0:
                    limits[n] = _limit(best[n] - (np.float64(maxima[rows[of[n]], block]) - tops[n]) / t)
                    least = min(least, limits[n])
                else:
                    limits[n] = _U(2**52)
            if least == _U(2**52):
                continue
            for at in range(block * BLOCK, min((block + 1) * BLOCK, logits.shape[1]), 4):
                words = _philox(_U(at // 4 + 1), position, prompt, seed)
                if max(words[0], words[1], words[2], words[3]) >> _U(12) >= least:
                    for n in range(len(of)):
                        best[n], found[n] = _try(
                            logits[rows[of[n]]], tops[n], temperatures[of[n]], words, at, limits[n], best[n], found[n]
                        )
        for n in range(len(of)):
            b = of[n]
            tokens[b] = found[n]
            if temperatures[b] > 0:
                values, t = logits[rows[b]], temperatures[b]
                total = _log_total(values, maxima[rows[b]], tops[n], t, cold)
                logprobs[b] = (np.float64(values[found[n]]) - tops[n]) / t - total
