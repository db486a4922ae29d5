"""How quickly the playground answers: pages at once that ask for next-token distributions, and typing alone.

Starts ``thermoscope serve`` on loopback. Prints the time until its page can be had, medians and the slowest of pages at
once, and of one page that types a prompt letter by letter; where playwright and chromium are installed, also when the
page first paints, and the frames per second of a slider that moves. Then one line of JSON.

Pages at once have their connections open, as pages that were loaded have, and ask together, each for another prompt;
there are several rounds of it. They are sockets in one thread. What a round takes of the processors is counted for
them and for the server: ``asking_cpu_ms`` and ``server_cpu_ms``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from urllib.parse import quote, urlsplit

import httpx2 as httpx
import psutil

from shapes import versions

TYPED = "Once upon a time there was a little girl who"


def asked(client: httpx.Client, prompt: str, model: str) -> float:
    """Milliseconds that one distribution took."""
    start = time.perf_counter()
    client.post("api/next-token", json={"prompt": prompt, "model": model}).raise_for_status()
    return 1000 * (time.perf_counter() - start)


def asked_together(address: str, prompts: list[str], model: str) -> tuple[list[float], float]:
    """Milliseconds until each page has its whole answer after all of them asked, and what asking took of a processor.

    RuntimeError where an answer is not 200.
    """
    place = urlsplit(address)
    pages = [socket.create_connection((place.hostname or "", place.port or 80), timeout=120) for _ in prompts]
    bodies = [json.dumps({"prompt": prompt, "model": model}).encode() for prompt in prompts]
    head = f"POST /api/next-token HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    got = dict.fromkeys(pages, b"")
    took: list[float] = []
    time.sleep(0.2)  # the server has taken all connections
    cpu, start = time.process_time(), time.perf_counter()
    with selectors.DefaultSelector() as waiting:
        for number, (page, body) in enumerate(zip(pages, bodies, strict=True)):
            page.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            waiting.register(page, selectors.EVENT_READ, number)
        while len(took) < len(pages):
            for key, _ in waiting.select():
                page = pages[key.data]
                got[page] += page.recv(2**18)
                said, _, answer = got[page].partition(b"\r\n\r\n")
                length = re.search(rb"content-length: *(\d+)", said, re.IGNORECASE)
                if not said.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(said.decode())
                if length is not None and len(answer) == int(length[1]):
                    took.append(1000 * (time.perf_counter() - start))
                    waiting.unregister(page)
                    page.close()
    return took, 1000 * (time.process_time() - cpu)


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
    parser.add_argument("--no-browser", action="store_true", help="leave chromium out")
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
            shown = {} if args.no_browser else in_chromium(said[0], args.model)
            asked(client, "Hello", args.model)
            typed = [asked(client, TYPED[:end], args.model) for end in range(5, len(TYPED))]
        rounds = [[f"Story {turn} {page}: {TYPED}" for page in range(pages)] for turn in range(1 if args.quick else 7)]
        process = psutil.Process(server.pid)
        before = process.cpu_times()
        at_once, asking = zip(*(asked_together(said[0], prompts, args.model) for prompts in rounds), strict=True)
        after = process.cpu_times()
        served = 1000 * (after.user - before.user + after.system - before.system) / len(rounds)
        medians = [statistics.median(took) for took in at_once]
        server.send_signal(signal.SIGINT)
    figures = {
        "page_ms": round(page_ms),
        **shown,
        "typing_median_ms": round(statistics.median(typed), 1),
        "typing_slowest_ms": round(max(typed), 1),
        "pages": pages,
        "pages_median_ms": round(statistics.median(medians), 1),
        "pages_best_median_ms": round(min(medians), 1),
        "pages_slowest_ms": round(max(map(max, at_once)), 1),
        "server_cpu_ms": round(served),
        "asking_cpu_ms": round(statistics.median(asking), 1),
    }
    for name, value in figures.items():
        print(f"{name:20}{'-' if value is None else value:>10}")
    facts = {"benchmark": "web_latency", "quick": args.quick, "model": args.model, **figures, "versions": versions()}
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
