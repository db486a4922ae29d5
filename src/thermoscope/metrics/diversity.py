"""Diversity over the samples of one prompt and setting, on token ids (compression: on bytes)."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np

from thermoscope.metrics.ragged import Array, Ragged, ngrams, ratio, sorted_blocks, starts_of, unique_counts

#: Level of the deflate compression: zlib's own default.
DEFLATE_LEVEL = 6
#: N-grams that are counted at a time, to bound the memory.
_MOST_KEYS = 2**22
#: Ranks that the Zipf slope is fitted over, and the fewest different tokens that it is fitted to.
ZIPF_RANKS, ZIPF_TYPES = 5000, 10


def distinct(mixed: Ragged, groups: Array, n: int) -> Array:
    """(G,) unique n-grams / n-grams over the texts of each group (Li et al. 2016); NaN without n-grams.

    Parameters
    ----------
    mixed
        Token ids after ``ragged.mix``, the texts of a group beside each other.
    groups
        (G,) number of texts of each group.
    """
    grams = ngrams(mixed, n).joined(groups)
    return ratio(unique_counts(grams), grams.lengths)


def self_repetition(mixed: Ragged, groups: Array, n: int = 4) -> Array:
    """(G,) mean of ln(1 + N) over the texts of a group; NaN where no two texts have an n-gram.

    N sums over the different n-grams of a text in how many other texts of its group each stands (Shaib et al. 2024,
    section 3; that is also what their package ``diversity`` computes).
    """
    grams = ngrams(mixed, n)
    bits = max(1, int(groups.max(initial=1) - 1).bit_length())
    owner = np.arange(len(grams), dtype=np.int64) - np.repeat(starts_of(groups)[:-1], groups)
    # the text's number within its group in the low bits: one sort finds equal n-grams and whose they are
    low = np.uint64((1 << bits) - 1)
    keys = Ragged((grams.values & ~low) | np.repeat(owner.astype(np.uint64), grams.lengths), grams.starts)
    elsewhere = np.zeros(len(grams), dtype=np.int64)
    parts = 1 << max(0, (len(grams.values) // _MOST_KEYS).bit_length())
    for number in range(parts):
        part = keys if parts == 1 else _part(keys, number, parts)
        for numbers, lengths, block in sorted_blocks(part.joined(groups)):
            valid = np.arange(block.shape[1]) < lengths[:, None]
            valid[:, 1:] &= block[:, 1:] != block[:, :-1]  # each n-gram of a text once
            key, row = block[valid], np.repeat(numbers, valid.sum(axis=1))
            gram = key >> np.uint64(bits)
            first = np.append(True, (gram[1:] != gram[:-1]) | (row[1:] != row[:-1]))
            texts = np.diff(np.append(np.flatnonzero(first), len(key)))  # how many texts have the n-gram
            text = starts_of(groups)[row] + (key & low).astype(np.int64)
            others = np.repeat(texts - 1, texts)
            elsewhere += np.bincount(text, weights=others, minlength=len(grams)).astype(np.int64)
    edges = starts_of(groups)
    totals = np.concatenate([[0.0], np.cumsum(np.log1p(elsewhere))])
    speaking = np.concatenate([[0], np.cumsum(grams.lengths > 0)])
    mean = ratio(totals[edges[1:]] - totals[edges[:-1]], groups)
    return np.where(speaking[edges[1:]] - speaking[edges[:-1]] >= 2, mean, np.nan)


def _part(keys: Ragged, number: int, parts: int) -> Ragged:
    """Those of the keys whose highest bits are a number below ``parts``, a power of two."""
    chosen = (keys.values >> np.uint64(64 - (parts - 1).bit_length())) == number
    before = np.concatenate([[0], np.cumsum(chosen, dtype=np.int64)])
    return Ragged(keys.values[chosen], before[keys.starts])


def compression_ratio(texts: Sequence[bytes]) -> float | None:
    """Bytes / deflate-compressed bytes of the texts joined by spaces (Shaib et al. 2024); None if there are none.

    The texts must be of one length: the ratio grows with length and number (see ``registry``).
    """
    joined = b" ".join(texts)
    return len(joined) / len(zlib.compress(joined, DEFLATE_LEVEL)) if joined else None


def counts_of(values: Array) -> Array:
    """How often each different value is there, in no order; by hashing, which is faster than sorting here."""
    import pyarrow

    counts: Array = pyarrow.array(values).value_counts().field("counts").to_numpy()
    return counts


def zipf(counts: Array) -> float | None:
    """Minus the least-squares slope of log frequency on log rank over the top 5,000 (Holtzman et al. 2020, sec. 4.3).

    Parameters
    ----------
    counts
        How often each token stands in the texts, in any order; zeros are left out.

    Returns
    -------
    float or None
        None for fewer than 10 different tokens.
    """
    found = counts[counts > 0]
    if len(found) < ZIPF_TYPES:
        return None
    top = np.sort(found)[::-1][:ZIPF_RANKS]
    x, y = np.log(np.arange(1, len(top) + 1)), np.log(top)
    x = x - x.mean()
    slope = float((x * (y - y.mean())).sum() / (x * x).sum())
    return -slope if math.isfinite(slope) else None
