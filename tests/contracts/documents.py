"""The documents that are made from the registries, made anew."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path

GENERATE = Path(__file__).parents[2] / "docs" / "generate.py"


@cache
def measures_page() -> str:
    """``docs/measures.md`` as the code says it."""
    return str(runpy.run_path(str(GENERATE))["measures"]())
