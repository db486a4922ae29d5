"""Draw ``docs/page.png``, the picture of the page in the README: a next token in ``thermoscope serve``.

Start ``thermoscope serve`` first; give its address if it is not the usual one. Debian's chromium draws.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

VIEW = '#next?q=One+day,+a+little+girl+named+Lily+found+a&s={"temperature":0.8,"top_p":0.9,"min_p":0.02}'
SIZE = {"width": 1160, "height": 1010}


def picture(address: str, path: Path) -> None:
    """Open the view, wait for its bars, draw a hundred times, and take its picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light", locale="en-US")
        page.goto(f"{address}/{VIEW}")
        page.wait_for_selector(".bars button")
        page.click("[data-do=draw]")
        page.wait_for_selector(".overlaid")
        page.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    picture(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8017", Path(__file__).parent / "page.png")
