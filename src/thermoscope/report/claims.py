"""A claim's comparisons in words: the same line in the terminal, in Markdown and on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thermoscope.report.verdicts import claim_verdict
from thermoscope.words import count, short


def contrast_line(contrast: Mapping[str, Any], unit: str) -> str:
    """Effect, interval, n and verdict.

    Such as ``rep_4, T=0.3 minus T=0.9: 0.315 (0.238 to 0.392; 12 prompts, n=94), holds``.
    """
    c = contrast
    what = f"{c['measure']}, T={c['b']:g}"
    if c["a"] is not None:
        what += f" {'minus' if c['bounds'] == [0.0] else 'over'} T={c['a']:g}"
    interval = "interval unknown" if c["low"] is None else f"{short(c['low'])} to {short(c['high'])}"
    verdict = claim_verdict(c["verdict"])
    return f"{what}: {short(c['effect'])} ({interval}; {count(c['units'], unit)}, n={c['texts']}), {verdict}"
