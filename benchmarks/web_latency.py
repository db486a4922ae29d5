"""How quickly the playground answers: pages at once that ask for next-token distributions, and typing alone.

Starts ``thermoscope serve`` on loopback. Prints the time until its page can be had, medians and the slowest of pages at
once, and of one page that types a prompt letter by letter; then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx

from shapes import versions

TYPED = "Once upon a time there was a little girl who"


def asked(client: httpx.Client, prompt: str, model: str) -> float:
    """Milliseconds that one distribution took."""
    start = time.perf_counter()
    client.post("api/next-token", json={"prompt": prompt, "model": model}).raise_for_status()
    return 1000 * (time.perf_counter() - start)


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
            asked(client, "Hello", args.model)  # the model is loaded
            typed = [asked(client, TYPED[:end], args.model) for end in range(5, len(TYPED))]
            with ThreadPoolExecutor(pages) as pool:
                at_once = list(pool.map(lambda n: asked(client, f"Story {n}: {TYPED}", args.model), range(pages)))
        server.send_signal(signal.SIGINT)
    figures = {
        "page_ms": round(page_ms),
        "typing_median_ms": round(statistics.median(typed), 1),
        "typing_slowest_ms": round(max(typed), 1),
        "pages": pages,
        "pages_median_ms": round(statistics.median(at_once), 1),
        "pages_slowest_ms": round(max(at_once), 1),
    }
    for name, value in figures.items():
        print(f"{name:20}{value:>10}")
    facts = {"benchmark": "web_latency", "quick": args.quick, "model": args.model, **figures, "versions": versions()}
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
