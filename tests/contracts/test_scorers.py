"""What every kind of scorer keeps to, and the built-in ones by hand."""

from __future__ import annotations

import numpy as np
import pytest

from thermoscope import InputError
from thermoscope.metrics.answers import scores
from thermoscope.metrics.scorers import SCORERS, parse_scorer


@pytest.mark.parametrize("name", SCORERS)
def test_an_entry_is_whole(name: str) -> None:
    kind = SCORERS[name]
    assert kind.name == name
    assert ":" not in name
    assert kind.meaning
    assert not kind.meaning.endswith(".")
    assert kind.usage.startswith(name)
    assert kind.field.isidentifier() and kind.field != "kind"


def test_scores_by_hand() -> None:
    exact, _ = parse_scorer("exact")
    assert exact.needs_answer("")
    np.testing.assert_array_equal(
        scores(exact.make(""), ["It is 4!", "5", "x"], ["it is 4", "4", None]), [1, 0, np.nan]
    )
    regex, pattern = parse_scorer("regex:a{answer}:b")
    assert pattern == "a{answer}:b"
    assert regex.needs_answer(pattern)
    np.testing.assert_array_equal(scores(regex.make(pattern), ["a1:b", "a2:b"], ["1", "1"]), [1, 0])


@pytest.mark.parametrize("how", ["", "exakt", "exact:", "exact:x", "regex", "regex:", "no-thing:x"])
def test_what_is_no_scorer_is_said_in_one_line(how: str) -> None:
    with pytest.raises(InputError, match=r"--score must be exact, regex:PATTERN or FILE\.py:FUNCTION"):
        parse_scorer(how)


@pytest.mark.parametrize("how", ["regex:(", "function:a", "function:a.py:", "function:a b:c"])
def test_a_wrong_argument_is_said_before_anything_is_scored(how: str) -> None:
    with pytest.raises(InputError, match=r"must be a regular expression|must be given as FILE\.py:FUNCTION"):
        parse_scorer(how)
