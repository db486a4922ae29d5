"""Penalties on the CPU, compiled by numba: in place, at the places of the tokens that are there and nowhere else.

What was finite stays so, up to ``most``, the largest number of the logits' type: a penalty removes no token.

Shapes: B rows, V vocabulary, N tokens of all rows in one list; those of row b are ``tokens[starts[b]:starts[b + 1]]``.
"""

from __future__ import annotations

import numpy as np

from thermoscope.cpu.compiled import compiled, sliced


@compiled(inline="always")
def _finite(value, most):
    """A float64, between -most and most if it is finite."""
    return value if value == -np.inf else min(max(value, -most), most)


@sliced()
def repetition(most, logits, tokens, starts, penalties, first, last):
    """Multiply (below 0) or divide the logits (B, V) of a row's tokens, each once, by ``penalties`` (B,)."""
    seen = np.zeros(logits.shape[1], np.bool_)
    for b in range(first, last):
        of = tokens[starts[b] : starts[b + 1]]
        for token in of:
            if 0 <= token < len(seen) and not seen[token]:
                seen[token] = True
                value = np.float64(logits[b, token])
                logits[b, token] = _finite(value * penalties[b] if value < 0 else value / penalties[b], most)
        for token in of:
            if 0 <= token < len(seen):
                seen[token] = False


@sliced()
def presence_frequency(most, logits, tokens, starts, presences, frequencies, first, last):
    """Subtract ``presences[b] + frequencies[b] * c`` from the logits (B, V) of tokens that row b has c times."""
    counts = np.zeros(logits.shape[1], np.int64)
    for b in range(first, last):
        of = tokens[starts[b] : starts[b + 1]]
        for token in of:
            if 0 <= token < len(counts):
                counts[token] += 1
        for token in of:
            if 0 <= token < len(counts) and counts[token]:
                penalty = presences[b] + frequencies[b] * counts[token]
                logits[b, token] = _finite(np.float64(logits[b, token]) - penalty, most)
                counts[token] = 0


@sliced()
def no_repeat_ngram(most, logits, tokens, starts, sizes, first, last):
    """Put -inf where a token would complete an n-gram, n = ``sizes[b]``, that the tokens of row b have."""
    for b in range(first, last):
        of, n = tokens[starts[b] : starts[b + 1]], sizes[b]
        for end in range(n - 1, len(of)):
            same = True
            for i in range(1, n):
                if of[end - i] != of[len(of) - i]:
                    same = False
                    break
            if same and 0 <= of[end] < logits.shape[1]:
                logits[b, of[end]] = -np.inf
