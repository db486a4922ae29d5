"""A run on the terminal or as JSON, for the commands that show one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.runs.store import Store


def find(run: Path) -> Store:
    """The store of a run by its folder, or by its name in ``runs/``."""
    from thermoscope.cli.options import RUNS
    from thermoscope.runs.store import Store

    named = RUNS / run
    return Store.open(named if not run.exists() and named.is_dir() else run)


def show_run(store: Store, *, as_json: bool, output: Path | None, everything: bool) -> None:
    """Print or write a complete run.

    Raises
    ------
    RunError
        It is not complete.
    """
    from thermoscope.cli import console
    from thermoscope.report.terminal.run import print_run

    manifest = store.complete_manifest()
    rows, claims = store.table("settings").to_pylist(), store.claims()

    def to_json() -> str:
        differences = store.table("differences").to_pylist()
        record = {**manifest, "settings_measured": rows, "differences": differences, "claims": claims}
        return console.json({"run": str(store.folder), **record})

    def printing(to: Console) -> None:
        print_run(manifest, rows, claims, to, folder=str(store.folder), everything=everything)

    console.give(to_json, printing, as_json=as_json, output=output)
