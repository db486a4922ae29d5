"""How quickly the playground answers: pages at once that ask for next-token distributions, and typing alone.

Starts ``thermoscope serve`` on loopback. Prints the time until its page can be had, medians and the slowest of pages at
once, and of one page that types a prompt letter by letter; where playwright and chromium are installed, also when the
page first paints, and the frames per second of a slider that moves. Then one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx2 as httpx

from shapes import versions

TYPED = "Once upon a time there was a little girl who"


def asked(client: httpx.Client, prompt: str, model: str) -> float:
    """Milliseconds that one distribution took."""
    start = time.perf_counter()
    client.post("api/next-token", json={"prompt": prompt, "model": model}).raise_for_status()
    return 1000 * (time.perf_counter() - start)


#: Moves the slider of the temperature in every frame, and counts frames.
SLIDE = """() => new Promise((done) => {
  const slider = document.querySelector('[data-parameter="temperature"]');
  const gaps = [];
  let last = performance.now();
  const frame = (now) => {
    gaps.push(now - last);
    last = now;
    if (gaps.length > 180) return done(gaps.slice(1));
    slider.value = 0.1 + 0.01 * gaps.length;
    slider.dispatchEvent(new Event("input"));
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""


def in_chromium(address: str, model: str) -> dict[str, float | None]:
    """Milliseconds until the page paints and until it has bars, and what a slider that moves gives; None without it."""
    names = ("first_paint_ms", "bars_ms", "slider_fps", "slider_p95_ms")
    chromium = shutil.which("chromium")
    if importlib.util.find_spec("playwright") is None or chromium is None:
        return dict.fromkeys(names)
    from playwright.sync_api import sync_playwright

    setting = quote(json.dumps({"temperature": 1.0, "top_p": 0.95, "min_p": 0.02}))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        start = time.perf_counter()
        page.goto(f"{address}#next?m={model}&s={setting}")
        page.wait_for_selector(".bars button.token", timeout=120_000)
        bars = 1000 * (time.perf_counter() - start)
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        gaps = sorted(page.evaluate(SLIDE))
        browser.close()
    values = (paint, bars, 1000 * len(gaps) / sum(gaps), gaps[int(0.95 * len(gaps))])
    return {name: round(value, 1) for name, value in zip(names, values, strict=True)}


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 8 pages")
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--model", default="bundled")
    args = parser.parse_args()
    pages = 8 if args.quick else args.pages
    start = time.perf_counter()
    command = [sys.executable, "-m", "thermoscope", "serve", "--port", "0", "--model", args.model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = re.search(r"http://\S+", server.stdout.readline())
        assert said is not None
        with httpx.Client(base_url=said[0], timeout=120) as client:
            client.get("").raise_for_status()
            page_ms = 1000 * (time.perf_counter() - start)
            shown = in_chromium(said[0], args.model)  # the model is loaded
            asked(client, "Hello", args.model)
            typed = [asked(client, TYPED[:end], args.model) for end in range(5, len(TYPED))]
            with ThreadPoolExecutor(pages) as pool:
                at_once = list(pool.map(lambda n: asked(client, f"Story {n}: {TYPED}", args.model), range(pages)))
        server.send_signal(signal.SIGINT)
    figures = {
        "page_ms": round(page_ms),
        **shown,
        "typing_median_ms": round(statistics.median(typed), 1),
        "typing_slowest_ms": round(max(typed), 1),
        "pages": pages,
        "pages_median_ms": round(statistics.median(at_once), 1),
        "pages_slowest_ms": round(max(at_once), 1),
    }
    for name, value in figures.items():
        print(f"{name:20}{'-' if value is None else value:>10}")
    facts = {"benchmark": "web_latency", "quick": args.quick, "model": args.model, **figures, "versions": versions()}
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
