"""The temperature of a text on a terminal: the finding, then what it rests on and the curve along the text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.text import Text

from thermoscope.escape import escape

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.auditing.text_temperature import TextTemperature, TextWindow

_WIDTH = 40


def print_text_temperature(found: TextTemperature, to: Console) -> None:
    """The finding, its evidence, the curve and the notes."""
    to.print(Text(escape(found.finding), style="bold"))
    to.print(
        Text(f"Author: {found.author} (p {found.author_p:.2g} that {escape(found.model)} wrote it at this setting).")
    )
    ends = ", ".join(f"{name} {_value(value)}" for name, value in found.tightest.items())
    to.print(
        Text(
            f"Truncation: {found.truncation} (none has probability {found.no_truncation:.2g}; "
            f"2 dlogL {found.evidence:.1f}). {found.tokens:,} tokens."
        )
    )
    to.print(Text(f"The tightest that keep every token: {ends}."))
    if found.curve:
        to.print()
        to.print(Text("Along the text", style="bold"))
        low, high = (f(w) for f, w in ((min, [w.low for w in found.curve]), (max, [w.high for w in found.curve])))
        low, high = max(low, 0.05), min(high, 5.0)
        for window in found.curve:
            to.print(Text(_line(window, low, high, several=found.curve[-1].text > 0)))
    for note in found.notes:
        to.print(Text(escape(f"Note: {note}")))


def _value(value: float) -> str:
    return f"{value:,.0f}" if value > 1 else f"{value:.3g}"


def _line(window: TextWindow, low: float, high: float, *, several: bool) -> str:
    """One window: its tokens, its temperature, and where that is between the ends."""
    which = f"text {window.text + 1}, " if several else ""
    bar = ["-" if _place(window.low, low, high) <= n <= _place(window.high, low, high) else " " for n in range(_WIDTH)]
    bar[_place(window.temperature, low, high)] = "o"
    return f"  {which}{window.start:>5}-{window.end:<5} {window.temperature:5.2f}  {''.join(bar).rstrip()}"


def _place(value: float, low: float, high: float) -> int:
    inside = min(max(value, low), high)
    share = math.log(inside / low) / math.log(high / low) if high > low else 0.5
    return min(_WIDTH - 1, int(share * _WIDTH))
