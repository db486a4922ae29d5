"""Sentences with values, and the languages they are said in."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass

import pytest

from tests.language.sentences import SOURCE, sentences, values_of
from thermoscope.errors import InputError
from thermoscope.language.saying import (
    ENGLISH,
    again,
    in_words,
    languages,
    say,
    speaking,
    spoken,
    together,
    worded,
)
from thermoscope.words import count, estimate, joined, short

OTHERS = [language for language in languages() if language != ENGLISH]


@pytest.fixture(scope="module")
def english() -> frozenset[str]:
    return sentences()


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_sentence_and_every_value(language: str, english: frozenset[str]) -> None:
    words = json.loads((SOURCE / "language" / f"{language}.json").read_text(encoding="utf-8"))
    assert len(english) > 600
    assert english - set(words) == set()
    assert set(words) - english == set(), "sentences that nothing says any more"
    assert {key for key in words if values_of(key) != values_of(words[key])} == set()
    assert [key for key in words if not words[key].strip() and key.strip()] == []


def test_a_sentence_is_said_in_the_language_that_is_spoken() -> None:
    assert spoken() == ENGLISH and say("{n} of {of}", n=2, of=3) == "2 of 3"
    with speaking("ko"):
        assert spoken() == "ko" and say("{n} of {of}", n=2, of=3) == "3개 중 2개"
        assert worded("unknown") == "알 수 없음" and worded("my_measure {x}") == "my_measure {x}"
    assert spoken() == ENGLISH


def test_a_sentence_that_was_made_is_said_again_in_another_language_with_the_sentences_in_it() -> None:
    parts = [say("{value} at {setting}", value=short(None), setting=f"T={t}") for t in (1, 2)]
    said = say("{sentence}; {share} of its 4-grams repeat earlier ones.", sentence=together(parts), share="3%")
    assert said == "unknown at T=1; unknown at T=2; 3% of its 4-grams repeat earlier ones."
    korean = "T=1에서 알 수 없음; T=2에서 알 수 없음; 앞의 것을 되풀이하는 4-그램 3%."
    for same in (said, copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        with speaking("ko"):
            assert again(same) == korean
            made = again(same)
        assert again(made) == said
    assert json.loads(json.dumps([said])) == [str(said)]


def test_counts_lists_and_intervals_follow_the_language() -> None:
    made = [count(1, "text"), count(1200, "text"), joined("abc"), joined("ab"), joined("a"), estimate(0.5, 0.25, 1)]
    assert made == ["1 text", "1,200 texts", "a, b and c", "a and b", "a", "0.500 (0.250 to 1.00)"]
    with speaking("ko"):
        assert [*map(again, made)] == [
            "텍스트 1개", "텍스트 1,200개", "a, b, c", "a, b", "a", "0.500 (0.250~1.00)",
        ]  # fmt: skip


def test_braces_in_values_and_in_words_of_others_stay_as_they_are() -> None:
    assert say("{measure} is {value}", measure="{x}", value="{0}") == "{x} is {0}"
    assert worded("{not a value") == "{not a value"


@dataclass(frozen=True)
class _Record:
    name: str
    said: tuple[str, ...]
    rows: dict[str, list[str]]


def test_a_record_is_put_into_words_however_deep_its_sentences_lie() -> None:
    record = _Record("none", (say("none"), "none"), {"x": [say("setting")]})
    assert in_words(record) == record
    with speaking("ko"):
        assert in_words(record) == _Record("none", ("없음", "none"), {"x": ["설정"]})


def test_a_language_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="language must be one of en, ko; got 'xx'"), speaking("xx"):
        pass
