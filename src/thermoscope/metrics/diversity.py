"""Diversity over the samples of one prompt and setting, on token ids (compression: on bytes)."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np

from thermoscope.metrics.ngrams import Ngrams
from thermoscope.metrics.ragged import Array, ratio

#: Level of the deflate compression: zlib's own default.
DEFLATE_LEVEL = 6
#: Ranks that the Zipf slope is fitted over, and the fewest different tokens that it is fitted to.
ZIPF_RANKS, ZIPF_TYPES = 5000, 10


def distinct(grams: Ngrams, n: int) -> Array:
    """(G,) unique n-grams / n-grams over the texts of each group (Li et al. 2016); NaN without n-grams."""
    return ratio(grams.different_in_groups[n - 1], grams.in_groups(grams.all[n - 1]))


def self_repetition(grams: Ngrams) -> Array:
    """(G,) mean of ln(1 + N) over the texts of a group; NaN where no two texts have a 4-gram.

    N sums over the different 4-grams of a text in how many other texts of its group each stands (Shaib et al. 2024,
    section 3; that is also what their package ``diversity`` computes).
    """
    mean = ratio(grams.in_groups(np.log1p(grams.elsewhere)), grams.groups)
    return np.where(grams.in_groups(grams.all[-1] > 0) >= 2, mean, np.nan)


def compression_ratio(texts: Sequence[bytes]) -> float | None:
    """Bytes / deflate-compressed bytes of the texts joined by spaces (Shaib et al. 2024); None if all are empty.

    The paper compresses a file by gzip at level 9, whose header and checksum add 18 bytes where zlib's add 6: for short
    texts its ratio is a little smaller. The texts must be of one length: the ratio grows with length and number (see
    ``registry``).
    """
    joined = b" ".join(texts)
    return len(joined) / len(zlib.compress(joined, DEFLATE_LEVEL)) if any(texts) else None


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
