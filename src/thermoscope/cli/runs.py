"""``thermoscope runs``: what is stored, and SQL on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

#: Where runs are kept unless another folder is named.
RUNS = Path("runs")

_Folder = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or its name in runs/.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def list_runs(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to look.")] = RUNS, json: _Json = False
) -> None:
    """List the runs in a folder."""
    from thermoscope.cli import console
    from thermoscope.experiment.catalog import runs_in

    found = runs_in(folder)
    if json:
        console.json(found)
        return
    console.table(
        ["run", "texts", "settings", "prompts", "seeds", "model", "state"],
        [[r["run"], f"{r['done']}/{r['texts']}", r["settings"], r["prompts"], r["seeds"], r["model"], r["state"]]
         for r in found],
        empty=f"no runs in {folder}; thermoscope measure --use-case creative-story makes one",
    )  # fmt: skip


def show(
    run: _Folder,
    json: _Json = False,
    everything: Annotated[bool, typer.Option("--all", help="Show every measure.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour and no other control codes.")] = False,
) -> None:
    """Show a complete run: measures, claims, what ran."""
    from thermoscope.cli.show_run import find, show_run

    show_run(find(run), as_json=json, everything=everything, no_color=no_color)


def sql(
    run: _Folder,
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help="SQL for DuckDB on texts, tokens, measures, groups, settings, differences."
        ),
    ],
    json: _Json = False,
) -> None:
    """Ask a run's tables with SQL, also of a run that is not complete yet."""
    from thermoscope.cli import console
    from thermoscope.cli.show_run import find
    from thermoscope.experiment.catalog import query as ask

    names, rows = ask(find(run), query)
    if json:
        console.json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        console.table(names, rows, empty="no rows")
