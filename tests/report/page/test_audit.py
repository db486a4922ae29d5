"""The page of an audit: the finding first, the picture, every row, and nothing from the server as markup."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.report.browser import Opened, browser
from thermoscope.auditing.audit import Audit, AuditRow
from thermoscope.report.charts.temperatures import temperatures_chart
from thermoscope.report.forms import render

__all__ = ["browser"]

ROWS = (
    AuditRow("temperature", 0.7, 0.98, 0.9, 1.07, "ignored", "ignored: always 0.98", 100),
    AuditRow("temperature", 2.0, 1.01, 0.7, 20.0, "ignored", "ignored: always 0.98", 100),
    AuditRow("temperature (chat)", 0.4, 0.41, 0.3, 0.5, "honoured", "80 draws", 80),
    AuditRow("temperature", 0.3, "at most 0.4", None, None, "honoured", "100 draws", 100),
    AuditRow("seed", 77.0, "one text", None, None, "honoured", "6 of 6", 30),
)
AUDIT = Audit(
    "vllm/<b>m</b>", "http://x/v1", "completions", "vLLM", "raw", ROWS, ("top_k 40: too few draws",), (), 300, 0
)


def test_the_finding_comes_first() -> None:
    page = render(AUDIT, "html")
    assert isinstance(page, str)
    assert page.startswith("<!doctype html>")
    body = page[page.index("<main") :]
    assert body.index("Accepted but ignored: temperature.") < body.index("Sent against effective temperature")
    assert body.index("0.98 (0.90 to 1.07)") < body.index("top_k 40: too few draws")
    assert body.count('scope="row"') == len(ROWS)
    assert 'data-verdict="does not hold"' in body


def test_what_the_server_says_is_no_markup() -> None:
    page = render(AUDIT, "html")
    assert "<b>m</b>" not in str(page)
    assert "&lt;b&gt;m&lt;/b&gt;" in str(page)


def test_the_picture_has_points_intervals_and_the_line_of_equal_values() -> None:
    made = temperatures_chart(AUDIT)
    points = made.data["temperatures"]
    assert [(p["sent"], p["effective"], p["series"]) for p in points] == [
        (0.7, 0.98, "completions route"),
        (2.0, 1.01, "completions route"),
        (0.4, 0.41, "chat route"),
    ]
    assert points[1]["high"] < 20  # an interval without an end does not set the scale
    assert all(one["sent"] == one["effective"] for one in made.data["identity"])
    assert made.chart.to_dict()["layer"]


def test_an_audit_without_numbers_has_a_page_without_a_picture() -> None:
    bare = replace(AUDIT, rows=ROWS[4:])
    assert "data-chart" not in str(render(bare, "html")).split("<script")[0]


def test_what_could_not_be_told_is_said_everywhere_and_breaks_only_the_strict_rule() -> None:
    doubtful = AuditRow("top_p", 0.5, None, None, None, "can't be told", "too few draws to tell it from none", 60)
    audit = replace(AUDIT, rows=(*ROWS[2:], doubtful))
    assert audit.finding == "What was sent is honoured, as far as this audit can see. It can't be told of: top_p."
    assert audit.honoured
    assert not audit.strict
    page = html.unescape(str(render(audit, "html")))
    assert audit.finding in page
    assert "too few draws to tell it from none" in page
    assert json.loads(audit.to_json())["rows"][-1]["verdict"] == "can't be told"


def test_json_is_that_of_the_audit_itself() -> None:
    assert json.loads(render(AUDIT, "json")) == json.loads(AUDIT.to_json())


@pytest.mark.browser
def test_the_picture_is_drawn(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "audit.html").write_text(str(render(AUDIT, "html")), encoding="utf-8")
    with Opened(browser, tmp_path / "audit.html") as opened:
        opened.page.locator("[data-drawn] svg").wait_for()
