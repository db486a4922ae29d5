"""Texts from files with their measures, on the terminal, as JSON or as a page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.cli.console import PageFile
    from thermoscope.runs.measured import Measured


def show_measured(
    found: Measured, *, as_json: bool, output: Path | None, everything: bool, html: PageFile | None = None
) -> None:
    """Print or write measures of texts from files, and their page to ``html`` if that is given."""
    from thermoscope.cli import console
    from thermoscope.report.records.build import run_finding
    from thermoscope.statistics.methods import methods

    rows = found.summary().to_pylist()

    def to_json() -> str:
        texts = found.texts().drop_columns(["text"]).to_pylist()
        record = {"format": "thermoscope.measured/1", "files": list(found.found.sources), "tokens": found.tokens}
        groups = found.groups().to_pylist()
        said = methods(rows, "text" if len(found.prompts) == 1 else "prompt")
        shown: dict[str, Any] = {"read_as": found.found.read_as, "notes": list(found.notes), "methods": list(said)}
        shown |= {"finding": list(run_finding(found)), "claims": list(found.claims)}
        shown |= {"settings": rows, "groups": groups, "differences": found.differences().to_pylist(), "texts": texts}
        shown |= {"thinking": list(found.thinking)} if found.thinking else {}
        return console.json({**record, **shown, "ran": found.ran.to_dict()})

    def printing(to: Console) -> None:
        from thermoscope.report.terminal.run import print_found

        print_found(found, rows, to, finding=run_finding(found), everything=everything)

    def page(language: str) -> str | bytes:
        from thermoscope.report.forms import render

        with console.status("drawing"):
            return render(found, "html", language=language)

    console.give(
        to_json, printing, as_json=as_json, output=output, html=html, page=page, found=partial(run_finding, found)
    )
