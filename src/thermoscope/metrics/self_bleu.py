"""Self-BLEU (Zhu et al. 2018): how much each sample is made of pieces of the others; 1 if all are the same.

BLEU-4 of a sample, on token ids, with all other samples of its prompt and setting as references: sentence BLEU as
sacrebleu 2.x defines it (``sentence_bleu`` with its defaults: closest reference length, exponential smoothing,
effective order), on a scale from 0 to 1. All pairs of a group are counted in one pass; the tests hold it against
sacrebleu itself.
"""

from __future__ import annotations

import numpy as np

from thermoscope.metrics.ragged import Array, Ragged, ngrams

ORDERS = 4
#: Of a larger group so many samples are taken, evenly spaced: the cost grows with samples x different n-grams.
MOST_SAMPLES = 100


def self_bleu(mixed: Ragged) -> float | None:
    """Mean BLEU-4 of each text against the others; None for fewer than two texts.

    Parameters
    ----------
    mixed
        Token ids after ``ragged.mix``, one row per text.
    """
    if len(mixed) > MOST_SAMPLES:
        mixed = mixed.take(np.arange(MOST_SAMPLES) * len(mixed) // MOST_SAMPLES)
    if len(mixed) < 2:
        return None
    return float(sentence_bleus(mixed).mean())


def sentence_bleus(mixed: Ragged) -> Array:
    """(N,) BLEU-4 of each of N >= 2 texts against the others, from 0 to 1."""
    correct = np.zeros((len(mixed), ORDERS))
    total = np.zeros((len(mixed), ORDERS))
    for n in range(1, ORDERS + 1):
        grams = ngrams(mixed, n)
        total[:, n - 1] = grams.lengths
        if len(grams.values):
            correct[:, n - 1] = _matches(grams)
    lengths = mixed.lengths.astype(np.float64)
    return np.array(
        [_bleu(c, t, own, ref) for c, t, own, ref in zip(correct, total, lengths, _closest(lengths), strict=True)]
    )


def _matches(grams: Ragged) -> Array:
    """(N,) n-grams of each row that another row has too, each counted at most as often as the row with most has it."""
    different, kind = np.unique(grams.values, return_inverse=True)
    counts = np.zeros((len(grams), len(different)), dtype=np.int32)
    np.add.at(counts, (np.repeat(np.arange(len(grams)), grams.lengths), kind), 1)
    top = counts.argmax(axis=0)
    places = np.arange(len(different))
    most = counts[top, places]
    rest = counts.copy()
    rest[top, places] = 0
    second = rest.max(axis=0)
    others = np.broadcast_to(most, counts.shape).copy()
    others[top, places] = second
    matches: Array = np.minimum(counts, others).sum(axis=1)
    return matches


def _closest(lengths: Array) -> Array:
    """(N,) for each text the length among the others that is closest to its own, the shorter of two."""
    order = np.argsort(lengths, kind="stable")
    ordered = lengths[order]
    below = np.concatenate([[-np.inf], ordered[:-1]])
    above = np.concatenate([ordered[1:], [np.inf]])
    closest = np.empty_like(lengths)
    closest[order] = np.where(ordered - below <= above - ordered, below, above)
    return closest


def _bleu(correct: Array, total: Array, length: float, reference: float) -> float:
    """BLEU of one text from its clipped matches and n-gram counts per order, (4,) each."""
    if not correct.any():
        return 0.0
    orders = int(np.count_nonzero(total))  # shorter texts have no longer n-grams
    halves = np.cumsum(correct[:orders] == 0)  # the first order without a match counts as 1/2 of one, the next as 1/4
    matched = np.where(correct[:orders] > 0, correct[:orders], 0.5**halves)
    brevity = min(0.0, 1 - reference / length)
    return float(np.exp(np.log(matched / total[:orders]).mean() + brevity))
