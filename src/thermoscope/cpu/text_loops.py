"""Compiled loops over texts: characters into words, and n-grams numbered by what they are.

An n-gram is a 64-bit fingerprint of its tokens: two different ones share one with a probability of about 2^-64, so
among a million n-grams such a pair is expected once in 10^7 tries. Equal n-grams of a group of texts get one number,
from a hash table; of a large group the n-grams are first sorted by their highest bits into parts that stay in the
cache. What is counted then goes by number.

Shapes: K values in all, N texts, G groups of neighbouring texts; ``edges`` (G + 1,) are their first texts, and N.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thermoscope.cpu.compiled import compiled
from thermoscope.cpu.plain_texts import BASE, PLACES, SPACE, WORD

_U = np.uint64
_PLACES = PLACES
#: N-grams in a part of a large group, on average: a table of them fits a processor's own cache.
_PART = 2**15
_BASE = BASE
_ASCII = 128


@compiled(inline="always")
def mixed_bits(value: Any) -> Any:
    """64 well-mixed bits of a uint64 (the finalizer of SplitMix64; Steele, Lea and Flood 2014)."""
    x = value + _U(0x9E3779B97F4A7C15)
    x = (x ^ (x >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> _U(27))) * _U(0x94D049BB133111EB)
    return x ^ (x >> _U(31))


@compiled()
def mix_all(values: Any, out: Any) -> None:
    """``mixed_bits`` of every value (K,)."""
    for i in range(len(values)):
        out[i] = mixed_bits(_U(values[i]))


def _mixed_table() -> Any:
    points = np.arange(_ASCII, dtype=np.uint64)
    mixed = np.empty(_ASCII, dtype=np.uint64)
    mix_all(points, mixed)
    return mixed


#: ``mixed_bits`` of every ASCII character.
_MIXED = _mixed_table()


@compiled(inline="always")
def _character(point: Any) -> Any:
    return _MIXED[point] if point < _ASCII else mixed_bits(_U(point))


@compiled()
def gather(values: Any, first: Any, starts: Any, out: Any) -> None:
    """Rows that begin at ``first`` (N,) in ``values``, one behind the other: row i at ``starts[i]`` of ``out``."""
    for row in range(len(first)):
        shift = first[row] - starts[row]
        for i in range(starts[row], starts[row + 1]):
            out[i] = values[i + shift]


@compiled()
def cut_words(points: Any, kinds: Any, starts: Any, tokens: Any, ends: Any, counts: Any) -> int:
    """Words of some texts: their fingerprints, where each ends in its own text, and how many each text has.

    Parameters
    ----------
    points
        (K,) the characters of all texts.
    kinds
        What each character is, by its code point: ``SPACE``, ``WORD`` or ``ALONE``.
    starts
        (N + 1,) where the texts begin.
    tokens, ends, counts
        What is found: (K,) uint64, (K,) int32, (N,) int64.

    Returns
    -------
    int
        How many words there are: so many of ``tokens`` and ``ends`` are set.
    """
    found = 0
    for text in range(len(starts) - 1):
        before, at, stop = found, starts[text], starts[text + 1]
        while at < stop:
            kind = kinds[points[at]]
            if kind == SPACE:
                at += 1
                continue
            # characters are mixed so that words which differ by a shift of letters don't meet
            word, first = _character(points[at]), at
            at += 1
            while kind == WORD and at < stop and kinds[points[at]] == WORD:
                word = word * _BASE + _character(points[at])
                at += 1
            tokens[found] = mixed_bits(word + _U(at - first))
            ends[found] = at - starts[text]
            found += 1
        counts[text] = found - before
    return found


@compiled()
def _grams(values: Any, starts: Any, first: int, last: int, n: int, wanted: Any) -> Any:
    """The n-grams of the texts from ``first`` to ``last``, those of many in parts by their highest bits.

    Parameters
    ----------
    wanted
        (M,) for each token of the texts whether the (n - 1)-gram that begins there is wanted; an n-gram is if both that
        it is made of are.

    Returns
    -------
    grams, owners, places, borders
        (C,) fingerprints, uint64; the text of each, counted from ``first``, never falling within a part, int32; its
        first token, counted from that of ``first``, int32; and where the parts begin, (parts + 1,) int64.
    """
    begin, count = starts[first], 0
    for text in range(first, last):
        for i in range(starts[text] - begin, starts[text + 1] - begin - n + 1):
            count += wanted[i] and (n == 1 or wanted[i + 1])
    bits = 0
    while bits < 12 and count >> bits > _PART:
        bits += 1
    bits = bits if bits > 3 else 0  # a few parts are not worth the sorting
    borders = np.zeros((1 << bits) + 1, np.int64)
    grams, owners, places = np.empty(count, np.uint64), np.empty(count, np.int32), np.empty(count, np.int32)
    for sorting in range(0 if bits else 1, 2):  # parts are counted, then filled
        at = borders.copy()
        for text in range(first, last):
            for i in range(starts[text] - begin, starts[text + 1] - begin - n + 1):
                if wanted[i] and (n == 1 or wanted[i + 1]):
                    gram = values[begin + i] * _PLACES[0]
                    for j in range(1, n):
                        gram += values[begin + i + j] * _PLACES[j]
                    part = np.int64(gram >> _U(64 - bits)) if bits else np.int64(0)
                    if sorting:
                        grams[at[part]], owners[at[part]], places[at[part]] = gram, text - first, i
                    at[part] += 1
        if not sorting:
            borders[1:] = np.cumsum(at[:-1])
    borders[-1] = count
    return grams, owners, places, borders


@compiled()
def _numbered(grams: Any, numbers: Any, table: Any) -> Any:
    """Give equal n-grams one number, from 0 on.

    Parameters
    ----------
    grams
        (M,) uint64.
    numbers
        (M,) int32, what is found.
    table
        (S,) int32 with S a power of 2, written over: at the place of an n-gram's lowest bits, or behind it, where it
        was met first, or -1.

    Returns
    -------
    kinds, table
        How many different ones there are, and the table, which may have grown.
    """
    size = 16
    while size < len(table) and size < 2 * len(grams):
        size *= 2
    table[:size] = -1
    kinds = 0
    for i in range(len(grams)):
        if 2 * kinds >= size:
            size *= 2
            if size > len(table):
                table = np.empty(size, np.int32)
            table[:size] = -1
            seen = 0
            for j in range(i):
                if numbers[j] == seen:  # met there first
                    seen += 1
                    at = np.int64(grams[j] & _U(size - 1))
                    while table[at] >= 0:
                        at = (at + 1) & (size - 1)
                    table[at] = j
        gram = grams[i]
        at = np.int64(gram & _U(size - 1))
        while table[at] >= 0 and grams[table[at]] != gram:
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at], numbers[i] = i, kinds
            kinds += 1
        else:
            numbers[i] = numbers[table[at]]
    return kinds, table


@compiled()
def count(values: Any, starts: Any, edges: Any, of_texts: Any, of_groups: Any, elsewhere: Any) -> None:
    """Different n-grams of every text and group for n from 1 to 4, and how often the longest stand elsewhere.

    What stands once in a group makes every longer n-gram that it is part of stand once: only what is made of n-grams
    that stand twice or more is looked up.

    Parameters
    ----------
    values, starts, edges
        (K,) mixed tokens, (N + 1,) where texts begin, (G + 1,) where groups do.
    of_texts, of_groups
        (4, N) and (4, G): how many n-grams each has; those that stood before in the same text, or group, are taken off.
    elsewhere
        (N,), what is found: in how many other texts of its group each different 4-gram of a text stands, summed.
    """
    table = np.empty(1024, np.int32)
    for group in range(len(edges) - 1):
        first, last = edges[group], edges[group + 1]
        repeated = np.ones(starts[last] - starts[first], np.bool_)
        for n in range(1, 5):
            grams, owners, places, borders = _grams(values, starts, first, last, n, repeated)
            repeated[:] = False
            for part in range(len(borders) - 1):
                low, size = borders[part], borders[part + 1] - borders[part]
                numbers = np.empty(size, np.int32)
                kinds, table = _numbered(grams[low : low + size], numbers, table)
                of_groups[n - 1, group] -= size - kinds
                times, texts = np.zeros(kinds, np.int32), np.zeros(kinds, np.int32)
                latest = np.full(kinds, -1, np.int32)
                for i in range(size):  # without branches, which nobody could foretell
                    number, owner = numbers[i], owners[low + i]
                    again = np.int32(latest[number] == owner)
                    latest[number] = owner
                    times[number] += 1
                    texts[number] += 1 - again
                    of_texts[n - 1, first + owner] -= again
                for i in range(size):
                    repeated[places[low + i]] = times[numbers[i]] > 1
                if n == 4:
                    latest[:] = -1
                    for i in range(size):
                        number, owner = numbers[i], owners[low + i]
                        if latest[number] != owner:
                            latest[number] = owner
                            elsewhere[first + owner] += texts[number] - 1


@compiled()
def matches(values: Any, starts: Any, edges: Any, n: int, found: Any) -> None:
    """For each text, its n-grams that another text of its group has, into ``found`` (N,); groups are small.

    Each counts at most as often as the other text with most of it has it.
    """
    table = np.empty(1024, np.int32)
    for group in range(len(edges) - 1):
        first, last = edges[group], edges[group + 1]
        everything = np.ones(starts[last] - starts[first], np.bool_)
        grams, owners, _, _ = _grams(values, starts, first, last, n, everything)
        numbers = np.empty(len(grams), np.int32)
        kinds, table = _numbered(grams, numbers, table)
        own, most, second = np.zeros(kinds, np.int32), np.zeros(kinds, np.int32), np.zeros(kinds, np.int32)
        whose = np.full(kinds, -1, np.int32)
        for counting in (True, False):
            at = 0
            while at < len(grams):  # one text after the other
                text, begin = owners[at], at
                while at < len(grams) and owners[at] == text:
                    own[numbers[at]] += 1
                    at += 1
                for i in range(begin, at):
                    gram = numbers[i]
                    if own[gram] == 0:  # seen in this text
                        continue
                    if counting:
                        if own[gram] > most[gram]:
                            second[gram], most[gram], whose[gram] = most[gram], own[gram], text
                        elif own[gram] > second[gram]:
                            second[gram] = own[gram]
                    else:
                        others = second[gram] if whose[gram] == text else most[gram]
                        found[first + text] += min(own[gram], others)
                    own[gram] = 0
