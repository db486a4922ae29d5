"""A claim's comparisons in one line each."""

from __future__ import annotations

from typing import Any

import pytest

from thermoscope.report.claims import contrast_line
from thermoscope.report.verdicts import claim_verdict, outcome_shown
from thermoscope.statistics.outcome import Outcome

CONTRAST: dict[str, Any] = {
    "measure": "rep_4", "a": 0.9, "b": 0.3, "bounds": [0.0], "effect": 0.3147, "low": 0.2376, "high": 0.3918,
    "units": 12, "texts": 94, "verdict": "holds",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({}, "rep_4, T=0.3 minus T=0.9: 0.315 (0.238 to 0.392; 12 prompts, n=94), holds"),
        ({"a": None}, "rep_4, T=0.3: 0.315 (0.238 to 0.392; 12 prompts, n=94), holds"),
        (
            {"bounds": [0.5, 2.0], "verdict": "can't be told"},
            "rep_4, T=0.3 over T=0.9: 0.315 (0.238 to 0.392; 12 prompts, n=94), inconclusive",
        ),
        (
            {"low": None, "high": None, "effect": None, "units": 1},
            "rep_4, T=0.3 minus T=0.9: unknown (interval unknown; 1 prompt, n=94), holds",
        ),
    ],
)
def test_lines(changed: dict[str, Any], line: str) -> None:
    assert contrast_line({**CONTRAST, **changed}, "prompt") == line


def test_stored_values_are_shown_in_other_words_only_where_that_is_clearer() -> None:
    assert [claim_verdict(v) for v in ("holds", "does not hold", "can't be told", "not tested")] == [
        "holds", "does not hold", "inconclusive", "not tested",
    ]  # fmt: skip
    outcomes: tuple[Outcome, ...] = ("higher", "lower", "can't be told", "unknown")
    assert [outcome_shown(o) for o in outcomes] == ["higher", "lower", "no clear difference", "unknown"]
    assert claim_verdict("something new") == outcome_shown("something new") == "something new"
