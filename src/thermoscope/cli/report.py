"""``thermoscope report``: a run, or two beside each other, as a page, Markdown, JSON or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thermoscope.cli import options
from thermoscope.errors import InputError
from thermoscope.report.forms import FILES, form_of, render


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="A run's folder or its name in runs/. Two runs are compared."),
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", help="html, md, json, png or svg. [default: by the ending of -o, else html]"
        ),
    ] = None,
    json: options.Json = False,
    output: options.Output = None,
) -> None:
    """Write the results of a run as one self-contained page.

    Findings, claims, charts, texts side by side and what ran; for two runs also their differences. The page and
    pictures of one run are written to report.html, .png or .svg in its folder unless -o names a file; Markdown and
    JSON are printed.
    """
    from thermoscope.cli import console
    from thermoscope.cli.show_run import find

    if json and form not in (None, "json"):
        raise InputError(f"--json and --format {form} contradict each other; leave one out")
    kind = form_of(output, "json" if json else form)
    if output is not None:
        console.check_writable(output)
    with console.status("reading"):
        from thermoscope.report.records.build import run_report

        stores = [find(run) for run in runs]
        made = run_report(*stores)
    if output is None and kind in FILES:
        if len(stores) > 1:
            raise InputError(f"two runs have no folder in common; name the file: -o report.{kind}")
        folder = stores[0].folder
        assert folder is not None
        output = folder / f"report.{kind}"
        console.check_writable(output)
    with console.status("drawing"):
        content = render(made, kind)
    if output is None:
        assert isinstance(content, str)
        console.utf8(content)
    else:
        console.write(output, content)
