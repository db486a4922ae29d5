"""Claims in words: the same lines in the terminal, in Markdown and on a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from thermoscope.language.saying import say, worded
from thermoscope.statistics.verdicts import claim_verdict
from thermoscope.words import count, first_upper, joined, short


def contrast_line(contrast: Mapping[str, Any], unit: str) -> str:
    """Effect, interval, n and verdict.

    Such as ``rep_4, T=0.3 minus T=0.9: 0.315 (0.238 to 0.392; 12 prompts, n=94), holds``.
    """
    c = contrast
    where: str = f"T={c['b']:g}"
    if c["a"] is not None and c["bounds"] == [0.0]:
        where = say("T={b} minus T={a}", b=f"{c['b']:g}", a=f"{c['a']:g}")
    elif c["a"] is not None:
        where = say("T={b} over T={a}", b=f"{c['b']:g}", a=f"{c['a']:g}")
    behind = f"{count(c['units'], unit)}, n={c['texts']}"
    if c["bounds"] not in ([0.0], [1.0]) and len(c["bounds"]) == 1:
        limit = short(c["bounds"][0])
        behind = f"{behind}, " + (
            say("claimed above {limit}", limit=limit)
            if c["claimed"] == "above"
            else say("claimed below {limit}", limit=limit)
        )
    interval = say("interval unknown")
    if c["low"] is not None:
        interval = say("{low} to {high}", low=short(c["low"]), high=short(c["high"]))
    return f"{c['measure']}, {where}: {short(c['effect'])} ({interval}; {behind}), {claim_verdict(c['verdict'])}"


def tested(claims: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The claims that were tested."""
    return [claim for claim in claims if claim["verdict"] != "not tested"]


def untested(claims: Iterable[Mapping[str, Any]]) -> str:
    """The claims that were not tested, by the reason, in one line; "" if all were."""
    by_reason: dict[str, list[str]] = {}
    for claim in claims:
        if claim["verdict"] == "not tested":
            by_reason.setdefault(worded(claim["reason"]), []).append(worded(claim["name"]))
    parts = [f"{joined(names)} ({reason})" if reason else joined(names) for reason, names in by_reason.items()]
    return say("Not tested: {claims}.", claims="; ".join(map(first_upper, parts))) if parts else ""
