"""The page of a report: what is in it, and what it does in a real browser."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.report import made
from tests.report.browser import Opened as Page
from thermoscope.comparison.passages import Passage
from thermoscope.escape import escape
from thermoscope.report.charts.contrasts import choices
from thermoscope.report.charts.figures import curve_figure, frontier_figure
from thermoscope.report.page import vega
from thermoscope.report.page.prompts import told_apart
from thermoscope.report.page.run import report_page
from thermoscope.report.records.schema import Report
from thermoscope.statistics.verdicts import outcome_shown

HOSTILE = (
    '</script><script>document.title="taken"</script><img src=x onerror=alert(1)> </style> ]]> <!-- & {{ 7*7 }} "\u202e'
    "\x1b[31m \x00 \ud800 '"
)


def hostile(report: Report) -> Report:
    """Everything that a user or a model writes is markup."""
    run = replace(
        report.runs[0],
        name=HOSTILE,
        facts=((HOSTILE, HOSTILE),),
        command=HOSTILE,
        effective=(HOSTILE,),
        claims=({**report.runs[0].claims[0], "name": HOSTILE, "statement": HOSTILE, "reason": HOSTILE},),
    )
    text = replace(report.texts[0], passages=(Passage("one "), Passage(HOSTILE, repeated=True), Passage(" two")))
    return replace(
        report,
        title=HOSTILE,
        finding=(HOSTILE,),
        runs=(run,),
        settings=tuple(replace(s, label=f"{HOSTILE}{n}", stages=(HOSTILE,)) for n, s in enumerate(report.settings)),
        prompts=(HOSTILE,) * len(report.prompts),
        texts=(text, *report.texts[1:]),
        meanings=tuple(replace(m, meaning=HOSTILE, source=HOSTILE) for m in report.meanings),
        notes=(HOSTILE,),
    )


def small(**how: Any) -> Report:
    return made.report(made.settings(temperatures=(0.2, 0.7, 1.2)), prompts=2, seeds=2, **how)


def without_scripts(page: str) -> str:
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def test_it_is_one_file_that_loads_and_evaluates_nothing():
    page = report_page(small())
    assert page.startswith("<!doctype html>")
    assert "default-src 'none'" in page
    assert "unsafe-eval" not in page
    assert not re.search(r"""(?<![-\w])(src|href)\s*=\s*["'](?!#)|@import|url\(""", without_scripts(page))


def heads(report: Report) -> list[str]:
    """What stands below the title: how much was measured."""
    header = report_page(report).split("</h1>")[1].split("</header>")[0]
    return re.findall(r"<p class=\"soft\">(.*?)</p>", header)


@pytest.mark.slow
def test_how_much_was_measured_is_said_of_each_run():
    assert heads(small()) == ["2 prompts × 3 settings × 2 seeds, 12 texts"]
    assert heads(made.bare()) == []
    both = made.two_runs()
    assert heads(both) == ["Each run: 2 prompts × 5 settings × 2 seeds, 20 texts"]
    others = replace(both, prompts=(*both.prompts, "three", "four"), texts=tuple(
        replace(t, prompt=t.prompt + 2) if both.settings[t.setting].run else t for t in both.texts
    ))  # fmt: skip
    assert heads(others) == heads(both)  # other prompts, as many of them
    fewer = replace(both, texts=tuple(t for t in both.texts if not (both.settings[t.setting].run and t.prompt)))
    assert heads(fewer) == [
        "stories: 2 prompts × 5 settings × 2 seeds, 20 texts",
        "explanations: 1 prompt × 5 settings × 2 seeds, 10 texts",
    ]


def test_everything_that_was_written_by_others_is_escaped():
    page = report_page(hostile(small()))
    page.encode()
    assert page.count("<script") == page.count("</script>") == 3
    shown = without_scripts(page)
    assert "<img" not in shown
    assert shown.count("</style>") == 1
    assert "49" not in re.search(r"<h1[^>]*>(.*?)</h1>", shown)[1]
    for bad in "\u202e\x1b\x00\ud800":
        assert bad not in page
    # once in each place where it was written
    assert escape(HOSTILE) in [passage for passage in data_of(page)["texts"][0] if isinstance(passage, str)]
    for place in (r"<h1[^>]*>(.*?)</h1>", r'<pre id="command-1">(.*?)</pre>', r"<dt>(.*?)</dt><dd>"):
        assert escape(HOSTILE) in [unescape(found) for found in re.findall(place, shown)]


def test_what_is_between_two_passages_is_escaped_as_in_the_whole_text():
    joined = Passage("می"), Passage("\u200cخواهم", repeated=True)
    text = replace(small().texts[0], passages=joined)
    page = report_page(replace(small(), texts=(text,)))
    assert data_of(page)["texts"][0][5:] == [0, "می", 1, "\u200cخواهم"]
    assert data_of(report_page(replace(small(), texts=(replace(text, passages=joined[1:]),))))["texts"][0][6][0] == "\\"


def test_words_and_tables_beside_charts_are_those_of_the_records():
    report = small()
    page = report_page(report)
    words = [unescape(label) for label in re.findall(r'role="img" aria-label="(.*?)"', page)]
    expected = [curve_figure(report, curve).alt for curve in report.curves]
    expected += [choices(report, found)[0].alt for found in report.differences]
    assert words == [*expected, frontier_figure(report, report.frontier).alt]
    figure = curve_figure(report, report.curves[3])
    rows = re.search(r'aria-label="Numbers of perplexity"><table>.*?<tbody>(.*?)</tbody>', page, re.DOTALL)[1]
    cells = [tuple(re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)) for row in rows.strip().split("\n")]
    assert cells == list(figure.rows)


def test_the_order_is_a_readers():
    page = without_scripts(report_page(small()))
    titles = re.findall(r'<h2 id="(\w+)">', page)
    assert titles == [
        "texts", "finding", "curves", "differences", "frontier", "settings", "claims", "meanings", "ran",
    ]  # fmt: skip
    assert re.findall(r'<a href="#(\w+)">', page) == titles
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_texts_of_one_prompt_come_first():
    page = without_scripts(report_page(made.report(made.settings(temperatures=(0.2, 0.7)), prompts=1, seeds=2)))
    titles = re.findall(r'<h2 id="(\w+)">', page)
    assert titles[:2] == ["texts", "finding"]
    assert re.findall(r'<a href="#(\w+)">', page) == titles
    assert titles.count("texts") == 1


def test_sections_without_content_are_not_there():
    page = without_scripts(report_page(made.comparison()))
    assert re.findall(r'<h2 id="(\w+)">', page) == ["texts", "finding", "settings", "meanings", "ran"]
    bare = report_page(made.bare())
    assert re.findall(r'<h2 id="(\w+)">', bare) == ["ran"]
    assert len(bare) < 50_000  # no runtime without charts
    assert "Second text" not in report_page(made.one_setting())


def test_a_long_report_keeps_to_three_megabytes():
    assert len(report_page(made.report()).encode()) < 3_000_000


def test_many_settings_are_compared_with_their_neighbours_alone():
    many = made.settings(temperatures=[n / 40 for n in range(40)])
    page = report_page(made.report(many, prompts=1, seeds=1))
    assert 'id="choice"' not in page
    assert len(data_of(page)["pairs"]["differences-rep_4"]) == 1


def test_the_runtime_is_kept_and_made_without_a_place_to_keep_it(tmp_path, monkeypatch):
    made_here = []

    def bundle(snippet: str) -> str:
        made_here.append(snippet)
        return "window.vegaEmbed = '</script>';"

    import vl_convert

    monkeypatch.setattr(vl_convert, "javascript_bundle", bundle)
    monkeypatch.setattr(vega, "cache_folder", lambda: tmp_path / "new" / "folder")
    script = vega.runtime.__wrapped__()
    assert vega.runtime.__wrapped__() == script == "window.vegaEmbed = '<\\/script>';"
    assert len(made_here) == 1
    assert [path.suffix for path in (tmp_path / "new" / "folder").iterdir()] == [".js"]
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(vega, "cache_folder", lambda: tmp_path / "file")
    assert vega.runtime.__wrapped__() == script
    assert len(made_here) == 2


class Opened(Page):
    """The page of a report."""

    def charts(self) -> None:
        """Wait until all charts that can be seen are drawn."""
        for _ in range(300):
            if self.page.evaluate("performance.getEntriesByName('charts drawn').length > 0"):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"charts are not drawn: {self.faults}")

    def text(self, pane: str = "a") -> str:
        return self.page.locator(f"#text-{pane}").inner_text()

    def to(self, pane: str, setting: int) -> None:
        """Move a slider as a hand does."""
        self.page.locator(f"#setting-{pane}").evaluate(
            "(slider, n) => { slider.value = n; slider.dispatchEvent(new Event('input')); }", setting
        )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    report = small()
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report_page(report), encoding="utf-8")
    return path, report


def plain(report: Report, prompt: int, setting: int, seed: int) -> str:
    text = next(t for t in report.texts if (t.prompt, t.setting, t.seed) == (prompt, setting, seed))
    return "".join(passage.text for passage in text.passages)


def unmarked(text: str) -> str:
    return re.sub("[▸‹›⟳]", "", text)


@pytest.mark.browser
def test_charts_are_drawn_and_more_of_them_when_asked(browser, written):
    path, report = written
    with Opened(browser, path) as opened:
        opened.charts()
        drawn = opened.page.locator("[data-drawn] svg")
        assert drawn.count() == 4 + 4 + 1
        opened.page.locator("details.more > summary").first.click()
        opened.page.locator("#curve-entropy[data-drawn] svg").wait_for()
        opened.page.wait_for_timeout(300)
        assert drawn.count() == 9 + len(report.curves) - 4
        ticks = opened.page.locator("#curve-rep_4 svg text").all_text_contents()
        assert {"0.2", "0.7", "1.2", "temperature"} <= set(ticks)


@pytest.mark.browser
def test_another_reference_changes_charts_words_and_tables(browser, written):
    path, report = written
    found = report.differences[3]
    last = choices(report, found)[-1]
    with Opened(browser, path) as opened:
        opened.charts()
        opened.page.locator("#choice").select_option(last.name)
        place = opened.page.locator("#differences-perplexity")
        assert place.get_attribute("aria-label") == last.alt
        opened.page.wait_for_timeout(300)
        assert {"T=0.2", "T=0.7"} <= set(place.locator("svg text").all_text_contents())
        table = opened.page.locator("#differences-perplexity-numbers tbody tr")
        assert table.count() == 2
        told = [
            row.split("\t")[-1]
            for row in table.evaluate_all("rows => rows.map((r) => [...r.cells].map((c) => c.textContent).join('\\t'))")
        ]
        assert told == [outcome_shown(pair.told) for pair in last.pairs]


@pytest.mark.browser
def test_sliders_prompt_and_seed_choose_the_texts(browser, written):
    path, report = written
    with Opened(browser, path) as opened:
        for setting in range(3):
            opened.to("a", setting)
            assert unmarked(opened.text("a")) == plain(report, 0, setting, 0)
            assert (
                f"T={made.settings(temperatures=(0.2, 0.7, 1.2))[setting].x:g}"
                in opened.page.locator("#state-a").inner_text()
            )
        opened.page.locator("#prompt").select_option("1")
        opened.page.locator("#seed").select_option("1")
        assert unmarked(opened.text("a")) == plain(report, 1, 2, 1)
        assert unmarked(opened.text("b")) == plain(report, 1, 2, 1)
        assert "the two texts are identical" in opened.page.locator("#state-b").inner_text() or opened.text(
            "a"
        ) == opened.text("b")
        assert opened.page.locator("#shown-prompt").inner_text() == report.prompts[1]


@pytest.mark.browser
def test_loops_repeated_passages_and_the_first_difference_are_marked(browser, tmp_path):
    report = made.comparison()
    one = replace(report.texts[0], passages=(
        Passage("A ship went out. "), Passage("A ship", repeated=True), Passage(" came", loop=True),
        Passage(" back", repeated=True, loop=True), Passage(" back", repeated=True, loop=True),
    ))  # fmt: skip
    other = replace(report.texts[1], passages=(Passage("A ship waited."),))
    path = tmp_path / "report.html"
    path.write_text(report_page(replace(report, texts=(one, other))), encoding="utf-8")
    with Opened(browser, path) as opened:
        assert opened.text("a") == "A ship ▸went out. ‹A ship›⟳ came‹ back back›"
        assert opened.text("b") == "A ship ▸waited."
        assert opened.page.locator("#text-a .differing").inner_text() == "went"
        assert opened.page.locator("#text-a mark.repeated").count() == 3
        assert opened.page.locator("#text-a .loop").count() == 3
        opened.to("a", 1)
        assert opened.text("a") == "A ship waited."
    longer = replace(other, passages=(Passage("A ship waited. And more"),))
    path.write_text(report_page(replace(report, texts=(replace(other, setting=0), longer))), encoding="utf-8")
    with Opened(browser, path) as opened:
        assert opened.text("a") == "A ship waited.▸"
        assert opened.text("b") == "A ship waited. ▸And more"


@pytest.mark.browser
def test_the_keyboard_does_it_all(browser, written):
    path, report = written
    with Opened(browser, path) as opened:
        page = opened.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        page.locator("#setting-a").focus()
        page.keyboard.press("ArrowRight")
        assert unmarked(opened.text("a")) == plain(report, 0, 1, 0)
        assert page.locator("#setting-a").get_attribute("aria-valuetext") == "T=0.7"
        page.keyboard.press("End")
        assert unmarked(opened.text("a")) == plain(report, 0, 2, 0)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "setting-b"
        page.keyboard.press("Home")
        assert unmarked(opened.text("b")) == plain(report, 0, 0, 0)
        page.locator(".numbers summary").first.focus()
        page.keyboard.press("Enter")
        assert page.locator(".numbers table").first.is_visible()


@pytest.mark.browser
def test_the_command_is_copied(browser, written):
    path, report = written
    with Opened(browser, path) as opened:
        opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened.page.locator("[data-copy]").click()
        opened.page.get_by_text("Copied to the clipboard").wait_for()
        assert opened.page.evaluate("navigator.clipboard.readText()") == report.runs[0].command


@pytest.mark.browser
def test_hostile_text_is_shown_and_not_obeyed(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(report_page(hostile(small())), encoding="utf-8")
    with Opened(browser, path) as opened:
        opened.charts()
        assert opened.page.title().startswith("</script><script>")
        assert escape(HOSTILE).strip() in unmarked(opened.text("a"))
        assert opened.page.locator("img").count() == 0
        opened.page.locator(
            "#chart-frontier svg path[aria-roledescription], #chart-frontier svg .mark-symbol path"
        ).first.hover()
        opened.page.wait_for_timeout(200)
        assert opened.page.locator("img").count() == 0
        assert opened.overflow() == 0


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 500])  # a phone; a window of 1000 pixels at 200 %
def test_on_narrow_screens_nothing_is_wider(browser, written, scheme, width):
    with Opened(browser, written[0], viewport={"width": width, "height": 700}, color_scheme=scheme) as opened:
        opened.charts()
        opened.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        opened.page.wait_for_timeout(500)
        assert opened.overflow() == 0
        paper, ink = opened.brightness()
        assert (paper > ink) is (scheme == "light")
        assert opened.page.locator("[data-copy]").bounding_box()["height"] >= 44


@pytest.mark.browser
def test_charts_follow_light_and_dark_and_are_light_on_paper(browser, written):
    with Opened(browser, written[0], color_scheme="dark") as opened:
        opened.charts()
        line = opened.page.locator("#curve-rep_4 svg .mark-line path").first
        assert line.get_attribute("stroke") == "#56b4e9"
        opened.page.emulate_media(color_scheme="light")
        opened.page.wait_for_timeout(200)
        assert line.get_attribute("stroke") == "#0072b2"
        opened.page.emulate_media(color_scheme="dark")
        opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        opened.page.wait_for_timeout(200)
        assert line.get_attribute("stroke") == "#0072b2"
        opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
        opened.page.wait_for_timeout(200)
        assert line.get_attribute("stroke") == "#56b4e9"


@pytest.mark.browser
def test_it_prints(browser, written):
    with Opened(browser, written[0], color_scheme="dark") as opened:
        content = opened.page.pdf(prefer_css_page_size=True)
        assert content.startswith(b"%PDF")
        pages = len(re.findall(rb"/Type\s*/Page\b", content))
        assert 2 <= pages <= 8
        assert b"/MediaBox [0 0 594" in content or b"/MediaBox [0 0 595" in content  # A4
        opened.page.emulate_media(media="print")
        assert opened.page.locator("nav").is_hidden()
        paper, ink = opened.brightness()
        assert (paper, ink) == (765, 51)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, written, scheme):
    if importlib.util.find_spec("axe_playwright_python") is None:
        if os.environ.get("THERMOSCOPE_BROWSER") == "required":
            pytest.fail("axe-playwright-python must be installed: pip install axe-playwright-python")
        pytest.skip("no axe-playwright-python")
    from axe_playwright_python.sync_playwright import Axe

    with Opened(browser, written[0], color_scheme=scheme) as opened:
        opened.charts()
        opened.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        opened.page.wait_for_timeout(500)
        found = Axe().run(opened.page).response["violations"]
        assert [f"{v['id']}: {[n['target'] for n in v['nodes']][:3]}" for v in found] == []


@pytest.mark.browser
@pytest.mark.parametrize(
    "report", [made.two_runs(), made.grid(), made.one_setting(), made.comparison(), made.bare()],
    ids=["two", "grid", "one", "comparison", "bare"],
)  # fmt: skip
def test_other_reports_open_without_a_fault(browser, tmp_path, report):
    path = tmp_path / "report.html"
    path.write_text(report_page(report), encoding="utf-8")
    with Opened(browser, path) as opened:
        if report.curves:
            opened.charts()
        assert opened.overflow() == 0


@pytest.mark.browser
def test_a_phones_page_is_not_endless_and_nothing_is_cut(browser, tmp_path):
    for name, report in {"run": made.report(), "two": made.two_runs(), "grid": made.grid()}.items():
        path = tmp_path / f"{name}.html"
        path.write_text(report_page(report), encoding="utf-8")
        with Opened(browser, path, viewport={"width": 390, "height": 844}) as opened:
            opened.charts()
            assert opened.overflow() == 0
            assert opened.page.evaluate("document.documentElement.scrollHeight") < 12_000
            key = opened.page.locator("ul.series li")
            assert key.all_text_contents() == ([] if name == "run" else [s.series for s in {
                setting.series: setting for setting in report.settings
            }.values()])  # fmt: skip
            assert opened.page.locator('label[for="prompt"]').bounding_box()["height"] < 40  # on one line
            seed, box = (opened.page.locator(at).bounding_box() for at in ('label[for="seed"]', "#seed"))
            assert seed["y"] < box["y"] + box["height"] and box["y"] < seed["y"] + seed["height"]


@pytest.mark.browser
def test_there_is_no_empty_space_under_charts(browser, written):
    with Opened(browser, written[0]) as opened:
        opened.charts()
        spare = opened.page.locator(".chart[data-drawn]").evaluate_all(
            "all => all.map((place) => place.getBoundingClientRect().bottom"
            " - place.querySelector('svg').getBoundingClientRect().bottom)"
        )
        assert max(spare) < 12


@pytest.mark.browser
def test_what_is_folded_opens_where_a_link_leads(browser, written):
    with Opened(browser, written[0]) as opened:
        claims = opened.page.locator("details.fold").first
        assert not claims.evaluate("fold => fold.open")
        opened.page.locator('nav a[href="#claims"]').click()
        opened.page.locator("details.fold[open] .claims").wait_for()


@pytest.mark.browser
def test_the_language_follows_the_script_of_a_text(browser, tmp_path):
    texts = {"안녕하세요 세계": "ko", "これは日本語です": "ja", "这是中文": "zh", "สวัสดี": "th", "plain words": ""}
    report = small()
    settings = made.settings(temperatures=[n / 10 for n in range(len(texts))])
    records = tuple(
        replace(report.texts[0], setting=n, prompt=0, seed=0, passages=(Passage(text),), differs_at=None)
        for n, text in enumerate(texts)
    )
    path = tmp_path / "report.html"
    plain_report = replace(report, settings=settings, texts=records, curves=(), differences=(), frontier=None)
    path.write_text(report_page(replace(plain_report, prompts=("안녕", "x"))), encoding="utf-8")
    with Opened(browser, path) as opened:
        for n, language in enumerate(texts.values()):
            opened.to("a", n)
            assert opened.page.locator("#text-a").get_attribute("lang") == language
            breaks = opened.page.locator("#text-a").evaluate("place => getComputedStyle(place).wordBreak")
            assert breaks == ("keep-all" if language == "ko" else "normal")
        assert opened.page.locator("#shown-prompt").get_attribute("lang") == "ko"


def test_prompts_that_begin_alike_are_listed_from_where_they_differ():
    begin = "You are a helpful assistant of a small company that sells lamps. "
    assert told_apart([f"{begin}Describe the red lamp", f"{begin}Describe the  blue\nlamp"]) == [
        "…red lamp", "…blue lamp",
    ]  # fmt: skip
    assert told_apart(["Once upon a time", "Once more"]) == ["Once upon a time", "Once more"]
    assert told_apart(["x" * 100, "y"]) == ["x" * 90 + "…", "y"]
    assert told_apart([begin.strip()] * 2) == [begin.strip()] * 2


def test_claims_are_folded_and_those_that_were_not_tested_are_one_line():
    page = without_scripts(report_page(small()))
    claims = re.search(r'<details class="fold"><summary><h2 id="claims">.*?</details>', page, re.DOTALL)[0]
    assert claims.count('<li class="panel">') == 3
    assert claims.count("Not tested: 0.7 beats 0.9 (it is about explanations).") == 1
