"""Claims in words: the same lines in the terminal, in Markdown and on a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from thermoscope.statistics.verdicts import claim_verdict
from thermoscope.words import count, first_upper, joined, short


def contrast_line(contrast: Mapping[str, Any], unit: str) -> str:
    """Effect, interval, n and verdict.

    Such as ``rep_4, T=0.3 minus T=0.9: 0.315 (0.238 to 0.392; 12 prompts, n=94), holds``.
    """
    c = contrast
    what = f"{c['measure']}, T={c['b']:g}"
    if c["a"] is not None:
        what += f" {'minus' if c['bounds'] == [0.0] else 'over'} T={c['a']:g}"
    limit = ""
    if c["bounds"] not in ([0.0], [1.0]) and len(c["bounds"]) == 1:
        limit = f", claimed {c['claimed']} {short(c['bounds'][0])}"
    interval = "interval unknown" if c["low"] is None else f"{short(c['low'])} to {short(c['high'])}"
    verdict = claim_verdict(c["verdict"])
    return f"{what}: {short(c['effect'])} ({interval}; {count(c['units'], unit)}, n={c['texts']}{limit}), {verdict}"


def tested(claims: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The claims that were tested."""
    return [claim for claim in claims if claim["verdict"] != "not tested"]


def untested(claims: Iterable[Mapping[str, Any]]) -> str:
    """The claims that were not tested, by the reason, in one line; "" if all were."""
    by_reason: dict[str, list[str]] = {}
    for claim in claims:
        if claim["verdict"] == "not tested":
            by_reason.setdefault(claim["reason"], []).append(claim["name"])
    parts = [f"{joined(names)} ({reason})" if reason else joined(names) for reason, names in by_reason.items()]
    return f"Not tested: {'; '.join(map(first_upper, parts))}." if parts else ""
