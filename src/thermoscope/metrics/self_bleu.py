"""Self-BLEU (Zhu et al. 2018): how much each sample is made of pieces of the others; 1 if all are the same.

BLEU-4 of a sample, on token ids, with all other samples of its prompt and setting as references: sentence BLEU as
sacrebleu 2.x defines it (``sentence_bleu`` with its defaults: closest reference length, exponential smoothing,
effective order), on a scale from 0 to 1. All pairs of a group are counted in one pass; the tests hold it against
sacrebleu itself.

sacrebleu gives a text without a 4-gram a BLEU of lower order, and an empty one 0, as a score of a translation must be
some number. Neither says how alike samples are, so the mean is over the texts that have a 4-gram, and unknown where
fewer than two of a group have one. Shorter texts are references of the others all the same.
"""

from __future__ import annotations

import numpy as np

from thermoscope.metrics.ngrams import ngram_counts
from thermoscope.metrics.ragged import Array, Ragged, ratio, row_sums, starts_of
from thermoscope.metrics.registry import SHARE, Measure

ORDERS = 4
#: Of a larger group so many samples are taken, evenly spaced: the others of a sample are its references, and a thousand
#: references are more than BLEU tells apart.
MOST_SAMPLES = 100


def self_bleu(mixed: Ragged, groups: Array) -> Array:
    """(G,) mean BLEU-4 of the texts of a group, each against the others; NaN where fewer than two have a 4-gram.

    Parameters
    ----------
    mixed
        Token ids after ``ragged.mix``, one row per text, the texts of a group beside each other.
    groups
        (G,) number of texts of each group.
    """
    if groups.max(initial=0) > MOST_SAMPLES:
        taken = [
            low + (np.arange(MOST_SAMPLES) * count // MOST_SAMPLES if count > MOST_SAMPLES else np.arange(count))
            for low, count in zip(starts_of(groups).tolist(), groups.tolist(), strict=False)
        ]
        mixed, groups = mixed.take(np.concatenate(taken)), np.minimum(groups, MOST_SAMPLES)
    there = ngram_counts(mixed, ORDERS) > 0
    edges = starts_of(groups)
    counts = row_sums(Ragged(there.astype(np.float64), edges))
    sums = row_sums(Ragged(np.where(there, sentence_bleus(mixed, groups), 0.0), edges))
    return np.where(counts >= 2, ratio(sums, counts), np.nan)


def sentence_bleus(mixed: Ragged, groups: Array) -> Array:
    """(N,) BLEU-4 of each text against the others of its group, from 0 to 1; 0 where there are no others."""
    from thermoscope.cpu.text_loops import matches

    correct = np.zeros((ORDERS, len(mixed)), dtype=np.int64)
    for n, found in enumerate(correct, start=1):
        matches(mixed.values, mixed.starts, starts_of(groups), n, found)
    total = np.array([ngram_counts(mixed, n) for n in range(1, ORDERS + 1)])
    there = total > 0  # shorter texts have no longer n-grams
    # the first order without a match counts as 1/2 of one, the next as 1/4
    matched = np.where(correct > 0, correct, 0.5 ** np.cumsum((correct == 0) & there, axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(there, np.log(matched / total), 0.0).sum(axis=0) / there.sum(axis=0)
        brevity = np.minimum(0.0, 1 - _closest(mixed.lengths, groups) / mixed.lengths)
        return np.where(correct.any(axis=0), np.exp(logs + brevity), 0.0)


def _closest(lengths: Array, groups: Array) -> Array:
    """(N,) for each text the length among the others of its group that is closest to its own, the shorter of two."""
    group = np.repeat(np.arange(len(groups)), groups)
    order = np.lexsort((lengths, group))
    ordered, same = lengths[order].astype(np.float64), np.diff(group[order]) == 0
    below = np.concatenate([[-np.inf], np.where(same, ordered[:-1], -np.inf)])[: len(lengths)]
    above = np.concatenate([np.where(same, ordered[1:], np.inf), [np.inf]])[: len(lengths)]
    closest = np.empty(len(lengths))
    closest[order] = np.where(ordered - below <= above - ordered, below, above)
    return closest


ENTRIES = (
    Measure(
        name="self_bleu",
        unit="",
        direction="more alike",
        minimum_tokens=ORDERS,
        source="Zhu et al. 2018",
        meaning="mean BLEU-4 of each sample against the others of its prompt and setting "
        f"({MOST_SAMPLES} of them, evenly spaced, where there are more)",
        of=lambda texts: self_bleu(texts.mixed, texts.groups),
        level="group",
        scale="share",
        bounds=SHARE,
        minimum_texts=2,
        shown=30,
    ),
)
