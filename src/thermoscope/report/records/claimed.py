"""What became of the article's claims, in one sentence: of one run, or of two beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.language.saying import phrase, say, together, worded
from thermoscope.report.records.schema import Ran
from thermoscope.statistics.verdicts import claim_verdict
from thermoscope.words import joined

#: What is said after one claim and after several, by their verdict.
_VERBS = {
    "holds": (phrase("holds"), phrase("hold")),
    "does not hold": (phrase("does not hold"), phrase("do not hold")),
    "can't be told": (phrase("is inconclusive"), phrase("are inconclusive")),
}


def claimed(runs: Sequence[Ran]) -> str:
    """Which of the article's claims hold; of two runs which of them come out differently. "" without claims."""
    return (_of_one(runs[0]) if len(runs) == 1 else _of_two(runs)) or ""


def _of_one(ran: Ran) -> str | None:
    parts = []
    for verdict, (one, several) in _VERBS.items():
        names = [_name(claim["name"]) for claim in ran.claims if claim["verdict"] == verdict]
        if names:
            parts.append(say("{claims} {verb}", claims=joined(names), verb=worded(several if len(names) > 1 else one)))
    if ran.claims and not parts:
        return say("None of the article's claims is tested by this run.")
    return say("Of the article's claims, {parts}.", parts=together(parts)) if parts else None


def _name(claim: str) -> str:
    return say("“{claim}”", claim=worded(claim))


def _of_two(runs: Sequence[Ran]) -> str | None:
    if not all(run.claims for run in runs):
        return None
    tested = [{c["name"]: c["verdict"] for c in run.claims if c["verdict"] != "not tested"} for run in runs]
    first, second = tested
    both = [name for name in first if name in second]
    changed = [name for name in both if first[name] != second[name]]
    shown = [
        say(
            "{claim} ({verdict} for {run}, {other_verdict} for {other_run})",
            claim=_name(n), verdict=claim_verdict(first[n]), run=runs[0].name,
            other_verdict=claim_verdict(second[n]), other_run=runs[1].name,
        )
        for n in changed
    ]  # fmt: skip
    parts: list[str] = []
    if changed:
        claims = joined(shown)
        parts.append(
            say("{claims} comes out differently", claims=claims)
            if len(changed) == 1
            else say("{claims} come out differently", claims=claims)
        )
    elif both:
        claims = joined(map(_name, both))
        parts.append(
            say("{claims} comes out the same for both", claims=claims)
            if len(both) == 1
            else say("{claims} come out the same for both", claims=claims)
        )
    for run, own, other in ((runs[0], first, second), (runs[1], second, first)):
        alone = [_name(name) for name in own if name not in other]
        if alone:
            parts.append(
                say("{claims} is tested only for {run}", claims=joined(alone), run=run.name)
                if len(alone) == 1
                else say("{claims} are tested only for {run}", claims=joined(alone), run=run.name)
            )
    if not parts:
        return say("Neither run tests any of the article's claims.")
    return say("Of the article's claims, {parts}.", parts=together(parts))
