"""What sampling needs of whole vocabularies on the CPU, each in as few passes as can be.

The same as the torch code beside it (chain.py, filters.py), which other devices use. Compiled by numba.

Shapes: R rows of logits, V vocabulary, C = ceil(V / BLOCK) blocks of a row, B rows of a group, each with its row of
logits.
"""

from __future__ import annotations

import numpy as np

from thermoscope.cpu.compiled import exp, sliced

_F = np.float32
#: Tokens that share a maximum: what can't matter is passed over in blocks of so many.
BLOCK = 64
#: Sums run in float32 over so many tokens and in float64 over their sums.
_SUMMED = 1024
#: The masses of a row are gathered in bins of 1 / _FINE nats below the largest, up to _BINS / _FINE.
_BINS, _FINE = 1024, 16
#: Sums may be taken in any order; infinities are allowed.
REORDERED = {"reassoc", "contract", "nsz"}


@sliced(fastmath=REORDERED)
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
        for start in range(0, logits.shape[1], _SUMMED):
            block = logits[row, start : start + _SUMMED]
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


@sliced()
def rank(logits, rows, tokens, ranks, first, last):
    """Write to ``ranks`` (B,) 1 + how many logits of row ``rows[b]`` are above that of ``tokens[b]``."""
    for b in range(first, last):
        values = logits[rows[b]]
        own = values[tokens[b]]
        larger = np.int32(0)
        for i in range(len(values)):
            larger += np.int32(values[i] > own)
        ranks[b] = 1 + larger


@sliced(fastmath=REORDERED | {"nnan"})
def block_maxima(logits, rows, maxima, first, last):
    """Write to ``maxima`` (R, C) the largest logit of each block of the rows ``rows`` (N,)."""
    for n in range(first, last):
        row = rows[n]
        for block in range(maxima.shape[1]):
            values = logits[row, block * BLOCK : (block + 1) * BLOCK]
            largest = values[0]
            for i in range(len(values)):
                largest = max(largest, values[i])
            maxima[row, block] = largest


@sliced()
def count_reaching(logits, maxima, rows, thresholds, counts, first, last):
    """Write to ``counts`` (B,) how many logits of row ``rows[b]`` are at least ``thresholds[b]``."""
    for b in range(first, last):
        row, threshold, count = rows[b], thresholds[b], 0
        for block in range(maxima.shape[1]):
            if maxima[row, block] >= threshold:
                values = logits[row, block * BLOCK : (block + 1) * BLOCK]
                some = np.int32(0)
                for i in range(len(values)):
                    some += np.int32(values[i] >= threshold)
                count += some
        counts[b] = count


@sliced()
def collect_reaching(logits, maxima, rows, thresholds, ids, kept, first, last):
    """Write to ``ids`` and ``kept`` (B, K) the tokens that ``count_reaching`` counts, ascending, and their logits."""
    for b in range(first, last):
        row, threshold, place = rows[b], thresholds[b], 0
        for block in range(maxima.shape[1]):
            if maxima[row, block] >= threshold:
                for token in range(block * BLOCK, min((block + 1) * BLOCK, logits.shape[1])):
                    if logits[row, token] >= threshold:
                        ids[b, place] = token
                        kept[b, place] = logits[row, token]
                        place += 1


@sliced(fastmath=REORDERED)
def masses(logits, largest, rows, coldness, totals, means, first, last):
    """The sum of ``exp(x)``, and the mean of x under that, of ``x = (l - max) * coldness``.

    Parameters
    ----------
    logits : float32 (R, V)
    largest : float32 (R,)
    rows : int64 (B,)
    coldness : float32 (B,)
        1 / temperature.
    totals, means : float64 (B,)
        Written.
    """
    for b in range(first, last):
        values, top, cold = logits[rows[b]], largest[rows[b]], coldness[b]
        total, mean = 0.0, 0.0
        for start in range(0, len(values), _SUMMED):
            block = values[start : start + _SUMMED]
            t, m = _F(0), _F(0)
            for i in range(len(block)):
                x = (block[i] - top) * cold
                x = x if x > _F(-87) else _F(-87)
                e = exp(x)
                t += e
                m += e * x
            total += t
            mean += m
        totals[b], means[b] = total, mean / total


@sliced(fastmath=REORDERED)
def nucleus(logits, largest, rows, coldness, shares, totals, depths, first, last):
    """How far below the largest the nucleus reaches at most, and the sum that ``masses`` gives.

    Parameters
    ----------
    logits, largest, rows, coldness
        As in ``masses``.
    shares : float64 (B,)
        The mass of the nucleus.
    totals, depths : float64 (B,)
        Written; a depth in units of x, infinite where the whole row may be needed.
    """
    mass = np.empty(_BINS)
    weights, bins = np.empty(_SUMMED, np.float32), np.empty(_SUMMED, np.int32)
    for b in range(first, last):
        values, top, cold = logits[rows[b]], largest[rows[b]], coldness[b]
        total = 0.0
        mass[:] = 0.0
        for start in range(0, len(values), _SUMMED):
            block = values[start : start + _SUMMED]
            t = _F(0)
            for i in range(len(block)):
                x = (block[i] - top) * cold
                x = x if x > _F(-87) else _F(-87)
                weights[i] = exp(x)
                t += weights[i]
                x = x if x > _F(-(_BINS - 1) / _FINE) else _F(-(_BINS - 1) / _FINE)
                bins[i] = np.int32(-x * _F(_FINE))
            total += t
            for i in range(len(block)):
                mass[bins[i]] += weights[i]
        totals[b], depths[b] = total, np.inf
        enough = shares[b] * total * (1 + 1e-6)  # whatever the rounding, no less than the nucleus
        upto = 0.0
        for i in range(_BINS - 1):
            upto += mass[i]
            if upto >= enough:
                depths[b] = (i + 1) / _FINE
                break


@sliced(fastmath=REORDERED)
def deviations(logits, largest, rows, sigmas, first, last):
    """Write to ``sigmas`` (B,) the standard deviation of the finite logits of row ``rows[b]``."""
    for b in range(first, last):
        values, top = logits[rows[b]], np.float64(largest[rows[b]])
        count, mean = 0, 0.0
        for i in range(len(values)):
            there = values[i] > -np.inf
            count += there
            mean += np.float64(values[i]) - top if there else 0.0
        mean /= count
        square = 0.0
        for i in range(len(values)):
            x = np.float64(values[i]) - top - mean
            square += x * x if values[i] > -np.inf else 0.0
        sigmas[b] = np.sqrt(square / count)
