"""``thermoscope runs``: what is stored, and SQL on it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from thermoscope.cli import options
from thermoscope.runs import RUNS

_Folder = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder or its URL, or its name in runs/.")]


def alone(context: typer.Context) -> None:
    """List and show runs, and ask their tables with SQL; without a command, list those in runs/."""
    if context.invoked_subcommand is None:
        list_runs()


def list_runs(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where to look.")] = str(RUNS),
    json: options.Json = False,
    output: options.Output = None,
) -> None:
    """List the runs in a folder."""
    from thermoscope.cli import console
    from thermoscope.files.remote import place
    from thermoscope.runs.catalog import runs_in

    console.check_writable(output)
    found = runs_in(place(folder))
    printing = console.table(
        ["run", "texts", "settings", "prompts", "seeds", "model", "state"],
        [[r["run"], f"{r['done']}/{r['texts']}", r["settings"], r["prompts"], r["seeds"], r["model"], r["state"]]
         for r in found],
        empty=f"no runs in {folder}; thermoscope measure --use-case creative-story makes one",
    )  # fmt: skip
    console.give(lambda: console.json(found), printing, as_json=json, output=output)


def show(
    run: _Folder,
    everything: options.AllMeasures = False,
    json: options.Json = False,
    output: options.Output = None,
) -> None:
    """Show a complete run: measures, claims, what ran."""
    from thermoscope.cli import console
    from thermoscope.cli.show_measured import show_measured
    from thermoscope.cli.show_run import find, show_run
    from thermoscope.runs.run import Run

    console.check_writable(output)
    found = find(run)
    if isinstance(found, Run):
        show_run(found, as_json=json, output=output, everything=everything)
    else:
        show_measured(found, as_json=json, output=output, everything=everything)


def sql(
    run: _Folder,
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help="SQL for DuckDB on texts, tokens, measures, groups, settings, differences."
        ),
    ],
    memory: Annotated[
        str, typer.Option("--memory-limit", metavar="SIZE", help="The most memory that DuckDB may take, such as 8GB.")
    ] = "2GB",
    json: options.Json = False,
    output: options.Output = None,
) -> None:
    """Ask a run's tables with SQL, also of a run that is not complete yet; Ctrl-C stops it."""
    from thermoscope.cli import console
    from thermoscope.cli.show_run import find
    from thermoscope.runs.querying import ask, tables_for

    console.check_writable(output)
    folder = find(run).folder
    assert folder is not None
    with console.counting() as tell:
        tables = tables_for(folder, query, partial(tell, "checking files"))
    with console.status("asking"):
        names, rows = ask(tables, query, memory=memory)

    def to_json() -> str:
        return console.json([dict(zip(names, row, strict=True)) for row in rows])

    printing = console.table(names, rows, empty="no rows")
    console.give(to_json, printing, as_json=json, output=output)
