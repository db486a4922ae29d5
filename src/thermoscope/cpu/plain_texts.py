"""The loops of text_loops.py in numpy: slower, and needing nothing else. The same numbers, bit by bit.

Shapes: K values in all, N texts, G groups of neighbouring texts; ``edges`` (G + 1,) are their first texts, and N.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_U = np.uint64
#: Odd multipliers, one per place of an n-gram: digits of e, of pi, of the golden ratio and of the square root of 2.
PLACES = (_U(0xB7E151628AED2A6B), _U(0x243F6A8885A308D3), _U(0x9E3779B97F4A7C15), _U(0x6A09E667F3BCC909))
#: An odd number; a word is a polynomial in it.
BASE = _U(0xD6E8FEB86659FD93)
SPACE, WORD, ALONE = 0, 1, 2


def mix_all(values: Array, out: Array) -> None:
    """``mixed_bits`` of every value (K,)."""
    x = values.astype(np.uint64) + _U(0x9E3779B97F4A7C15)
    x = (x ^ (x >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> _U(27))) * _U(0x94D049BB133111EB)
    out[:] = x ^ (x >> _U(31))


def gather(values: Array, first: Array, starts: Array, out: Array) -> None:
    """Rows that begin at ``first`` (N,) in ``values``, one behind the other: row i at ``starts[i]`` of ``out``."""
    out[:] = values[np.arange(starts[-1]) + np.repeat(np.asarray(first) - starts[:-1], np.diff(starts))]


def cut_words(points: Array, kinds: Array, starts: Array, tokens: Array, ends: Array, counts: Array) -> int:
    """Words of some texts: ``text_loops.cut_words``."""
    kind = kinds[points]
    text = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    goes_on = np.zeros(len(points), bool)
    goes_on[1:] = (kind[1:] == WORD) & (kind[:-1] == WORD) & (text[1:] == text[:-1])
    first = np.flatnonzero((kind != SPACE) & ~goes_on)
    breaks = np.flatnonzero(~goes_on)  # where something that is no part of a word before it begins
    last = np.append(breaks, len(points))[np.searchsorted(breaks, first) + 1]
    lengths = last - first
    mixed = np.empty(len(points), np.uint64)
    mix_all(points, mixed)
    words = mixed[first]
    for place in range(1, int(lengths.max(initial=1))):
        longer = lengths > place
        words[longer] = words[longer] * BASE + mixed[first[longer] + place]
    found = len(first)
    mix_all(words + lengths.astype(np.uint64), tokens[:found])
    ends[:found] = last - starts[text[first]]
    counts[:] = np.bincount(text[first], minlength=len(counts))
    return found


def count(values: Array, starts: Array, edges: Array, of_texts: Array, of_groups: Array, elsewhere: Array) -> None:
    """Different n-grams of every text and group: ``text_loops.count``."""
    group_of = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    for n in range(1, 5):
        grams, owner = _grams(values, starts, n)
        in_text = np.unique(np.stack([owner.astype(np.uint64), grams]), axis=1)
        texts = in_text[0].astype(np.int64)
        of_texts[n - 1] = np.bincount(texts, minlength=len(starts) - 1)
        pairs = np.stack([group_of[texts].astype(np.uint64), in_text[1]])
        in_group, which, times = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
        of_groups[n - 1] = np.bincount(in_group[0].astype(np.int64), minlength=len(edges) - 1)
        if n == 4:
            others = times[which.reshape(-1)] - 1
            elsewhere += np.bincount(texts, weights=others, minlength=len(elsewhere)).astype(np.int64)


def matches(values: Array, starts: Array, edges: Array, n: int, found: Array) -> None:
    """For each text, its n-grams that another text of its group has, into ``found`` (N,): ``text_loops.matches``."""
    group_of = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    grams, owner = _grams(values, starts, n)
    (of, gram), own = np.unique(np.stack([owner.astype(np.uint64), grams]), axis=1, return_counts=True)
    texts = of.astype(np.int64)
    _, which = np.unique(np.stack([group_of[texts].astype(np.uint64), gram]), axis=1, return_inverse=True)
    which = which.reshape(-1)
    kinds = int(which.max(initial=-1)) + 1
    order = np.lexsort((-own, which))  # the text with most of each n-gram first
    begin = np.searchsorted(which[order], np.arange(kinds))
    size = np.bincount(which, minlength=kinds)
    most, whose = own[order[begin]], order[begin]
    behind = order[np.minimum(begin + 1, len(order) - 1)] if len(order) else order
    second = np.where(size > 1, own[behind], 0) if kinds else most
    others = np.where(whose[which] == np.arange(len(which)), second[which], most[which])
    found += np.bincount(texts, weights=np.minimum(own, others), minlength=len(found)).astype(found.dtype)


def _grams(values: Array, starts: Array, n: int) -> tuple[Array, Array]:
    """All n-grams as 64-bit fingerprints, and the text of each."""
    counts = np.maximum(np.diff(starts) - n + 1, 0)
    owner = np.repeat(np.arange(len(counts)), counts)
    ends = np.cumsum(counts)
    at = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts[:-1] - (ends - counts), counts)
    grams = np.zeros(len(at), np.uint64)
    for j in range(n):
        grams += values[at + j] * PLACES[j]
    return grams, owner
