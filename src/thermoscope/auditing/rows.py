"""Lines of an audit, from what was read."""

from __future__ import annotations

from thermoscope.auditing.arms import Arm
from thermoscope.auditing.audit import AuditRow, Verdict
from thermoscope.auditing.reading import Reading


def fit_words(reading: Reading, sent: float | None) -> str:
    """How many draws, and how far they are from what was sent."""
    numbers = f"{reading.draws.number} draws"
    if sent is None:
        return numbers
    return f"{numbers}, 2 dlogL {reading.temperature_evidence(sent):.1f} from what was sent"


def temperature_row(
    sent: float | str, reading: Reading, requests: int, verdict: Verdict, evidence: str, name: str = "temperature"
) -> AuditRow:
    """The temperature that draws show."""
    best = reading.best
    if reading.greedy and verdict in ("honoured", "default"):
        return AuditRow(name, sent, f"at most {best.high:.2f}", None, None, verdict, evidence, requests)
    if reading.greedy:
        return AuditRow(name, sent, 0.0, None, None, verdict, evidence, requests)
    return AuditRow(name, sent, best.temperature, best.low, best.high, verdict, evidence, requests)


def truncation_row(
    reading: Reading, sent: str, requests: int, verdict: Verdict, where: str, suffix: str = ""
) -> AuditRow:
    """The truncation that draws show."""
    rivals = f", or {' or '.join(reading.rivals)}" if reading.rivals else ""
    words = f"2 dlogL {reading.evidence:.0f}, threshold {reading.threshold:.0f}{where}{rivals}"
    return AuditRow(f"{reading.called}{suffix}", sent, reading.best.value, None, None, verdict, words, requests)


def cached_row(arm: Arm, how: str) -> AuditRow:
    """Answers that are repeated instead of drawn."""
    words = f"{how}: each prompt gave one and the same token, not always the most probable one"
    return AuditRow("fresh draws", "yes", "repeated", None, None, "cached", words, arm.requests)


def needed(requests: int, evidence: float, threshold: float) -> str:
    """How many requests would tell, where evidence grows with their number."""
    if evidence < 0.5:
        return "more prompts or more requests would be needed"
    return f"about {round(requests * 1.3 * threshold / evidence, -2) or 100:,.0f} requests would tell"
