"""What notebooks show of results: self-contained, escaped, bounded."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.fakes import FakeModel
from tests.handmade import comparison, sample
from tests.report import made
from thermoscope.comparison.comparison import MOST_SHOWN
from thermoscope.fragment import clipped, safe, shown, table
from thermoscope.spectra.explore import spectrum
from thermoscope.spectra.spectrum import MOST_SHOWN as MOST_LEAVES
from thermoscope.spectra.spectrum import Spectrum

HOSTILE = '</table><script>alert(1)</script><img src=x onerror=y> & "\u202e \x00 \ud800 \x1b[2J'


class Tags(HTMLParser):
    """The tags of a fragment, balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        if tag != "rect":  # closed at once
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def found() -> Spectrum:
    return spectrum(FakeModel(), "Once", temperature=(0, 1.5), seeds=[3], max_new_tokens=12)[0]


def things(found: Spectrum) -> list[Any]:
    return [
        comparison(sample(["a", " b"], temperature=0.2), sample(["a", " c"], temperature=0.9)),
        comparison(temperatures=(0.2, 0.9)),
        comparison(sample([], temperature=0.2)),
        found,
        made.report(prompts=1, seeds=1),
        made.two_runs(),
        made.bare(),
    ]


def test_fragments_load_nothing_and_are_whole(found: Spectrum) -> None:
    for thing in things(found):
        html = thing._repr_html_()
        tags = Tags(html)
        assert not {"script", "link", "img", "iframe", "style", "html", "body"} & set(tags.seen)
        assert not re.search(r"""(?<![-\w])(src|href|on\w+)\s*=|@import|url\(""", html)
        # no colour of its own but half-transparent grey: it is read on light and on dark ground
        assert not re.search(r"#[0-9a-f]{3,6}\b|(?<![-\w])color:(?! inherit)", html)


def test_fragments_are_bounded(found: Spectrum) -> None:
    many = comparison(*(sample(["a", f" {seed}"], seed=seed) for seed in range(60)), seeds=range(60))
    html = many._repr_html_()
    assert html.count("<tr>") == 1 + MOST_SHOWN
    assert "36 more texts not shown" in html
    assert found._repr_html_().count("<tr>") == 1 + min(MOST_LEAVES, len(found.leaves))
    assert len(made.report()._repr_html_()) < 20_000


def test_every_string_is_escaped(found: Spectrum) -> None:
    texts = comparison(sample([HOSTILE], prompt=HOSTILE, temperature=0.2))
    leaves = tuple(replace(leaf, text=HOSTILE) for leaf in found.leaves)
    report = made.bare()
    hostile = [
        replace(texts, reading=(HOSTILE,), effective=(HOSTILE,)),
        replace(found, prompt=HOSTILE, leaves=leaves),
        replace(report, title=HOSTILE, finding=(HOSTILE,), notes=(HOSTILE,)),
    ]
    for thing in hostile:
        html = thing._repr_html_()
        assert not {"script", "img"} & set(Tags(html).seen)
        assert not any(bad in html for bad in "\u202e\x00\x1b\ud800")
        html.encode()
        assert "&lt;script&gt;" in html


def test_a_comparison_shows_texts_where_they_differ_and_the_reading() -> None:
    both = comparison(sample(["The", " fox", " ran"], temperature=0.2), sample(["The", " fox", " slept"]))
    html = both._repr_html_()
    assert "The fox <strong>▸</strong>slept" in html
    assert all(sentence.replace("'", "&#x27;") in html for sentence in both.reading)
    assert ">T=0.2</td>" in html and ">T=0.7</td>" in html
    assert "3, reached the limit" in html


def test_a_spectrum_shows_one_block_per_text(found: Spectrum) -> None:
    html = found._repr_html_()
    assert html.count("<rect") == len(found.leaves) > 1
    widths = [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)"', html)]
    assert sum(widths) == pytest.approx(1000, abs=0.01 * len(widths))
    assert f"Seed 3: {len(found.leaves)} texts between T=0 and T=1.5" in html


def test_a_report_shows_findings_claims_and_means() -> None:
    report = made.report(prompts=1, seeds=1)
    html = report._repr_html_()
    for said in (
        *report.finding,
        "Low repeats: holds",
        "Too low is as bad as too high: inconclusive",
        "T=0.7",
        "rep_4",
    ):
        assert said in html
    assert "drift" not in html.split("<table")[1]  # the leading measures alone


def test_reprs_are_short(found: Spectrum) -> None:
    long = "Once upon a time " * 100
    assert repr(comparison(sample(["a"], prompt="A\nprompt"))) == (
        "Comparison(prompt='A prompt', settings=1, seeds=1, texts=1)"
    )
    assert repr(comparison(sample(["a"]), temperatures=(0.7, 0.9))).endswith("texts=1 of 2)")
    assert repr(found) == f"Spectrum(prompt='Once', seed=3, low=0, high=1.5, texts={len(found.leaves)})"
    assert repr(made.bare()) == "Report(title='bare', runs=1, settings=0, prompts=0, seeds=0, texts=0)"
    for thing in (comparison(sample(["a"], prompt=long)), replace(found, prompt=long), made.report()):
        assert len(repr(thing)) < 200


def test_parts() -> None:
    assert safe("<a> & \x07") == "&lt;a&gt; &amp; \\x07"
    assert "(no text)" in shown("")
    assert ">ab<strong>▸</strong>c</span>" in shown("abc", 2)
    assert ">abc<strong>▸</strong></span>" in shown("abc", 3)
    assert clipped("a\n b " * 100, 5) == "a b …"
    assert clipped("abc", 3) == "abc"
    assert table(("<x>",), [["<b>1</b>"]]).count("<b>") == 1
    assert "&lt;x&gt;" in table(("<x>",), [])
