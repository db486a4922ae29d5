"""Verdicts in words: what people read for the values that are stored."""

from __future__ import annotations

from collections.abc import Mapping

from thermoscope.language.saying import phrase, worded

#: What is shown for a claim's verdict.
CLAIMS: Mapping[str, str] = {
    "holds": phrase("holds"),
    "does not hold": phrase("does not hold"),
    "can't be told": phrase("inconclusive"),
    "not tested": phrase("not tested"),
}
#: What is shown for a paired difference, and its sign.
OUTCOMES: Mapping[str, tuple[str, str]] = {
    "higher": (phrase("higher"), "►"),
    "lower": (phrase("lower"), "◄"),
    "can't be told": (phrase("no clear difference"), "|"),
    "unknown": (phrase("unknown"), "×"),
}


def claim_verdict(verdict: str) -> str:
    """A claim's verdict as people read it; one that is not known here as it is stored."""
    return worded(CLAIMS.get(verdict, verdict))


def outcome_shown(outcome: str) -> str:
    """A difference's outcome as people read it."""
    return worded(OUTCOMES.get(outcome, (outcome,))[0])
