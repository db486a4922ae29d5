"""Runs: what is to be made, making it, keeping it in a folder, measuring it; texts from files."""

from __future__ import annotations

from pathlib import Path

#: Where runs are kept unless another folder is named.
RUNS = Path("runs")
