"""The page, the Markdown and the terminal of a recommendation."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.recommending.made import answer
from tests.report.browser import Opened, browser
from tests.report.charts.test_schema import checked
from thermoscope import render, save
from thermoscope.recommending.recommendation import Recommendation
from thermoscope.report.terminal.recommendation import print_recommendation

__all__ = ["browser", "checked"]
HOSTILE = "</script><img src=x onerror=alert(1)> \x1b[31m\u202e`|*_"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Recommendation:
    """An answer about several families, with something hostile in every place that a user or model writes to."""
    folder = tmp_path_factory.mktemp("answer") / "kept"
    made = answer(folder, vary={"min_p": [None, 0.1]}, budget=4_000)
    examples = tuple(replace(one, text=HOSTILE, prompt=HOSTILE) for one in made.examples)
    return replace(made, title=HOSTILE, model=HOSTILE, examples=examples, notes=(*made.notes, HOSTILE))


@pytest.mark.slow
def test_its_charts_are_vega_lite(found: Recommendation, checked: list[Any]) -> None:
    render(found, "html")
    assert len(checked) >= 4


@pytest.mark.slow
def test_the_page_says_all_and_asks_for_nothing(found: Recommendation, browser: Any, tmp_path: Path) -> None:
    save(found, tmp_path / "page.html")
    for width, scheme in ((1280, "light"), (390, "dark")):
        how = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
        with Opened(browser, tmp_path / "page.html", **how) as opened:
            page = opened.page
            page.evaluate("scrollTo(0, document.body.scrollHeight)")
            for _ in range(200):
                places = page.evaluate(
                    "[...document.querySelectorAll('[data-chart]')].map((p) => 'drawn' in p.dataset)"
                )
                if all(places):
                    break
                page.wait_for_timeout(100)
            assert len(places) >= 5 and all(places)  # range, measures, objective, families, frontier
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            text = page.inner_text("main")
            for sentence in (*found.finding[1:], *found.not_seen, found.next_command):
                assert " ".join(sentence.split()) in " ".join(text.split())
            assert all(one.label in text for one in found.candidates)
            assert page.locator("img").count() == 0
            assert "\u202e" not in text and "\x1b" not in text


def test_nothing_feasible_has_a_page_too(found: Recommendation, tmp_path: Path) -> None:
    none = answer(tmp_path / "kept", bounds={"rep_4": -1.0})
    page = render(none, "html")
    assert isinstance(page, str)
    assert "nothing is recommended" in page and "nothing feasible" in page and "export --run" not in page


def test_markdown_is_text(found: Recommendation) -> None:
    made = render(found, "md")
    assert isinstance(made, str)
    assert "<img" not in re.sub(r"\\<", "", made) and "\x1b" not in made
    for title in ("## What was found", "## Candidates", "## On held-out prompts", "## What could not be seen"):
        assert title in made
    assert sum(line.startswith("| ") for line in made.splitlines()) >= len(found.candidates) + len(found.confirmed)


def test_the_terminal_has_eighty_columns(found: Recommendation) -> None:
    buffer = io.StringIO()
    print_recommendation(found, Console(file=buffer, width=80, color_system=None, force_terminal=False))
    lines = buffer.getvalue().splitlines()
    commands = {found.command, found.next_command}
    assert all(len(line.rstrip()) <= 80 for line in lines if line.rstrip() not in commands)
    assert lines[0].startswith("Use temperature=")
    assert "\x1b" not in buffer.getvalue()


def test_json_is_the_record(found: Recommendation) -> None:
    made = render(found, "json")
    assert isinstance(made, str)
    assert Recommendation.from_json(made, Path("x")) == found
    with pytest.raises(ValueError, match="form must be one of html, md, json"):
        render(found, "png")
