"""``thermoscope report``: a run, or two beside each other, as a page, Markdown, JSON or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli import options
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from thermoscope.report.records.schema import Report

#: Formats, and what is written to a file unless told otherwise.
FORMATS = ("html", "md", "json", "png", "svg")
_TO_FILES = ("html", "png", "svg")


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="A run's folder or its name in runs/; two are compared.")
    ],
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="html, md, json, png or svg. By default that of -o, or html."),
    ] = None,
    json: options.Json = False,
    output: options.Output = None,
) -> None:
    """Write what a run found as one page that can be sent.

    Findings, claims, charts, texts side by side, what ran; of two runs also their differences. The page and pictures
    of one run go to report.html, .png or .svg in its folder unless -o says otherwise; Markdown and JSON are printed.
    """
    from thermoscope.cli import console
    from thermoscope.cli.show_run import find

    if json and form not in (None, "json"):
        raise InputError(f"--json and --format {form} contradict each other; leave one out")
    kind = _format("json" if json else form, output)
    if output is not None:
        console.check_writable(output)
    with console.status("reading"):
        from thermoscope.report.records.build import run_report

        stores = [find(run) for run in runs]
        made = run_report(*stores)
    if output is None and kind in _TO_FILES:
        if len(stores) > 1:
            raise InputError(f"two runs have no folder in common; name the file: -o report.{kind}")
        output = stores[0].folder / f"report.{kind}"
        console.check_writable(output)
    with console.status("drawing"):
        content = rendered(made, kind)
    if output is None:
        assert isinstance(content, str)
        console.utf8(content)
    else:
        console.write(output, content)


def _format(form: str | None, output: Path | None) -> str:
    """The format that was asked for, by name or by the file's ending."""
    ending = "" if output is None else output.suffix.removeprefix(".").lower()
    ending = {"markdown": "md", "htm": "html"}.get(ending, ending)
    chosen = form if form is not None else ending if ending in FORMATS else "html"
    if chosen not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}; got {chosen!r}")
    if form is None and ending and ending not in FORMATS:
        raise InputError(f"-o must end in one of {', '.join(f'.{f}' for f in FORMATS)}, or give --format; got {output}")
    return chosen


def rendered(report: Report, kind: str) -> str | bytes:
    """A report in a format."""
    if kind == "json":
        return report.to_json() + "\n"
    if kind == "md":
        return report.to_markdown()
    if kind == "html":
        return report.to_html()
    from thermoscope.report.charts.pictures import picture

    return picture(report, kind)
