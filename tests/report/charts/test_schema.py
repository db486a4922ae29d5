"""Every chart is Vega-Lite: pages leave Altair's check out, as it takes half of their time; here it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair
import pytest

from tests.report import made
from tests.report.charts.test_pictures import small
from tests.report.page.test_audit import AUDIT
from thermoscope import render
from thermoscope.report.charts.pictures import picture

__all__ = ["checked"]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The charts that were drawn, each held against the schema."""
    drawn: list[Any] = []
    draw = altair.TopLevelMixin.to_dict

    def strict(self: Any, *args: Any, **how: Any) -> Any:
        if how.get("context"):  # a part of another one
            return draw(self, *args, **how)
        drawn.append(self)
        return draw(self, *args, **{**how, "validate": True})

    monkeypatch.setattr(altair.TopLevelMixin, "to_dict", strict)
    return drawn


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "least"),
    [
        (lambda: render(made.report(), "html"), 10),
        (lambda: render(made.two_runs(), "html"), 10),
        (lambda: picture(small(), "svg"), 1),
        (lambda: render(AUDIT, "html"), 1),
    ],
    ids=["report", "two runs", "picture", "audit"],
)
def test_a_chart_is_what_the_schema_says(draw: Callable[[], object], least: int, checked: list[Any]) -> None:
    draw()
    assert len(checked) >= least


def test_the_check_finds_a_fault(checked: list[Any]) -> None:
    chart = altair.Chart().mark_point()
    chart.mark = {"type": "nonsense"}
    with pytest.raises(altair.utils.schemapi.SchemaValidationError):
        chart.to_dict(validate=False)
