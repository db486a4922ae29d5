"""An audit on a terminal: the finding, then a line per parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from thermoscope.escape import escape

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.auditing.audit import Audit

_STYLES = {
    "honoured": "green",
    "default": "",
    "default added": "yellow",
    "refused": "yellow",
    "can't be told": "yellow",
}


def print_audit(audit: Audit, to: Console) -> None:
    """The finding, the table, and what could not be seen."""
    to.print(Text(escape(audit.finding), style="bold"))
    to.print(Text(escape(f"{audit.endpoint} at {audit.url}, {audit.route} route; engine: {audit.engine}")))
    to.print(Text(f"Log-probabilities: {audit.logprobs}. {_requests(audit)}."))
    to.print()
    table = Table(box=None, pad_edge=False, show_edge=False)
    for name in ("parameter", "sent", "effective (95%)", "verdict", "asked"):
        table.add_column(name, justify="right" if name == "asked" else "left", no_wrap=True)
    for row in audit.rows:
        verdict = Text(row.verdict, style=_STYLES.get(row.verdict, "bold red"))
        table.add_row(
            _short(row.parameter), escape(row.sent_text), escape(row.effective_text), verdict, f"{row.requests:,}"
        )
    to.print(table)
    reasons: dict[str, None] = {}
    for row in audit.rows:
        if row.verdict not in ("honoured", "default"):
            reasons[f"{row.parameter} {row.sent_text}: {row.verdict}; {row.evidence}"] = None
    reasons |= dict.fromkeys(f"{r.parameter}: {r.evidence}" for r in audit.rows if r.parameter == "seed")
    for title, lines in (("Why", reasons), ("Not seen", audit.could_not_see), ("Notes", audit.notes)):
        if lines:
            to.print()
            to.print(Text(title, style="bold"))
            for line in lines:
                to.print(Text(escape(f"  {line}")))


def _requests(audit: Audit) -> str:
    kept = f", {audit.cached:,} answers kept from before" if audit.cached else ""
    return f"{audit.requests:,} requests{kept}"


def _short(name: str) -> str:
    return escape(name if len(name) <= 24 else f"{name[:21]}...")
