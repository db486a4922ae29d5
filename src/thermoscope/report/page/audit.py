"""An audit as one self-contained page: the finding, the picture, a line per parameter, and what could not be seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from markupsafe import Markup

from thermoscope.auditing.audit import Audit, AuditRow
from thermoscope.escape import escape
from thermoscope.language.saying import worded
from thermoscope.report.charts.drawing import DARK, LIGHT, config, vega_lite
from thermoscope.report.charts.temperatures import temperature_rows, temperatures_alt, temperatures_chart
from thermoscope.report.page.pages import render
from thermoscope.report.page.vega import runtime

_FONT = "system-ui, sans-serif"
#: Signs of verdicts, and the look of a claim's verdict that each takes.
_SIGNS = {
    "honoured": ("✓", "holds"), "default": ("–", "not tested"), "default added": ("+", "not tested"),
    "refused": ("–", "can't be told"), "can't be told": ("?", "can't be told"),
}  # fmt: skip
_BROKEN = ("✗", "does not hold")


def audit_page(audit: Audit) -> str:
    """The page of an audit. It loads nothing and evaluates nothing."""
    audit = _escaped(audit)
    drawn = bool(temperature_rows(audit))
    data: dict[str, Any] = {"specs": {}, "config": {}, "themes": {}, "pairs": {}, "texts": []}
    if drawn:
        made = temperatures_chart(audit)
        specs = {"temperatures": vega_lite(made.chart, [made], LIGHT)}
        data |= {"specs": specs, "config": config(_FONT), "themes": {"light": LIGHT, "dark": DARK}}
    return render(
        "audit.html.j2",
        audit=audit,
        rows=[(row, worded(row.verdict), *_SIGNS.get(row.verdict, _BROKEN)) for row in audit.rows],
        drawn=drawn,
        alt=temperatures_alt(audit) if drawn else "",
        data=data,
        colours={"light": {}, "dark": {}},
        runtime=Markup(runtime()) if drawn else "",
    )


def _escaped(audit: Audit) -> Audit:
    """Whatever came from the server, safe to show."""
    return replace(
        audit,
        endpoint=escape(audit.endpoint),
        url=escape(audit.url),
        engine=escape(audit.engine),
        rows=tuple(map(_escaped_row, audit.rows)),
        could_not_see=tuple(map(escape, audit.could_not_see)),
        notes=tuple(map(escape, audit.notes)),
    )


def _escaped_row(row: AuditRow) -> AuditRow:
    sent = escape(row.sent) if isinstance(row.sent, str) else row.sent
    effective = escape(row.effective) if isinstance(row.effective, str) else row.effective
    return replace(row, parameter=escape(row.parameter), sent=sent, effective=effective, evidence=escape(row.evidence))
