"""The temperature with the truncation averaged over: against what is known, and how often its interval is right."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.auditing.made import chances, places
from thermoscope.auditing.averaged import averaged
from thermoscope.auditing.steps import beyond, tightest
from thermoscope.auditing.text_places import TextPlaces, Whole

NOTHING = np.zeros(0, dtype=np.int64)


def text_of(logprobs: Any, ranks: Whole) -> TextPlaces:
    order: Any = np.sort(logprobs, axis=1)[:, ::-1].astype(np.float32)
    return TextPlaces(order, ranks, np.zeros((len(ranks), 0)), NOTHING)


def drawn(rng: np.random.Generator, number: int = 100, **setting: Any) -> TextPlaces:
    """A text at places of 400 tokens, with a setting."""
    rows = places(number, 400, rng)
    ranks = [int(rng.choice(400, p=row)) for row in chances(rows, **setting)]
    return text_of(rows, np.array(ranks))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "last"),
    [({}, False), ({"min_p": 0.05}, False), ({"top_k": 12}, False), ({"top_p": 0.9}, False), ({"top_p": 0.9}, True)],
)
def test_the_interval_holds_the_temperature(setting: dict[str, Any], last: bool) -> None:
    """Of 10 intervals of 95 %, more than two miss in one of 90 trials; T=1, where the order makes no difference."""
    rng = np.random.default_rng(3)
    found = [averaged([drawn(rng, **setting)], last=last) for _ in range(10)]
    assert sum(not one.low <= 1.0 <= one.high for one in found) <= 2
    family = next(iter(setting), "none")
    assert sum(max(one.shares, key=lambda name: one.shares[name]) == family for one in found) >= 6
    assert all(sum(one.shares.values()) == pytest.approx(1.0) for one in found)


def test_a_truncation_widens_the_interval() -> None:
    """What is not known of a truncation is not known of the temperature either."""
    rng = np.random.default_rng(4)
    seen, unseen = averaged([drawn(rng)], last=False), averaged([drawn(rng, min_p=0.05)], last=False)
    assert math.log(unseen.high / unseen.low) > 1.3 * math.log(seen.high / seen.low)


def test_only_the_most_probable_tokens() -> None:
    """A greedy text is as cold as can be, whatever the truncation."""
    found = averaged([text_of(places(30, 50, np.random.default_rng(5)), np.zeros(30, dtype=np.int64))], last=False)
    assert found.low < 0.03
    assert found.temperature < found.high


@pytest.mark.parametrize("setting", [{"temperature": 0.3}, {"min_p": 0.05}])
def test_a_token_that_was_not_drawn_changes_little(setting: dict[str, Any]) -> None:
    """A token at the far end of one place, as of a text that is tokenised anew, is one stray."""
    text = drawn(np.random.default_rng(6), **setting)
    ranks = text.ranks.copy()
    ranks[50] = 350
    one, two = averaged([text], last=False), averaged([text_of(text.logprobs, ranks)], last=False)
    assert two.temperature == pytest.approx(one.temperature, rel=0.1)
    assert two.high < 1.3 * one.high
    assert (two.shares["none"] < 0.01) == (one.shares["none"] < 0.01) == ("min_p" in setting)


def test_one_token_in_forty_that_was_not_drawn_hides_no_truncation() -> None:
    """As in hot texts; at a rate of one in 500 alone these were read as untruncated, and much colder."""
    text = drawn(np.random.default_rng(7), 160, temperature=1.5, top_k=12)
    ranks = text.ranks.copy()
    ranks[20::40] = 90
    found = averaged([text_of(text.logprobs, ranks)], last=False)
    assert found.shares["top_k"] > 0.9
    assert found.peaks["top_k"].value == 12
    assert found.low <= 1.5 <= found.high


def test_tokens_that_a_truncation_would_have_removed() -> None:
    rows = np.log(np.array([[0.5, 0.3, 0.15, 0.05]] * 3))
    text = text_of(rows, np.array([0, 2, 3]))
    assert beyond([text], {"top_k": 2, "top_p": 0.9, "min_p": 0.2}, 1.0, last=False) == {
        "top_k": 2, "top_p": 1, "min_p": 1,
    }  # fmt: skip
    hot = beyond([text], {"min_p": 0.2}, 2.0, last=False)
    assert hot == {"min_p": 0}  # the last one is 0.1 of the first at T=1, its root at T=2
    assert beyond([text], {"min_p": 0.2}, 2.0, last=True) == {"min_p": 1}


def test_the_tightest_values_keep_every_token() -> None:
    rows = np.log(np.array([[0.5, 0.3, 0.15, 0.05]] * 2))
    found = tightest([text_of(rows, np.array([0, 2]))], 1.0, last=False)
    assert found == pytest.approx({"top_k": 3, "top_p": 0.8, "min_p": 0.3}, rel=1e-5)
    hot = tightest([text_of(rows, np.array([0, 2]))], 2.0, last=False)
    assert hot["min_p"] == pytest.approx(math.sqrt(0.3), rel=1e-5)
    assert tightest([text_of(rows, np.array([0, 2]))], 2.0, last=True) == pytest.approx(found)
