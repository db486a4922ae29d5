"""Agreement and scorers."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest

from thermoscope.errors import InputError
from thermoscope.metrics.answers import agreement, exact, extract, matching, normalised, scores


def test_normalised_answers_differ_in_nothing_that_makes_no_difference() -> None:
    assert normalised("  The ANSWER:\n 42!") == normalised("the answer 42") == "the answer 42"
    assert normalised("Stra\u00dfe") == normalised("STRASSE")
    assert normalised("caf\u00e9") == normalised("cafe\u0301") == "caf\u00e9"
    assert normalised("\uff14\uff12") == "42"
    assert normalised("?!") == ""


def test_agreement_counts_pairs() -> None:
    assert agreement(["a", "A.", "b", "a"]) == pytest.approx(3 / 6)
    assert agreement(["a", "a"]) == 1
    assert agreement(["a", "b"]) == 0
    assert agreement(["", "", ""]) == 0  # no answer agrees with nothing
    assert agreement(["a"]) is None
    assert agreement([]) is None


def test_extract() -> None:
    assert extract(["x = 1, so x = 2", "none"], r"x = (\d)") == ["2", ""]
    assert extract(["x = 1, so x = 2"], r"x = \d") == ["x = 2"]
    assert extract(["as it is"], None) == ["as it is"]
    with pytest.raises(InputError, match="regular expression"):
        extract(["x"], "(")


def test_scorers() -> None:
    assert (exact("Paris.", "paris"), exact("Rome", "paris"), exact("Rome", None)) == (1, 0, None)
    score = matching("^{answer}\\b")
    assert (score("4+ of", "4+"), score("44", "4"), score("4", None)) == (0, 0, None)
    assert score("4 of", "4") == 1
    assert matching("of$")("a piece of", None) == 1


async def asynchronous(text: str, answer: str | None) -> float:
    return 1.0


@pytest.mark.parametrize(
    ("scorer", "message"),
    [
        (lambda text, answer: 1 / 0, "fails on 'one' (ZeroDivisionError: division by zero)"),
        (lambda text: 1.0, "it is called with the text and the prompt's expected answer"),
        (lambda text, answer: "good", "must return a number or None; got 'good' for 'one'"),
        (lambda text, answer: 10**400, "must return a number below 1e308 in size; got a larger one for 'one'"),
        (lambda text, answer: sys.exit(0), "must return a number or None; got sys.exit(0) for 'one'"),
        (asynchronous, "must be an ordinary function, as nothing waits for its result; got an async one for 'one'"),
        (lambda text, answer: None, "gave no number for any of 2 texts"),
        (lambda text, answer: float("nan"), "must return a number, or None where it can't know; got nan for 'one'"),
    ],
)
def test_a_scorer_that_does_not_score(scorer: Any, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        scores(scorer, ["one", "two"], [None, None])


def test_a_rare_failure_costs_one_score_and_is_told() -> None:
    def fails_on(*bad: str) -> list[str]:
        failures: list[str] = []

        def scorer(text: str, answer: str | None) -> float:
            return 1 / 0 if text in bad else 1.0

        found = scores(scorer, list(map(str, range(41))), [None] * 41, failures)
        assert [i for i, value in enumerate(found) if np.isnan(value)] == sorted(map(int, bad))
        return failures

    assert fails_on() == []
    assert len(fails_on("3", "40")) == 2  # below 5 %
    with pytest.raises(InputError, match=r"fails on '9' .*; 3 of 41 texts failed so far"):
        fails_on("3", "5", "9")


def test_scores() -> None:
    assert scores(lambda text, answer: text == "one", ["one", "two"], [None] * 2).tolist() == [1.0, 0.0]
    known = scores(lambda text, answer: None if text == "one" else np.float32(0.5), ["one", "two"], [None] * 2)
    assert np.isnan(known[0]) and known[1] == 0.5
    assert len(scores(exact, [], [])) == 0
