"""Make the pictures of the documentation site: pages of the library's own, on the bundled model, in a folder.

``make site`` runs it; the pages are shown inside those of ``docs/concepts`` and can be tried there.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import thermoscope
from thermoscope import SamplingParams

PROMPT = "Once upon a time, there was a"


def pictures(folder: Path, scratch: Path) -> None:
    """Write all of them; a run that one of them shows is kept in ``scratch``."""
    model = thermoscope.load_model()

    def noise() -> thermoscope.Comparison:
        settings = [SamplingParams(temperature=t) for t in (0.2, 0.7, 1.2)]
        return thermoscope.compare(model, PROMPT, settings=settings, max_new_tokens=60)

    def intervals() -> thermoscope.Run:
        return thermoscope.run(
            model,
            "creative-story",
            {"temperature": [0.2, 0.5, 0.8, 1.1]},
            seeds=range(2),
            max_new_tokens=60,
            folder=scratch / "run",
        )

    makers: dict[str, Callable[[], Any]] = {
        "temperature": lambda: thermoscope.inspect_temperatures(model, PROMPT, (0.2, 0.7, 1.0, 1.5)),
        "truncation": lambda: thermoscope.inspect(model, PROMPT, SamplingParams(top_k=20, top_p=0.9, min_p=0.05)),
        "order-first": lambda: thermoscope.inspect(model, PROMPT, SamplingParams(temperature=1.5, min_p=0.1)),
        "order-last": lambda: thermoscope.inspect(
            model, PROMPT, SamplingParams(temperature=1.5, min_p=0.1, order=["min_p", "temperature"])
        ),
        "noise": noise,
        "spectrum": lambda: thermoscope.spectrum(model, PROMPT, seeds=[187], max_new_tokens=40),
        "intervals": intervals,
    }
    for name, make in makers.items():
        thermoscope.save(make(), folder / f"{name}.html")
        sys.stderr.write(f"{name}.html\n")


if __name__ == "__main__":
    target = Path(__file__).parent / "pictures" if len(sys.argv) < 2 else Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        pictures(target, Path(scratch))
