"""The playground used as a person would, in Debian's chromium."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest

import thermoscope
from tests.report.browser import browser
from tests.report.page.test_audit import AUDIT
from tests.web.paging import Visit
from tests.web.serving import served

__all__ = ["browser"]
pytestmark = pytest.mark.browser

PAGE = Path(thermoscope.__file__).parent / "web" / "page"
HOSTILE = "<img src=x onerror=\"document.title='taken'\"> <b>bold</b> {{7*7}} "
VIEWS = ("next", "text", "compare", "spectrum", "thermometer", "recommend", "audit", "runs")


@pytest.fixture(scope="module")
def with_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A playground whose folder has a run, and the folder."""
    runs = tmp_path_factory.mktemp("kept")
    thermoscope.run(
        thermoscope.load_model(), "creative-story", {"temperature": [0.5, 1.0]}, prompts=["Once", "The dog"],
        seeds=2, max_new_tokens=8, folder=runs / "first",
    )  # fmt: skip
    shutil.copytree(runs / "first", runs / "broken-off")
    (runs / "broken-off" / "manifest.json").unlink()
    with served(runs) as address:
        yield address, runs


def query(hash_: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(hash_.partition("?")[2]).items()}


def test_next_token_grows_a_text_by_clicks(browser: Any, address: str) -> None:
    with Visit(browser, address, "#next?q=Once+upon+a+time&s=%7B%22temperature%22%3A0.8%7D") as visit:
        page = visit.page
        page.wait_for_selector(".bars button.token")
        page.click(".bars button.token >> nth=0")
        visit.wait("document.querySelectorAll('.grown .new').length === 1")
        grown = page.inner_text(".grown")
        assert grown.startswith("Once upon a time") and len(grown) > len("Once upon a time")
        kept = visit.kept()
        assert len(json.loads(query(kept)["c"])) == 1
        page.click("[data-do=undo]")
        visit.wait("document.querySelectorAll('.grown .new').length === 0")
        page.click("[data-do=redo]")
        visit.wait("document.querySelectorAll('.grown .new').length === 1")
        visit.go(kept)  # the address brings all of it back
        visit.wait("document.querySelectorAll('.grown .new').length === 1")
        assert page.inner_text(".grown") == grown
        page.click("[data-share=command]")
        visit.wait("document.getElementById('said').textContent === 'Copied.'")
        words = shlex.split(visit.clipboard())
        assert [*words[:2], *words[-2:]] == ["thermoscope", "inspect", "--", grown]
        assert words[words.index("--temperature") + 1] == "0.8"
        with page.expect_download() as download:
            page.click("[data-share=report]")
        assert grown in Path(download.value.path()).read_text(encoding="utf-8")


def test_a_model_that_is_being_loaded_is_named(browser: Any, address: str) -> None:
    loading = [True]
    model = {"name": "bundled", "endpoint": False, "ready": False, "chat": False, "error": None}
    with Visit(browser, address) as visit:
        visit.page.route("**/api/models", lambda route: route.fulfill(json=[{**model, "loading": loading[0]}]))
        visit.go("#next")
        visit.wait("document.getElementById('loading').textContent === 'Loading bundled …'")
        loading[0] = False
        visit.wait("document.getElementById('loading').hidden")


def test_bars_follow_a_slider_before_the_server_answers(browser: Any, address: str) -> None:
    with Visit(browser, address, "#next?q=One+day+she+found+a") as visit:
        page = visit.page
        page.wait_for_selector(".bars button.token")
        share = "document.querySelector('.bars .share').textContent"
        before = page.evaluate(share)
        page.route("**/api/next-token", lambda route: None)  # never answered
        visit.slide("temperature", 2.0)
        visit.wait(f"{share} !== {json.dumps(before)}")
        assert float(page.evaluate(share).rstrip("%")) < float(before.rstrip("%"))
        frames = page.evaluate("""() => new Promise((done) => {
            const slider = document.querySelector('[data-parameter="temperature"]');
            const seen = new Set();
            let left = 20;
            const frame = () => {
                seen.add(document.querySelector(".bars .bar").style.transform);
                if (!left--) return done(seen.size);
                slider.value = 0.2 + left * 0.08;
                slider.dispatchEvent(new Event("input"));
                requestAnimationFrame(frame);
            };
            requestAnimationFrame(frame);
        })""")
        assert frames >= 18  # every frame has bars of its own
        page.unroute_all(behavior="ignoreErrors")


def test_stages_are_added_reordered_and_dragged(browser: Any, address: str) -> None:
    with Visit(browser, address, '#next?q=Once&s={"temperature":1.5,"top_p":0.5}') as visit:
        page = visit.page

        def names() -> list[str]:
            return list(page.eval_on_selector_all(".chain > li", "cards => cards.map((card) => card.dataset.name)"))

        page.wait_for_selector(".chain > li")
        assert names() == ["temperature", "top_p"]
        page.focus('[data-name="top_p"] .grip')
        page.keyboard.press("ArrowUp")
        assert names() == ["top_p", "temperature"]
        visit.wait("document.querySelectorAll('.passes li')[1]?.textContent.startsWith('top_p')")
        page.click(".more summary")
        page.click('[data-stage="min_p"]')
        assert names() == ["top_p", "temperature", "min_p"]
        grip, above = page.locator('[data-name="min_p"] .grip'), page.locator('[data-name="top_p"]')
        grip.hover()
        page.mouse.down()
        box = above.bounding_box()
        for y in (box["y"] + 120, box["y"] + 5):
            page.mouse.move(box["x"] + 30, y)
        page.mouse.up()
        assert names() == ["min_p", "top_p", "temperature"]
        visit.wait("document.querySelectorAll('.passes li')[1]?.textContent.startsWith('min_p')")
        order = json.loads(query(visit.kept())["s"])["order"]
        assert [name for name in order if name in ("min_p", "top_p", "temperature")] == names()
        page.select_option(".settings select", "llama.cpp")
        assert json.loads(query(visit.kept())["s"])["order"] == "llama.cpp"


def test_a_hundred_draws_are_laid_over(browser: Any, address: str) -> None:
    with Visit(browser, address, "#next") as visit:
        visit.page.wait_for_selector(".bars button.token")
        visit.page.click("[data-do=draw]")
        visit.page.wait_for_selector(".bars.overlaid")
        counts = visit.page.eval_on_selector_all(".bars li", "rows => rows.map((row) => Number(row.dataset.draws))")
        assert sum(counts) == 100


def test_what_the_server_refuses_is_shown(browser: Any, address: str) -> None:
    with Visit(browser, address, '#next?q=Once&s={"temperature":-1}') as visit:
        visit.wait("document.getElementById('fault').textContent.includes('temperature')")
        visit.faults.clear()  # the browser notes the status 400


def test_a_text_goes_on_from_another_word(browser: Any, address: str) -> None:
    with Visit(browser, address, "#text?q=Once+upon+a+time&n=12") as visit:
        page = visit.page
        visit.wait(
            "document.querySelectorAll('.tok').length === 12 && !document.querySelector('.job progress:not([hidden])')"
        )
        first = visit.all(".tok")
        page.click('[data-at="3"]')
        page.wait_for_selector(".others .bars button.token")
        other = next(
            token
            for token in page.query_selector_all(".others .bars li:not(.drawn) button.token")
            if token.inner_text() != "⏎"
        )
        chosen = other.inner_text().replace("␣", " ")
        other.click()
        visit.wait(
            "document.querySelectorAll('.tok').length === 16 && !document.querySelector('.job progress:not([hidden])')"
        )
        now = visit.all(".tok")
        assert now[:3] == first[:3]
        assert now[3].strip() == chosen.strip() != first[3].strip()
        assert page.get_attribute('[data-at="3"]', "class") == "tok chosen"
        kept = visit.kept()
        visit.go(kept)
        visit.wait("document.querySelectorAll('.tok').length === 16")
        assert visit.all(".tok") == now
        page.focus('[data-at="0"]')
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.at") == "1"


def test_settings_are_compared_side_by_side(browser: Any, address: str) -> None:
    settings = quote(json.dumps([{"temperature": 0.0}, {"temperature": 1.8}]))
    with Visit(browser, address, f"#compare?q=Once+upon+a+time&n=20&g={settings}") as visit:
        page = visit.page
        page.wait_for_selector(".measures >> nth=1")
        assert len(visit.all(".column")) == 2
        assert len(visit.all(".column:nth-child(2) .differs")) == 1
        assert "perplexity" in page.inner_text(".measures >> nth=0")
        cold = page.inner_text(".column >> nth=0 >> .text")
        with page.expect_request("**/api/compare") as asked:
            page.click("[data-do=more]")
        assert len(asked.value.post_data_json["earlier"]) == 1  # it goes on from what stands
        visit.wait("document.querySelector('.measures dd')?.textContent === '100'")
        assert page.inner_text(".column >> nth=0 >> .text").startswith(cold.rstrip())
        page.click("[data-do=add]")
        assert page.get_attribute(".column >> nth=2", "data-setting") == "C"
        assert len(json.loads(query(visit.kept())["g"])) == 3
        page.click("[data-share=command]")
        visit.wait("document.getElementById('said').textContent === 'Copied.'")
        words = shlex.split(visit.clipboard())
        assert words[words.index("--setting") + 1] == "A: temperature=0"
        with page.expect_download() as download:
            page.click("[data-share=report]")
        assert "Once upon a time" in Path(download.value.path()).read_text(encoding="utf-8")


def test_noise_of_ones_own_gives_each_setting_its_seeds(browser: Any, address: str) -> None:
    settings = quote(json.dumps([{"temperature": 1.0}, {"temperature": 1.0}]))
    with Visit(browser, address, f"#compare?q=Once&n=12&shared=false&seeds=2&g={settings}") as visit:
        visit.page.wait_for_selector(".measures >> nth=3")
        texts = visit.all(".column .text")
        assert len(texts) == 4 and len(set(texts)) > 2
        assert visit.all(".differs") == []


def test_a_job_is_stopped(browser: Any, address: str) -> None:
    with Visit(browser, address, "#text?q=Once&n=400") as visit:
        visit.page.wait_for_selector(".tok")
        visit.page.click(".job .main")
        assert visit.page.inner_text(".job .state") == "Stopped."
        assert len(visit.all(".tok")) < 400


def test_the_spectrum_moves_with_the_temperature(browser: Any, address: str) -> None:
    with Visit(browser, address, "#spectrum?q=Once+upon+a+time&n=10&high=1.2&t=0.5") as visit:
        page = visit.page
        page.wait_for_selector(".forks button")
        forks = page.locator(".forks button").count()
        assert page.locator(".tree .fork").count() == forks
        cold = page.inner_text(".written")
        page.eval_on_selector("#temperature", "dial => {dial.value = 1.2; dial.dispatchEvent(new Event('input'))}")
        assert page.inner_text(".written") != cold
        assert page.get_attribute(f'[data-fork="{forks - 1}"]', "aria-current") == "true"
        page.click('[data-fork="0"]')
        assert "equal scores" in page.inner_text('[data-fork="0"] .why')
        warm = page.inner_text(".written")
        assert warm != cold or forks == 1
        kept = visit.kept()
        visit.go(kept)
        page.wait_for_selector(".forks button")
        assert page.inner_text(".written") == warm


def test_the_thermometer_reads_a_text(browser: Any, address: str) -> None:
    with Visit(browser, address, "#thermometer") as visit:
        page = visit.page
        page.fill(
            "textarea >> nth=0",
            "Once upon a time there was a little girl named Lily. She liked to play in the park. " * 2,
        )
        page.click(".job .main")
        page.wait_for_selector(".answer")
        assert "T = " in page.inner_text(".answer")
        assert page.get_attribute(".scale", "role") == "img"
        page.click("[data-share=python]")
        visit.wait("document.getElementById('said').textContent === 'Copied.'")
        compile(visit.clipboard(), "copied", "exec")
        with page.expect_download() as download:
            page.click("[data-share=report]")
        assert page.inner_text(".answer") in Path(download.value.path()).read_text(encoding="utf-8")


def test_a_recommendation_is_told_as_it_is_found(browser: Any, address: str) -> None:
    with Visit(browser, address, '#recommend?ps=["Once+upon+a+time","The+dog"]&b=4000') as visit:
        page = visit.page
        page.route("**/api/recommend", lambda route: route.continue_(
            post_data=json.dumps({**json.loads(route.request.post_data), "max_new_tokens": 12})))  # fmt: skip
        page.click(".job .main")
        page.wait_for_selector(".notes li")
        page.wait_for_selector(".picked")
        assert page.inner_text(".answer").startswith("Use temperature=")
        assert page.locator(".engines > details").count() > 8
        visit.go("#runs")
        row = '[data-run^="recommend-"]'
        page.click(f"{row} [data-do=open]")
        page.wait_for_selector(".detail pre")
        assert page.inner_text(".reading li >> nth=0").startswith("Use temperature=")
        assert page.inner_text(".detail pre").startswith("thermoscope recommend")
        with page.expect_download() as download:
            page.click(f"{row} a")
        assert "Use temperature=" in Path(download.value.path()).read_text(encoding="utf-8")


def test_an_audit_says_what_it_needs(browser: Any, address: str) -> None:
    with Visit(browser, address, "#audit") as visit:
        assert "--base-url" in visit.page.inner_text(".empty")


def test_an_audit_shows_what_was_sent_and_what_was_used(browser: Any, address: str) -> None:
    done = {"id": 1, "audit": asdict(AUDIT), "finding": AUDIT.finding}

    def with_endpoint(route: Any) -> None:
        state = route.fetch().json()
        state["models"].append(
            {"name": "some/model", "endpoint": True, "loading": False, "ready": False, "chat": False, "error": None}
        )
        route.fulfill(json=state)

    with Visit(browser, address) as visit:
        page = visit.page
        page.route("**/api/state", with_endpoint)
        page.route("**/api/audit", lambda route: route.fulfill(
            content_type="text/event-stream", body=f"event: result\ndata: {json.dumps(done)}\n\n"))  # fmt: skip
        visit.go("#audit?m=some/model")
        page.click(".job .main")
        page.wait_for_selector(".answer")
        assert page.inner_text(".answer") == AUDIT.finding
        assert page.locator(".square circle").count() == sum(
            row.parameter == "temperature" and isinstance(row.effective, float) for row in AUDIT.rows
        )
        assert len(visit.all("tbody tr")) == len(AUDIT.rows)
        page.click("[data-share=command]")
        visit.wait("document.getElementById('said').textContent === 'Copied.'")
        assert shlex.split(visit.clipboard())[:3] == ["thermoscope", "audit", "some/model"]


def test_runs_are_opened_resumed_and_deleted_when_asked_twice(browser: Any, with_run: tuple[str, Path]) -> None:
    address, runs = with_run
    with Visit(browser, address, "#runs") as visit:
        page = visit.page
        page.click('[data-run="broken-off"] [data-do=resume]')
        page.wait_for_selector('[data-run="broken-off"] a')  # it has a report now
        assert (runs / "broken-off" / "manifest.json").is_file()
        page.click('[data-run="first"] [data-do=open]')
        page.wait_for_selector(".detail pre")
        assert "first" in page.inner_text(".detail pre")
        assert query(visit.kept())["run"] == "first"
        page.click('[data-run="first"] [data-do=delete]')
        page.wait_for_selector(".sure")
        assert (runs / "first").is_dir()
        page.click('[data-run="first"] [data-do=delete]')
        page.wait_for_selector('[data-run="first"]', state="detached")
        assert not (runs / "first").exists()


def test_texts_are_never_markup(browser: Any, address: str) -> None:
    setting, hostile = quote('[{"temperature":1}]'), quote(HOSTILE)
    with Visit(browser, address) as visit:
        for view, there in (
            ("next", ".grown span"),
            ("text", ".tok"),
            ("compare", ".measures"),
            ("spectrum", ".tree rect"),
        ):
            visit.go(f"#{view}?n=3&q={hostile}&t=0.5&g={setting}")
            visit.page.wait_for_selector(there)
            assert visit.page.input_value("textarea") == HOSTILE
            assert visit.page.locator("main img, main b").count() == 0
            assert visit.page.title() != "taken"


def test_every_language_has_every_sentence(browser: Any, address: str) -> None:
    english = json.loads((PAGE / "strings" / "en.json").read_text(encoding="utf-8"))
    for path in (PAGE / "strings").glob("*.json"):
        words = json.loads(path.read_text(encoding="utf-8"))
        assert set(english) <= set(words), path.name
    with Visit(browser, address, "#next", locale="ko-KR") as visit:
        visit.page.wait_for_selector(".bars button.token")
        assert visit.page.get_attribute("html", "lang") == "ko"
        assert (
            visit.page.inner_text("h1")
            == json.loads((PAGE / "strings" / "ko.json").read_text(encoding="utf-8"))["view.next"]
        )


@pytest.mark.parametrize(
    ("scheme", "width", "views"), [("light", 1280, VIEWS), ("dark", 390, VIEWS[:3])], ids=["light", "dark phone"]
)
def test_axe_finds_no_serious_fault(
    browser: Any, address: str, scheme: str, width: int, views: tuple[str, ...]
) -> None:
    if importlib.util.find_spec("axe_playwright_python") is None:
        if os.environ.get("THERMOSCOPE_BROWSER") == "required":
            pytest.fail("axe-playwright-python must be installed: pip install axe-playwright-python")
        pytest.skip("no axe-playwright-python")
    from axe_playwright_python.sync_playwright import Axe

    settings = quote(json.dumps([{"temperature": 0.5}, {"temperature": 1.0}]))
    shown = {"next": ".bars button.token", "text": ".tok", "compare": ".measures", "spectrum": ".forks button"}
    with Visit(browser, address, color_scheme=scheme, viewport={"width": width, "height": 844}) as visit:
        for view in views:
            visit.go(f"#{view}?n=8&t=0.7&g={settings}")
            visit.page.wait_for_selector(shown.get(view, ".sharing, .empty, table"))
            found = Axe().run(visit.page).response["violations"]
            grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
            assert [(view, fault["id"], fault["nodes"][0]["html"]) for fault in grave] == []
            assert visit.overflow() <= 0, view
