"""Pictures: a sheet of charts as PNG and SVG."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.report import made
from thermoscope.errors import InputError
from thermoscope.report.charts.pictures import picture

HOSTILE = "</style><script>alert(1)</script> ]]> & {{ 7*7 }} \u202e\x1b \ud800"


def small(**how):
    return made.report(made.settings(temperatures=(0.2, 0.7, 1.2)), prompts=1, seeds=1, **how)


@pytest.mark.slow
def test_a_png_is_a_sheet_of_paper_in_shape():
    content = picture(made.report(), "png")
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 1600
    assert 1 < height / width < 2


def test_an_svg_has_title_findings_and_charts_in_words():
    report = small()
    svg = picture(report, "svg").decode()
    text = " ".join(ElementTree.fromstring(svg).itertext())
    for part in (report.title, report.finding[1], "rep_4", "perplexity", "distinct_2 against perplexity", "► higher"):
        assert part in text
    assert {"T=0.2", "T=0.7", "T=1.2"} <= set(re.findall(r"T=[\d.]+", text))


def test_hostile_words_are_words():
    report = small()
    report = replace(report, title=HOSTILE, finding=(HOSTILE,))
    settings = tuple(replace(setting, label=f"{HOSTILE}{n}") for n, setting in enumerate(report.settings))
    svg = picture(replace(report, settings=settings), "svg").decode()
    names = {node.tag.split("}")[1] for node in ElementTree.fromstring(svg).iter()}
    assert "script" not in names
    assert not {"\u202e", "\x1b"} & set(svg)
    assert r"\u202e\x1b \ud800" in svg


@pytest.mark.slow
@pytest.mark.parametrize("report", [made.two_runs(), made.grid(), made.one_setting()], ids=["two", "grid", "one"])
def test_other_reports_have_pictures_too(report):
    assert picture(report, "svg").startswith(b"<svg")


def test_what_can_not_be_drawn():
    with pytest.raises(InputError, match="a picture is png or svg; got 'pdf'"):
        picture(small(), "pdf")
    with pytest.raises(InputError, match="no charts"):
        picture(made.bare(), "png")
