"""Diversity over the samples of one prompt and setting, on token ids (compression: on bytes)."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from thermoscope.metrics.ngrams import Ngrams
from thermoscope.metrics.ragged import Array, ratio
from thermoscope.metrics.registry import NOT_NEGATIVE, SHARE, Measure
from thermoscope.metrics.self_bleu import MOST_SAMPLES

if TYPE_CHECKING:
    from thermoscope.metrics.texts import Texts

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

    The paper compresses by gzip at level 9, whose header and checksum add 18 bytes where zlib's add 6, and its package
    ``diversity`` (0.3.1) compresses that once more into a file and rounds to three digits: its ratio is smaller for
    short texts, and up to 7 % larger for long ones. The texts must be of one length: the ratio grows with length and
    number (see ``_compression``).
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


def _distinct(n: int) -> Measure:
    words = {1: "tokens", 2: "pairs of tokens", 3: "triples of tokens"}[n]
    return Measure(
        name=f"distinct_{n}",
        unit="",
        direction="more varied",
        minimum_tokens=n,
        source="Li et al. 2016",
        meaning=f"different {words} / all {words} over the samples of one prompt and setting",
        of=lambda texts: distinct(texts.ngrams, n),
        level="group",
        scale="share",
        bounds=SHARE,
        shown={1: 180, 2: 50, 3: 190}[n],
    )


def _compression(texts: Texts) -> Array:
    """Equal lengths and equal numbers only: the ratio grows with both.

    Of every group, as many texts of full length as the group with the fewest has; a group in which fewer than half
    (or than two) are of full length is unknown and doesn't count there.
    """
    rows = texts.group_rows()
    full = [np.flatnonzero(texts.full[row]) + row.start for row in rows]
    least = max(2, -(-int(texts.groups.max(initial=0)) // 2))
    number = min((len(places) for places in full if len(places) >= least), default=0)
    number = min(number, MOST_SAMPLES)  # deflate looks back no further than 32 KB
    strings = texts.strings

    def of(group: int) -> float | None:
        if number == 0 or len(full[group]) < number:
            return None
        return compression_ratio([strings[i].encode(errors="replace") for i in full[group][:number].tolist()])

    return np.array([np.nan if (v := of(i)) is None else v for i in range(len(rows))], dtype=np.float64)


def _zipf(texts: Texts) -> Array:
    counts = texts.setting_counts()
    edges = np.concatenate([[0], np.cumsum(counts)])
    tokens = texts.tokens.joined(texts.groups)
    values = []
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        ids = tokens.values[tokens.starts[low] : tokens.starts[high]]
        values.append(zipf(counts_of(ids)))
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


ENTRIES = (
    _distinct(1),
    _distinct(2),
    _distinct(3),
    Measure(
        name="compression_ratio",
        unit="",
        direction="more repetitive",
        minimum_tokens=1,
        source="Shaib et al. 2024",
        meaning="bytes / deflate-compressed bytes of the samples joined; unlike the gzip ratio of Shaib et al., only "
        f"over texts of full length, equally many of each group ({MOST_SAMPLES} at most), as it grows with both",
        of=_compression,
        level="group",
        minimum_texts=2,
        bounds=NOT_NEGATIVE,
        shown=110,
        stepwise=False,
    ),
    Measure(
        name="self_repetition",
        unit="nats",
        direction="more alike",
        minimum_tokens=4,
        source="Shaib et al. 2024",
        meaning="mean of ln(1 + times that a text's 4-grams stand in other samples of its prompt and setting)",
        of=lambda texts: self_repetition(texts.ngrams),
        level="group",
        minimum_texts=2,
        bounds=NOT_NEGATIVE,
        shown=120,
    ),
    Measure(
        name="zipf",
        unit="",
        direction="steeper",
        minimum_tokens=ZIPF_TYPES,
        source="Holtzman et al. 2020",
        meaning="minus the slope of log frequency on log rank of the 5,000 most frequent tokens of a setting",
        of=_zipf,
        level="setting",
        bounds=NOT_NEGATIVE,
        shown=130,
    ),
)
