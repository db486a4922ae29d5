"""What an audit found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from thermoscope.language.saying import phrase, say, together

Verdict = Literal[
    "honoured", "ignored", "clamped", "rescaled", "greedy", "changed", "default", "default added", "refused", "cached",
    "can't be told",
]  # fmt: skip
#: Verdicts that mean: something other was done than what was asked for.
BROKEN: frozenset[str] = frozenset({"ignored", "clamped", "rescaled", "greedy", "changed", "cached"})
#: What ``--strict`` counts as well.
STRICT: frozenset[str] = BROKEN | {"refused", "default added", "can't be told"}

#: A temperature above it is not bounded by the draws.
_UNBOUNDED = 19.9


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One parameter at one value.

    Attributes
    ----------
    parameter
        Its name.
    sent
        The value that was sent; "nothing" where it was left out, "off" where it was switched off.
    effective
        The value that the draws show; None where there is none.
    low, high
        The interval of the effective value, where there is one (95 %).
    verdict
        What the server did with it.
    evidence
        Why, in a few words.
    requests
        How many requests it rests on.
    """

    parameter: str
    sent: float | str
    effective: float | str | None
    low: float | None
    high: float | None
    verdict: Verdict
    evidence: str
    requests: int

    @property
    def broken(self) -> bool:
        """Whether something other was done than what was asked for."""
        return self.verdict in BROKEN

    @property
    def sent_text(self) -> str:
        """What was sent, as people read it."""
        return _text(self.sent)

    @property
    def effective_text(self) -> str:
        """The effective value with its interval, as people read it; "-" where there is none."""
        if self.effective is None:
            return "-"
        if self.low is None or self.high is None:
            return _text(self.effective)
        high = "20+" if self.high > _UNBOUNDED else f"{self.high:.2f}"
        return say("{value} ({low} to {high})", value=_text(self.effective), low=f"{self.low:.2f}", high=high)


@dataclass(frozen=True, slots=True)
class Audit:
    """What an endpoint does with the sampling parameters that it is sent.

    Attributes
    ----------
    endpoint, url, route
        What was audited.
    engine
        The server's software as far as it can be recognised; "unknown" otherwise.
    logprobs
        What its log-probabilities are: "raw", "tempered", "unknown" or "none".
    rows
        One per parameter and value.
    could_not_see
        What this audit cannot tell, a sentence each.
    notes
        What a reader should know, a sentence each.
    requests, cached
        Requests that were answered now, and answers that were kept from an earlier audit.
    """

    endpoint: str
    url: str
    route: str
    engine: str
    logprobs: str
    rows: tuple[AuditRow, ...]
    could_not_see: tuple[str, ...]
    notes: tuple[str, ...]
    requests: int
    cached: int

    @property
    def broken(self) -> tuple[AuditRow, ...]:
        """The rows of what was not honoured."""
        return tuple(row for row in self.rows if row.broken)

    @property
    def honoured(self) -> bool:
        """Whether nothing was found that was not honoured."""
        return not self.broken

    @property
    def strict(self) -> bool:
        """Whether, besides, nothing was refused, added by default or left open."""
        return all(row.verdict not in STRICT for row in self.rows)

    @property
    def finding(self) -> str:
        """The result in a sentence."""
        other = [row.evidence for row in self.rows if row.parameter == "model" and row.broken]
        if other:
            return say("Not this model or not this precision: {evidence}.", evidence=together(other))
        if self.broken:
            return " ".join(_broken_sentences(self.broken))
        added = [row for row in self.rows if row.verdict == "default added"]
        if added:
            first = {row.parameter: row for row in reversed(added)}
            what = ", ".join(f"{name} ({_text(row.effective or '')})" for name, row in first.items())
            said = say("What was sent is honoured, but what is not sent takes the server's default: {what}.", what=what)
            return self._with_open(said)
        if any(row.verdict in ("honoured", "default") for row in self.rows):
            return self._with_open(say("What was sent is honoured, as far as this audit can see."))
        return say("This audit could not tell what the server does.")

    def _with_open(self, said: str) -> str:
        """A sentence, and after it one on what this audit could not tell, if there is anything."""
        names = dict.fromkeys(row.parameter for row in self.rows if row.verdict == "can't be told")
        if not names:
            return said
        return say(
            "{sentence} {next}", sentence=said, next=say("It can't be told of: {names}.", names=", ".join(names))
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain data."""
        rows = [{name: getattr(row, name) for name in AuditRow.__slots__} for row in self.rows]
        own = {name: getattr(self, name) for name in Audit.__slots__ if name != "rows"}
        return {"finding": self.finding, "honoured": self.honoured, **own, "rows": rows}

    def to_json(self) -> str:
        """Everything, as JSON."""
        import json

        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


_FINDINGS = {
    "cached": phrase("The server repeats earlier answers instead of drawing new ones: {names}."),
    "ignored": phrase("Accepted but ignored: {names}."),
    "clamped": phrase("Clamped: {names} has no effect beyond {effective}."),
    "rescaled": phrase("Rescaled: the effective {names} is another than the one sent."),
    "greedy": phrase("The server always takes the most probable token where {names} asks for more."),
    "changed": phrase("Not what was sent: {names}."),
}


def _broken_sentences(rows: tuple[AuditRow, ...]) -> Iterator[str]:
    """A sentence for each verdict; the one on the temperature first."""
    temperature = [row.verdict for row in rows if row.parameter == "temperature"]
    for verdict in sorted(_FINDINGS, key=lambda one: one not in temperature):
        found = [row for row in rows if row.verdict == verdict]
        if found:
            names = ", ".join(dict.fromkeys(row.parameter for row in found))
            last = [row for row in found if row.parameter == found[0].parameter][-1]
            yield say(_FINDINGS[verdict], names=names, effective=_text(last.effective or ""))


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
