"""Pages in Debian's chromium: the browser, and a page with what went wrong in it."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for the tests of one file: while it runs, an event loop does, in which nothing else may start one."""
    there = CHROMIUM.exists() and importlib.util.find_spec("playwright") is not None
    if not there:
        if os.environ.get("THERMOSCOPE_BROWSER") == "required":
            pytest.fail("chromium and playwright must be installed: apt-get install chromium; pip install playwright")
        pytest.skip("no chromium or no playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Watched:
    """A page in the browser, with what went wrong in it and what it asked for."""

    def __init__(self, browser: Any, **how: Any) -> None:
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def overflow(self) -> int:
        """Pixels that the page is wider than the screen."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


class Opened(Watched):
    """A file in the browser: nothing may go wrong in it, and nothing be asked for but the file."""

    def __init__(self, browser: Any, path: Path, **how: Any) -> None:
        super().__init__(browser, **{"viewport": {"width": 1000, "height": 900}, **how})
        self.path = path
        self.page.goto(path.as_uri())

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        """Nothing went wrong, and nothing was asked for but the file."""
        self.context.close()
        if kind is None:
            assert self.faults == []
            assert self.requests == [self.path.as_uri()]

    def brightness(self) -> tuple[int, int]:
        """Of paper and ink, 0 to 765."""
        colours = self.page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        paper, ink = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
        return paper, ink
