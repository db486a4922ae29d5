"""Words of texts that come without a tokenizer: against a regular expression, on any Unicode."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.metrics import words
from thermoscope.metrics.words import what_words_are, word_tokens


def plain(text: str) -> list[str]:
    """The same, character by character."""
    found: list[str] = []
    before = ""
    for c in text:
        alone = any(low <= ord(c) <= high for low, high in words._NO_SPACES)
        kind = (
            "alone" if alone
            else "space" if c.isspace()
            else "word" if c in "_\u200c\u200d" or unicodedata.category(c)[0] in "LMN"
            else "alone"
        )  # fmt: skip
        if kind == "word" and before == "word":
            found[-1] += c
        elif kind != "space":
            found.append(c)
        before = kind
    return found


def check(texts: list[str]) -> None:
    tokens, ends = word_tokens(texts)
    expected = [plain(text) for text in texts]
    assert tokens.lengths.tolist() == [len(row) for row in expected]
    flat = [word for row in expected for word in row]
    # the same word has the same fingerprint, different words have different ones
    by_word: dict[str, set[int]] = {}
    for word, value in zip(flat, tokens.values.tolist(), strict=True):
        by_word.setdefault(word, set()).add(value)
    assert all(len(values) == 1 for values in by_word.values())
    assert len(set(tokens.values.tolist())) == len(by_word)
    for i, text in enumerate(texts):
        for word, end in zip(expected[i], ends[tokens.starts[i] : tokens.starts[i + 1]].tolist(), strict=True):
            assert text[:end].endswith(word)


@pytest.mark.slow
@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_text(texts: list[str]) -> None:
    check(texts)


@given(st.lists(st.text(alphabet="ab .,\n_1", max_size=60), max_size=6))
def test_ascii(texts: list[str]) -> None:
    check(texts)


def test_many_scripts() -> None:
    check(
        [
            "Don't stop: 3.14 na\u00efve caf\u00e9",
            "\u65e5\u672c\u8a9e\u306e\u6587",
            "\u0939\u093f\u0928\u094d\u0926\u0940 \u0628\u0650\u0633\u0652\u0645",
            "\U0001f680\U0001f680 \U00020000\U00020000 \U0001d400\U0001d401",
            "",
        ]
    )


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["   "]])
def test_nothing(texts: list[str]) -> None:
    tokens, ends = word_tokens(texts)
    assert (len(tokens), len(tokens.values), len(ends)) == (len(texts), 0, 0)


def test_a_text_longer_than_a_chunk_and_texts_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["one two, three " * 40, "", "x", "four \u00e9 five " * 30, "six"]
    whole = word_tokens(texts)
    monkeypatch.setattr(words, "_CHUNK", 50)
    parts = word_tokens(texts)
    assert np.array_equal(whole[0].values, parts[0].values)
    assert np.array_equal(whole[0].starts, parts[0].starts)
    assert np.array_equal(whole[1], parts[1])


def test_tokens_are_called_what_they_are() -> None:
    assert what_words_are(["A text.", "한국어 문장", "สวัสดี"]) == "words"
    for text in ("日本", "かな", "カナ", "\U00020000"):
        assert what_words_are(["A text.", text]).startswith("words, and single characters of scripts")
