"""The picture of an audit: the temperature that was sent against the one that ran."""

from __future__ import annotations

from typing import Any

from thermoscope.auditing.audit import Audit, AuditRow
from thermoscope.language.saying import say, worded
from thermoscope.report.charts.drawing import DIGITS, Drawing, Series, signal

#: Intervals are cut here: above, draws hardly tell temperatures apart.
_MOST = 4.0


def temperature_rows(audit: Audit) -> list[AuditRow]:
    """The rows that can be drawn: a number was sent, and a number with an interval ran."""
    return [
        row
        for row in audit.rows
        if row.parameter.startswith("temperature")
        and isinstance(row.sent, int | float)
        and isinstance(row.effective, int | float)
    ]


def temperatures_chart(audit: Audit, width: int | str = "container", height: int = 300) -> Drawing:
    """Effective temperatures with their intervals (95%) over the sent ones, and the line of equal values."""
    import altair as alt

    rows = [_row(audit, row) for row in temperature_rows(audit)]
    series = Series(tuple(dict.fromkeys(row["series"] for row in rows)), legend=True)
    end = max(2.0, *(row["sent"] for row in rows), *(row["effective"] for row in rows)) * 1.05
    line: list[dict[str, Any]] = [{"sent": 0.0, "effective": 0.0}, {"sent": end, "effective": end}]
    x = alt.X("sent:Q", title=say("sent"), axis=alt.Axis(format=DIGITS), scale=alt.Scale(domain=[0, end], nice=False))
    y: dict[str, Any] = {"title": say("effective"), "axis": alt.Axis(format=DIGITS)}
    y["scale"] = alt.Scale(domain=[0, max(end, max(row["high"] for row in rows))], nice=False)
    base = alt.Chart(alt.NamedData(name="temperatures"))
    same = alt.Chart(alt.NamedData(name="identity"))
    tooltip = [
        alt.Tooltip("sent:Q", title=say("sent"), format=DIGITS),
        alt.Tooltip("said:N", title=say("effective (95%)")),
        alt.Tooltip("verdict:N", title=say("verdict")),
    ]
    colour = series.colour()
    chart = alt.layer(
        same.mark_line(strokeDash=[4, 4], strokeWidth=1, color=signal("soft")).encode(x, alt.Y("effective:Q", **y)),
        base.mark_rule(strokeWidth=2).encode(x, alt.Y("low:Q", **y), alt.Y2("high"), colour),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x, alt.Y("effective:Q", **y), colour, *series.shape(), tooltip=tooltip
        ),
    ).properties(width=width, height=height)
    return Drawing(chart, {"temperatures": rows, "identity": line})


def temperatures_alt(audit: Audit) -> str:
    """What the picture shows, in words."""
    said = [
        say("{sent} gives {effective}", sent=row.sent_text, effective=row.effective_text)
        for row in temperature_rows(audit)
    ]
    return say("Effective temperature over the sent one, with 95% intervals: {rows}.", rows="; ".join(said))


def _row(audit: Audit, row: AuditRow) -> dict[str, Any]:
    effective = float(row.effective)  # type: ignore[arg-type]
    low, high = (effective if end is None else end for end in (row.low, row.high))
    route = row.parameter.removeprefix("temperature").strip(" ()") or audit.route
    return {
        "sent": float(row.sent),
        "effective": min(effective, _MOST),
        "low": low,
        "high": min(high, _MOST),
        "said": row.effective_text,
        "verdict": worded(row.verdict),
        "series": say("{route} route", route=route),
    }
