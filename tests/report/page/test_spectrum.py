"""The page of a spectrum: what is in it, and what it does in a real browser."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeModel
from tests.report.browser import Opened as Page
from thermoscope import SamplingParams, Spectrum, spectrum, step_measures
from thermoscope.escape import escape
from thermoscope.ran.of_spectrum import what_ran
from thermoscope.report.page.spectrum import spectrum_page
from thermoscope.spectra.leaf import Leaf

HOSTILE = '</script><script>document.title="taken"</script><img src=x onerror=alert(1)> & {{ 7*7 }} "\u202e'


class Hostile(FakeModel):
    """Its letters are markup."""

    def decode(self, token_ids):
        return "".join(("<b>", "&amp;", "</script>", " {{7*7}}", " word", "\n")[token % 6] for token in token_ids)


def page_of(model: Any, prompt: str, **how: Any) -> tuple[str, list[Spectrum]]:
    found = spectrum(model, prompt, max_new_tokens=15, **how)
    return spectrum_page(found, step_measures(found), what_ran(model, found)), found


def test_it_is_one_file_that_loads_nothing():
    page, _ = page_of(FakeModel(), "Once", seeds=range(2))
    assert page.startswith("<!doctype html>")
    assert "default-src 'none'" in page
    outside = re.sub(r'<script id="data".*?</script>', "", page, flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=|@import|url\(|fetch\(|import\(""", outside)
    assert re.findall(r"https?://\S+", outside) == ['http://www.w3.org/2000/svg",']  # the name of SVG, not an address


def test_what_the_band_is_is_true_of_few_seeds():
    several, _ = page_of(FakeModel(), "Once", seeds=range(3))
    assert "means over 3 seeds; the band spans their 10th to 90th percentiles." in several
    assert "Exact step functions for this seed" in page_of(FakeModel(), "Once")[0]


def test_what_the_model_and_the_user_wrote_is_escaped():
    page, _ = page_of(Hostile(), HOSTILE)
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page
    assert "<b>" not in page
    assert "49" not in re.sub(r'<script id="data".*', "", page, flags=re.DOTALL).split("<h1")[1].split("</h1>")[0]
    assert "\u202e" not in page


def test_a_spectrum_of_one_text_and_one_token():
    page, _ = page_of(FakeModel(end_bias=1000.0), "x", temperature=(0, 0.5))
    assert "unknown" not in page.split("<main>")[1].split("</main>")[0]


class Opened(Page):
    """The page of a spectrum."""

    def text(self) -> str:
        return self.page.locator("#text").inner_text()

    def temperature(self) -> float:
        return float(re.search(r"T = ([\d.]+)", self.page.locator("#state").inner_text())[1])

    def to(self, temperature: float) -> None:
        """Move the slider as a hand does."""
        self.page.locator("#temperature").evaluate(
            "(slider, t) => { slider.value = t; slider.dispatchEvent(new Event('input')); }", temperature
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Spectrum]]:
    page, found = page_of(FakeModel(end_bias=2.0), "Once", seeds=range(2), params=SamplingParams(min_p=0.01))
    path = tmp_path_factory.mktemp("page") / "spectrum.html"
    path.write_text(page, encoding="utf-8")
    return path, found


@pytest.fixture
def opened(browser: Any, made: tuple[Path, list[Spectrum]]) -> Iterator[Opened]:
    with Opened(browser, made[0]) as opened:
        yield opened


def middle(leaf: Leaf) -> float:
    return leaf.exact_low + (leaf.exact_high - leaf.exact_low) / 2


@pytest.mark.browser
def test_the_slider_shows_the_text_of_its_temperature(opened, made):
    found = made[1][0]
    for number, leaf in enumerate(found.leaves):
        opened.to(middle(leaf))
        assert opened.text() == found.prompt + escape(leaf.text)
        assert f"text {number + 1} of {len(found.leaves)}" in opened.page.locator("#state").inner_text()
    opened.to(found.low)
    assert "text 1 of" in opened.page.locator("#state").inner_text()
    assert opened.page.locator("#axis line:not(.cursor)").count() == len(found.forks)


@pytest.mark.browser
def test_changed_words_light_up(opened, made):
    found = made[1][0]
    plain = [fork.below for fork in found.forks if fork.word_before.isalpha() and fork.word_after.isalpha()]
    number = plain[len(plain) // 2]
    for n in (number, number + 1):
        opened.to(middle(found.leaves[n]))
    position = found.forks[number].position
    lit = opened.page.locator("#text .changed").evaluate_all("all => all.map((span) => Number(span.dataset.token))")
    assert position in lit
    assert min(lit) == position


@pytest.mark.browser
def test_the_keyboard_does_it_all(opened, made):
    found = made[1][0]
    page = opened.page
    page.locator("#temperature").focus()
    page.keyboard.press("Home")
    assert opened.temperature() == found.low
    page.keyboard.press("PageUp")
    assert "text 2 of" in page.locator("#state").inner_text()
    page.keyboard.press("Shift+ArrowLeft")
    assert "text 1 of" in page.locator("#state").inner_text()
    page.keyboard.press("ArrowRight")
    before = opened.temperature()
    page.keyboard.press("ArrowRight")
    assert opened.temperature() == pytest.approx(before + 0.01, abs=1e-3)
    page.keyboard.press("End")
    assert opened.temperature() == found.high
    assert page.locator("#next").is_disabled()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "previous"
    page.keyboard.press("Enter")
    assert f"text {len(found.leaves) - 1} of" in page.locator("#state").inner_text()
    page.locator("#text .token").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.token") == "1"
    assert "Token 2;" in page.locator("#token").inner_text()


@pytest.mark.browser
def test_a_word_says_its_probability_rank_and_temperatures(opened, made):
    found = made[1][0]
    leaf = found.leaves[3]
    opened.to(leaf.high)
    opened.page.locator("#text .token").nth(2).hover()
    node = found.nodes[leaf.path[2]]
    said = opened.page.locator("#token").inner_text()
    assert f"rank {node.rank};" in said
    assert f"to {float(f'{node.high:.6g}'):g}"[:8] in said
    assert "probability" in said


@pytest.mark.browser
def test_a_fork_in_the_list_is_gone_to(opened, made):
    found = made[1][0]
    opened.page.locator("#forks button").nth(4).click()
    assert "text 6 of" in opened.page.locator("#state").inner_text()
    assert opened.page.locator('#forks button[aria-current="true"]').inner_text().startswith("at T=")
    assert found.leaves[5].low < opened.temperature() <= found.leaves[5].high


@pytest.mark.browser
def test_another_seed_and_the_measures_at_a_temperature(opened, made):
    found = made[1]
    opened.page.locator("#seed").select_option("1")
    assert f"{len(found[1].leaves)} texts" in opened.page.locator("#count").inner_text()
    t = 0.9
    opened.to(t)
    assert opened.text().startswith("Once")
    values = step_measures(found)(t)
    shown = dict(
        zip(
            opened.page.locator("figcaption span").all_inner_texts(),
            opened.page.locator("figcaption output").all_inner_texts(),
            strict=True,
        )
    )
    assert float(shown["entropy (nats)"]) == pytest.approx(values["entropy"], rel=5e-3)
    assert float(shown["tokens"]) == pytest.approx(values["tokens"], rel=5e-3)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(browser, made, scheme):
    with Opened(browser, made[0], viewport={"width": 360, "height": 700}, color_scheme=scheme) as opened:
        assert opened.overflow() == 0
        paper, ink = opened.brightness()
        assert (paper > ink) is (scheme == "light")
        assert opened.page.locator("#next").bounding_box()["height"] >= 44


@pytest.mark.browser
def test_hostile_text_is_shown_and_not_obeyed(browser, tmp_path):
    page, found = page_of(Hostile(), HOSTILE)
    path = tmp_path / "hostile.html"
    path.write_text(page, encoding="utf-8")
    with Opened(browser, path) as opened:
        opened.to(found[0].leaves[1].high)
        assert opened.page.title().startswith("Every temperature at once")
        assert "</script><script>" in opened.text()
        assert opened.page.locator("#text b").count() == 0


@pytest.mark.browser
def test_the_words_that_follow_the_same_beginning_are_bars(opened, made):
    found = made[1][0]
    fork = next(fork for fork in found.forks if fork.position == min(f.position for f in found.forks))
    leaf = found.leaves[fork.below + 1]
    opened.to(middle(leaf))
    opened.page.locator("#text .token").nth(fork.position).evaluate("token => token.focus()")
    begun = leaf.path[: fork.position]
    rivals = {
        other.path[fork.position]
        for other in found.leaves
        if len(other.path) > fork.position and other.path[: fork.position] == begun
    }
    assert len(rivals) > 1
    probabilities = sorted((math.exp(found.nodes[node].logprob) for node in rivals), reverse=True)
    widths = opened.page.locator("#token .bar").evaluate_all("all => all.map((bar) => parseFloat(bar.style.width))")
    assert widths == pytest.approx([100 * p for p in probabilities], rel=1e-3)
    here = opened.page.locator("#token .name.here").inner_text()
    token = opened.page.locator("#text .token").nth(fork.position).evaluate("token => token.textContent")
    assert here.strip() == (token.strip() or "(no visible text)")


@pytest.mark.browser
def test_the_axis_has_ticks_and_the_command_is_copied(opened, made):
    found = made[1][0]
    ticks = opened.page.locator(".ticks span")
    assert ticks.count() >= 4
    box = opened.page.locator("#axis").bounding_box()
    for tick in ticks.all():
        at = box["x"] + box["width"] * (float(tick.inner_text()) - found.low) / (found.high - found.low)
        place = tick.bounding_box()
        assert place["x"] + place["width"] / 2 == pytest.approx(at, abs=1.5)
    opened.page.locator("[data-copy]").click()
    opened.page.locator("#copied:not(:empty)").wait_for()
