"""What became of the article's claims, in one sentence: of one run, or of two beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.report.records.schema import Ran
from thermoscope.statistics.verdicts import CLAIMS, claim_verdict
from thermoscope.words import joined


def claimed(runs: Sequence[Ran]) -> str:
    """Which of the article's claims hold; of two runs which of them come out differently. "" without claims."""
    return (_of_one(runs[0]) if len(runs) == 1 else _of_two(runs)) or ""


def _of_one(ran: Ran) -> str | None:
    parts = []
    for verdict, (one, several) in CLAIMS.items():
        names = [f"“{claim['name']}”" for claim in ran.claims if claim["verdict"] == verdict]
        if names and verdict != "not tested":
            verb = several if len(names) > 1 else f"is {one}" if several.startswith("are ") else one
            parts.append(f"{joined(names)} {verb}")
    if ran.claims and not parts:
        return "None of the article's claims is tested by this run."
    return f"Of the article's claims, {'; '.join(parts)}." if parts else None


def _of_two(runs: Sequence[Ran]) -> str | None:
    if not all(run.claims for run in runs):
        return None
    tested = [{c["name"]: c["verdict"] for c in run.claims if c["verdict"] != "not tested"} for run in runs]
    first, second = tested
    both = [name for name in first if name in second]
    changed = [name for name in both if first[name] != second[name]]
    shown = [
        f"“{n}” ({claim_verdict(first[n])} for {runs[0].name}, {claim_verdict(second[n])} for {runs[1].name})"
        for n in changed
    ]
    parts = []
    if changed:
        parts.append(f"{joined(shown)} {'comes' if len(changed) == 1 else 'come'} out differently")
    elif both:
        parts.append(f"{joined(f'“{n}”' for n in both)} {'comes' if len(both) == 1 else 'come'} out the same for both")
    for run, own, other in ((runs[0], first, second), (runs[1], second, first)):
        alone = [f"“{name}”" for name in own if name not in other]
        if alone:
            parts.append(f"{joined(alone)} {'is' if len(alone) == 1 else 'are'} tested only for {run.name}")
    return (
        f"Of the article's claims, {'; '.join(parts)}." if parts else "Neither run tests any of the article's claims."
    )
