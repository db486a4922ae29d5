"""Verdicts in words: what people read for the values that are stored."""

from __future__ import annotations

from collections.abc import Mapping

#: What is shown for a claim's verdict, and after several claims.
CLAIMS: Mapping[str, tuple[str, str]] = {
    "holds": ("holds", "hold"),
    "does not hold": ("does not hold", "do not hold"),
    "can't be told": ("inconclusive", "are inconclusive"),
    "not tested": ("not tested", "are not tested"),
}
#: What is shown for a paired difference, and its sign.
OUTCOMES: Mapping[str, tuple[str, str]] = {
    "higher": ("higher", "►"),
    "lower": ("lower", "◄"),
    "can't be told": ("no clear difference", "|"),
    "unknown": ("unknown", "×"),
}


def claim_verdict(verdict: str) -> str:
    """A claim's verdict as people read it; one that is not known here as it is stored."""
    return CLAIMS.get(verdict, (verdict,))[0]


def outcome_shown(outcome: str) -> str:
    """A difference's outcome as people read it."""
    return OUTCOMES.get(outcome, (outcome,))[0]
