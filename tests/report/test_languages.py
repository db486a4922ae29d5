"""Pages and Markdown in other languages than English: no sentence is left over, and the page says its language."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import thermoscope
from tests.fakes import FakeModel
from tests.handmade import comparison, sample
from tests.language.sentences import sentences
from tests.report import made
from tests.report.browser import Opened, browser
from tests.report.page.test_audit import AUDIT
from thermoscope import SamplingParams, render, save
from thermoscope.comparison.inspection import inspect
from thermoscope.errors import InputError
from thermoscope.recommending.recommendation import Recommendation
from thermoscope.report.records.build import comparison_report
from thermoscope.spectra.explore import spectrum

__all__ = ["browser"]
HANGUL = re.compile("[가-힣]")


def _compared() -> Any:
    texts = [
        sample(["a", " b", " c", f" {t}", f" {seed}"], temperature=t, seed=seed, logprob=-t)
        for t in (0.2, 0.9)
        for seed in (0, 1, 2)
    ]
    return comparison(*texts, seeds=(0, 1, 2))


THINGS: dict[str, Any] = {
    "report": lambda: made.report(made.settings(temperatures=(0.2, 0.7, 1.2)), prompts=2, seeds=2),
    "two runs": made.two_runs,
    "comparison": _compared,
    "a report that was made in English": lambda: comparison_report(_compared()),
    "spectrum": lambda: spectrum(FakeModel(), "x", temperature=(0.2, 1.0), seeds=(0, 1), max_new_tokens=5),
    "inspection": lambda: inspect(FakeModel(), "x", SamplingParams(temperature=0.7, top_k=3)),
    "audit": lambda: AUDIT,
}


def words_of(page: str) -> str:
    """What a page says, without its scripts, its style and its tags; what attributes say is in it."""
    body = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    labels = " | ".join(re.findall(r'aria-label="([^"]*)"', body))
    return unescape(re.sub(r"<[^>]*>", "\n", body) + labels)


def left_over(text: str) -> list[str]:
    """English sentences of several words, without values, that a text has."""
    return [s for s in sorted(sentences()) if "{" not in s and s.count(" ") > 1 and s in text]


@pytest.mark.slow
@pytest.mark.parametrize("kind", THINGS)
def test_a_page_in_korean_says_so_and_has_no_english_sentence(kind: str) -> None:
    thing = THINGS[kind]()
    page = str(render(thing, "html", language="ko"))
    assert page.startswith('<!doctype html>\n<html lang="ko">')
    text = words_of(page)
    assert left_over(text) == []
    assert len(HANGUL.findall(text)) > 150


def test_a_page_is_in_english_unless_it_is_asked_for_in_another_language() -> None:
    english = str(render(THINGS["spectrum"](), "html"))
    assert '<html lang="en">' in english and 'id="words"' not in english
    assert not HANGUL.search(english)
    assert left_over(words_of(english))


@pytest.mark.parametrize("kind", ["report", "two runs", "comparison"])
def test_markdown_in_korean_has_no_english_sentence(kind: str) -> None:
    text = str(render(THINGS[kind](), "md", language="ko"))
    assert "## 측정 항목" in text and left_over(text.replace("\\", "")) == []


def test_a_finding_that_was_made_in_english_is_said_in_korean() -> None:
    report = THINGS["a report that was made in English"]()
    assert report.finding and not HANGUL.search(" ".join(report.finding))
    text = words_of(str(render(report, "html", language="ko")))
    assert not any(sentence in text for sentence in report.finding)
    assert "(" in report.finding[0] and " to " in report.finding[0]


def test_a_recommendation_has_its_sentences_in_korean(tmp_path: Path) -> None:
    from tests.recommending.made import answer

    found: Recommendation = answer(tmp_path / "kept", budget=1_500)
    text = words_of(str(render(found, "html", language="ko")))
    assert left_over(text) == []
    assert not any(sentence in text for sentence in (*found.finding, *found.details, *found.not_seen))
    markdown = str(render(found, "md", language="ko"))
    assert "## 후보" in markdown and left_over(markdown) == []


def test_the_script_of_a_page_speaks_its_language(browser: Any, tmp_path: Path) -> None:
    save(THINGS["spectrum"](), tmp_path / "page.html", language="ko")
    with Opened(browser, tmp_path / "page.html", viewport={"width": 390, "height": 800}) as opened:
        page = opened.page
        assert re.fullmatch(r"텍스트 \d+개, 갈림길 \d+개.*", page.locator("#count").inner_text())
        page.locator("#text .token").first.click()
        assert "모델 자체의 확률" in page.locator("#token").inner_text()
        assert opened.overflow() == 0


@pytest.mark.parametrize("form", ["json", "png", "svg"])
def test_forms_without_sentences_are_in_english(form: str) -> None:
    with pytest.raises(InputError, match=f"{form} is in English; got language 'ko'; leave it out, or write html or md"):
        thermoscope.render(made.bare(), form, language="ko")
