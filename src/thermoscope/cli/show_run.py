"""A run on the terminal or as JSON, for the commands that show one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from thermoscope.files.remote import Remote, place

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.cli.console import PageFile
    from thermoscope.runs.measured import Measured
    from thermoscope.runs.run import Run


def folder_of(run: str) -> Path | Remote:
    """The folder of a run, by a path, a URL, or its name in ``runs/``."""
    from thermoscope.runs import RUNS

    folder, named = place(run), RUNS / run
    return named if isinstance(folder, Path) and not folder.exists() and named.is_dir() else folder


def find(run: str) -> Run | Measured:
    """A run, or texts from files, by the folder or by its name in ``runs/``."""
    from thermoscope.runs.kept_texts import is_kept, open_measured
    from thermoscope.runs.run import open_run

    folder = folder_of(run)
    return open_measured(folder) if is_kept(folder) else open_run(folder)


def show_run(run: Run, *, as_json: bool, output: Path | None, everything: bool, html: PageFile | None = None) -> None:
    """Print or write a complete run, and its page to ``html`` if that is given.

    Raises
    ------
    RunError
        It is not complete.
    """
    from thermoscope.cli import console
    from thermoscope.report.records.build import run_finding
    from thermoscope.report.terminal.run import print_run
    from thermoscope.statistics.methods import methods

    manifest, rows, claims = run.manifest, run.summary().to_pylist(), run.claims

    def to_json() -> str:
        differences = run.differences().to_pylist()
        unit = "seed" if len(run.plan.prompts) == 1 else "prompt"
        record = {**manifest, "settings_measured": rows, "differences": differences, "claims": list(claims)}
        record["methods"] = [*methods(rows, unit), *methods(differences, unit, paired=True)]
        return console.json({"run": str(run.folder), **record})

    def printing(to: Console) -> None:
        texts, found = run.texts()["text"].to_pylist(), run_finding(run)
        print_run(
            manifest, rows, claims, to,
            folder=str(run.folder), finding=found, everything=everything, texts=texts,
        )  # fmt: skip

    def page(language: str) -> str | bytes:
        from thermoscope.report.forms import render

        with console.status("drawing"):
            return render(run, "html", language=language)

    console.give(
        to_json, printing, as_json=as_json, output=output, html=html, page=page, found=partial(run_finding, run)
    )
