"""What a reader of a report waits for: size and opening time of a page of 1,440 texts, and the time to make it.

The page is opened in Debian's chromium, a fresh context each time, from a file. Milliseconds count from the start of
the navigation: to the first content on the screen, to texts that can be chosen, and to all charts that are not folded
away being drawn. Medians are printed, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.report.browser import CHROMIUM
from tests.report.made import report

from thermoscope.report.charts.pictures import picture
from thermoscope.report.page.run import report_page
from thermoscope.report.page.vega import runtime

TIMES = """() => {
  const at = (name) => performance.getEntriesByName(name)[0]?.startTime;
  const [navigation] = performance.getEntriesByType("navigation");
  return [at("first-contentful-paint"), navigation.domContentLoadedEventEnd, at("charts drawn")];
}"""


def opened(browser: Any, path: Path) -> list[float]:
    """Milliseconds to first content, to texts that can be chosen, and to drawn charts."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(path.as_uri())
    for _ in range(600):
        times = page.evaluate(TIMES)
        if None not in times:
            break
        page.wait_for_timeout(50)
    else:
        raise SystemExit("the charts were not drawn in 30 s")
    context.close()
    return times


def main() -> None:
    """Make the page, open it, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: few texts, opened once")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    made = report(prompts=2, seeds=2) if args.quick else report()
    runtime()  # kept in the user's cache after the first time
    started = time.perf_counter()
    page = report_page(made)
    page_s = time.perf_counter() - started
    started = time.perf_counter()
    png = picture(made, "png")
    results: dict[str, float] = {
        "texts": len(made.texts),
        "page_mb": round(len(page.encode()) / 1e6, 3),
        "page_s": round(page_s, 2),
        "png_s": round(time.perf_counter() - started, 2),
        "png_mb": round(len(png) / 1e6, 3),
    }
    if CHROMIUM.exists():
        from playwright.sync_api import sync_playwright

        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            path = Path(folder) / "report.html"
            path.write_text(page, encoding="utf-8")
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
            runs = [opened(browser, path) for _ in range(1 if args.quick else args.rounds)]
            browser.close()
        for name, values in zip(("first_content_ms", "texts_ms", "charts_ms"), zip(*runs, strict=True), strict=True):
            results[name] = round(statistics.median(values))
    for name, value in results.items():
        print(f"{name:18}{value:10g}")
    from shapes import versions

    print(json.dumps({"benchmark": "report_speed", "quick": args.quick, "results": results, "versions": versions()}))


if __name__ == "__main__":
    main()
