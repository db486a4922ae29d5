"""``thermoscope report``: a run, or two beside each other, as a page, Markdown, JSON or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli import options
from thermoscope.errors import InputError
from thermoscope.files.remote import Remote
from thermoscope.language.saying import ENGLISH, checked_language
from thermoscope.report.forms import FILES, form_of, render

if TYPE_CHECKING:
    from thermoscope.recommending.recommendation import Recommendation
    from thermoscope.report.records.schema import Report


def report(
    runs: Annotated[
        list[str],
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
    language: options.Language = None,
) -> None:
    """Write the results of a run, or what a folder of recommend found, as one self-contained page.

    Findings, claims, charts, texts side by side and what ran; for two runs also their differences. The page and
    pictures of one run are written to report.html, .png or .svg in its folder unless -o names a file; Markdown and
    JSON are printed.
    """
    from thermoscope.cli import console

    if json and form not in (None, "json"):
        raise InputError(f"--json and --format {form} contradict each other; leave one out")
    kind = form_of(output, "json" if json else form)
    spoken = checked_language(ENGLISH if language is None else language, "--language")
    if output is not None:
        console.check_writable(output)
    with console.status("reading"):
        made, folders = _read(runs)
    if output is None and kind in FILES:
        if len(folders) > 1:
            raise InputError(f"two runs have no folder in common; name the file: -o report.{kind}")
        if isinstance(folders[0], Remote):
            raise InputError(f"{folders[0]} is at a URL; name a file here: -o report.{kind}")
        output = folders[0] / f"report.{kind}"
        console.check_writable(output)
    with console.status("drawing"):
        content = render(made, kind, language=spoken)
    if output is None:
        assert isinstance(content, str)
        console.utf8(content)
    else:
        console.write(output, content)


def _read(runs: list[str]) -> tuple[Report | Recommendation, list[Path | Remote]]:
    """What is reported, and the folders that it is in."""
    from thermoscope.cli.show_run import find, folder_of
    from thermoscope.recommending.folder import ANSWER, open_recommendation
    from thermoscope.report.records.build import run_report

    places = [folder_of(run) for run in runs]
    recommended = [place for place in places if isinstance(place, Path) and (place / ANSWER).is_file()]
    if recommended and len(runs) > 1:
        raise InputError(f"{recommended[0]} is a recommendation, which is reported alone; name it alone")
    if recommended:
        return open_recommendation(recommended[0]), places
    stores = [find(run) for run in runs]
    return run_report(*stores), [store.folder for store in stores if store.folder is not None]
