"""A visit to the playground in Debian's chromium, with what went wrong in it."""

from __future__ import annotations

import time
from typing import Any

from tests.report.browser import Watched

#: Seconds until something that does not happen is a fault; loops may have to be compiled first.
PATIENCE_S = 60


class Visit(Watched):
    """A view of the playground in the browser: nothing may go wrong in it, and nothing be asked of others."""

    def __init__(self, browser: Any, address: str, view: str = "", **how: Any) -> None:
        usual = {"viewport": {"width": 1280, "height": 900}, "permissions": ["clipboard-read", "clipboard-write"]}
        super().__init__(browser, **{**usual, **how})
        self.address = address
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.go(view)

    def go(self, view: str) -> None:
        """Open the address of a view, as if it had been pasted."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/{view}")
        self.page.wait_for_selector("main h1")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self.context.close()
        if kind is None:
            assert self.faults == []
            assert {url for url in self.requests if not url.startswith((self.address, "about:", "blob:"))} == set()

    def all(self, selector: str) -> list[str]:
        """The texts of all elements that a selector finds."""
        return list(self.page.locator(selector).all_inner_texts())

    def wait(self, condition: str) -> None:
        """Until a condition, in JavaScript, is true. (What playwright itself has for it the page's policy forbids.)"""
        until = time.monotonic() + PATIENCE_S
        while not self.page.evaluate(condition):
            assert time.monotonic() < until, condition
            self.page.wait_for_timeout(20)

    def kept(self) -> str:
        """The address once the page has written its state into it."""
        self.page.wait_for_timeout(250)
        return str(self.page.evaluate("location.hash"))

    def clipboard(self) -> str:
        """What was copied."""
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def slide(self, parameter: str, value: float) -> None:
        """Move a slider and let it go."""
        self.page.evaluate(
            """([name, value]) => {
                const slider = document.querySelector(`[data-parameter="${name}"]`);
                slider.value = value;
                slider.dispatchEvent(new Event("input"));
                slider.dispatchEvent(new Event("change"));
            }""",
            [parameter, value],
        )
