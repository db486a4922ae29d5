"""Run axe-core on the main pages of the built documentation site, light on a screen and dark on a phone.

Needs chromium and axe-playwright-python, which brings axe-core. Where one is missing the check is left out, unless
THERMOSCOPE_BROWSER=required.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, Literal

CHROMIUM = Path("/usr/bin/chromium")
#: One page of each kind.
PAGES = (
    "index", "start", "findings", "guides/choose", "concepts/temperature", "engines", "cli", "reference/python",
)  # fmt: skip
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 390))


def faults(page: Any) -> list[str]:
    """What axe finds on the page that is open, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {', '.join(str(node['target'][0]) for node in one['nodes'][:3])} ({len(one['nodes'])} in all)"
        for one in found
    ]


def main(folder: Path) -> int:
    """Print what is wrong; return the exit code."""
    there = CHROMIUM.exists() and all(map(importlib.util.find_spec, ("playwright", "axe_playwright_python")))
    if not there:
        sys.stderr.write("axe is left out: chromium or axe-playwright-python is not installed\n")
        return 1 if os.environ.get("THERMOSCOPE_BROWSER") == "required" else 0
    from playwright.sync_api import sync_playwright

    wrong = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        for scheme, width in LOOKS:
            page = chromium.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
            for name in PAGES:
                page.goto((folder / f"{name}.html").as_uri())
                wrong += [f"{name}, {scheme}, {width} wide: {fault}" for fault in faults(page)]
            page.close()
        chromium.close()
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    sys.stdout.write(f"axe: {len(PAGES)} pages in {len(LOOKS)} looks, {len(wrong)} faults\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
