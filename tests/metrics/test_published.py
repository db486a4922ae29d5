"""Measures recomputed by published code on 54 texts, degenerate ones among them: sacrebleu, scipy and ``diversity``."""

from __future__ import annotations

import gzip
import io
import json
import zlib

import numpy as np
import pytest
from sacrebleu import BLEU
from scipy import stats

from tests.metrics.published import FROZEN, groups
from thermoscope.metrics import self_bleu as bleu
from thermoscope.metrics.diversity import compression_ratio, counts_of, distinct, self_repetition, zipf
from thermoscope.metrics.ngrams import Ngrams
from thermoscope.metrics.ragged import Ragged, mix

GROUPS = groups()
THEIRS = json.loads(FROZEN.read_text(encoding="utf-8"))
NUMBERS = {word: i for i, word in enumerate(dict.fromkeys(w for g in GROUPS for text in g for w in text.split()))}
ROWS = [[[NUMBERS[word] for word in text.split()] for text in group] for group in GROUPS]


def ngrams(rows: list[list[list[int]]]) -> Ngrams:
    flat = Ragged.of([row for group in rows for row in group], np.int64)
    return Ngrams.of(mix(flat), np.array([len(group) for group in rows]))


def test_there_are_54_texts() -> None:
    assert [len(group) for group in GROUPS] == [6] * 9
    assert sum(not text for group in GROUPS for text in group) == 7


def test_self_repetition_is_that_of_diversity() -> None:
    ours = self_repetition(ngrams(ROWS))
    enough = [sum(len(row) >= 4 for row in group) >= 2 for group in ROWS]
    for value, theirs, known in zip(ours, THEIRS["self_repetition"], enough, strict=True):
        if known:
            assert value == pytest.approx(theirs, abs=1e-12)
        else:  # ours is unknown where no two texts have a 4-gram; theirs is 0
            assert np.isnan(value)
            assert theirs == 0


def test_ngram_diversity_is_the_sum_of_our_distinct_n_of_the_texts_joined() -> None:
    joined = [[[word for row in group for word in row]] for group in ROWS]
    grams = ngrams(joined)
    ours = sum(distinct(grams, n) for n in range(1, 5))
    for i, (value, theirs) in enumerate(zip(ours, THEIRS["ngram_diversity"], strict=True)):
        if all(GROUPS[i]):  # an empty text is a word to them
            assert value == pytest.approx(theirs, abs=0.0005)  # they round to three digits


def test_compression_ratio_differs_from_diversitys_by_what_is_stated() -> None:
    """They compress by gzip at level 9, and that once more, and round; ours is zlib's, once."""
    for group, theirs in zip(GROUPS, THEIRS["compression_ratio"], strict=True):
        data = " ".join(group).encode()
        ours = compression_ratio([text.encode() for text in group])
        if not any(group):
            assert ours is None
            continue
        assert ours == len(data) / len(zlib.compress(data))
        with gzip.GzipFile("compressed.gz", "wb", fileobj=(file := io.BytesIO())) as twice:
            twice.write(gzip.compress(data))
        size = len(file.getvalue())  # a byte more or less by the time that is in the inner header
        assert len(data) / (size + 1) - 0.0005 <= theirs <= len(data) / (size - 1) + 0.0005
        assert ours > theirs if len(data) < 10_000 else ours < theirs


def test_self_bleu_is_sacrebleus() -> None:
    theirs = BLEU(tokenize="none", effective_order=True)
    for rows in ROWS:
        words = [" ".join(f"t{token}" for token in row) for row in rows]
        want = [
            theirs.sentence_score(text, words[:i] + words[i + 1 :]).score / 100 if text else 0.0
            for i, text in enumerate(words)
        ]
        ours = bleu.sentence_bleus(mix(Ragged.of(rows, np.int64)), np.array([len(rows)]))
        known = [i for i, row in enumerate(rows) if len(row) >= 4]
        assert ours[known] == pytest.approx([want[i] for i in known], abs=1e-12)


def test_zipf_is_scipys_regression() -> None:
    for rows in ROWS:
        counts = np.sort(counts_of(np.array([token for row in rows for token in row], np.int64)))[::-1]
        ours = zipf(counts)
        if len(counts) < 10:
            assert ours is None
            continue
        want = -stats.linregress(np.log(np.arange(1, len(counts) + 1)), np.log(counts)).slope
        assert ours == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_distinct_and_repetition_are_unique_over_all(n: int) -> None:
    grams = ngrams(ROWS)
    for value, rows in zip(distinct(grams, n), ROWS, strict=True):
        every = [gram for row in rows for gram in zip(*(row[i:] for i in range(n)), strict=False)]
        assert value == pytest.approx(len(set(every)) / len(every) if every else np.nan, abs=1e-12, nan_ok=True)
