"""``thermoscope export``: a setting for the engine that will serve it, and the way back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli import options
from thermoscope.cli.settings import Asked, takes_settings
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.engines.reading import Imported


@takes_settings
def export(
    temperature: options.Temperature = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="ENGINE",
            help="transformers, vllm, sglang, llama.cpp, ollama, tgi, openai, anthropic, gemini or "
            "text-generation-webui.",
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Read a setting from an engine's file (- is standard input)."),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="ENGINE", help="Whose format FILE has, where it can't be told.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse anything but exact.")] = False,
    no_measure: Annotated[
        bool, typer.Option("--no-measure", help="Load no model; say what differs, but not by how much.")
    ] = False,
    prompt: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="A prompt to measure differences on; may be given again."),
    ] = None,
    model: options.ModelName = None,
    revision: options.Revision = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    json: options.Json = False,
    output: options.Output = None,
    no_color: options.NoColor = False,
    *,
    asked: Asked,
) -> None:
    """Write a setting for another engine, with a verdict per parameter; or read one.

    Every neutral value is written out, because an engine's defaults are not neutral. What differs is measured: total
    variation between our distribution and theirs, on next-token distributions of the model.
    """
    from thermoscope.cli import console
    from thermoscope.cli.values import number
    from thermoscope.engines.export import dialect
    from thermoscope.engines.export import export as run
    from thermoscope.engines.reading import read
    from thermoscope.experiment.provenance import export_command, what_ran
    from thermoscope.report.exported import print_export

    console.check_writable(output)
    if to is None and from_ is None:
        raise InputError("give --to ENGINE to write a setting, or --from FILE to read one")
    for engine in (to, format_):
        if engine is not None:
            dialect(engine)
    hot = None if temperature is None else number(temperature)
    imported = None
    if from_ is not None:
        text = _text(from_)
        imported = read(text, format_)
        hotter = ["temperature"] if temperature is not None else []
        if given := [*asked.words, *hotter, *(["params"] if asked.source else [])]:
            raise InputError(f"--from reads the setting from the file; leave --{given[0].replace('_', '-')} out")
        if to is None:
            _give_import(imported, from_, text, format_, as_json=json, output=output, no_color=no_color)
            return
    assert to is not None
    params = asked.settings(temperature=hot) if imported is None else imported.params
    loaded = None
    result = run(params, to, strict=strict and asked.source != "model")
    if asked.source == "model" or (not result.exact and not no_measure):
        with console.status("loading the libraries and the model"):
            from thermoscope.models.load import load_model

            loaded = load_model(model, revision=revision, device=device, dtype=dtype)
        if imported is None:
            params = asked.settings(loaded, temperature=hot)
        with console.status("measuring"):
            result = run(params, to, model=None if no_measure else loaded, prompts=prompt, strict=strict)
    measured_on = loaded if result.distance is not None else None
    command = export_command(params, to, measured_on, prompt or (), strict=strict, measured=not no_measure)
    ran = what_ran(measured_on, command, settings=(params,))

    def to_json() -> str:
        return console.json({**result.to_dict(), "ran": ran.to_dict()})

    def printing(to_console: Console) -> None:
        print_export(result, ran, to_console)

    console.give(to_json, printing, as_json=json, output=output, no_color=no_color)


def _give_import(
    imported: Imported,
    path: Path,
    text: str,
    engine: str | None,
    *,
    as_json: bool,
    output: Path | None,
    no_color: bool,
) -> None:
    """Print or write what was read."""
    from thermoscope.cli import console
    from thermoscope.experiment.provenance import import_command, what_ran
    from thermoscope.report.exported import print_import

    command = import_command(None if str(path) == "-" else str(path), text, engine)
    ran = what_ran(None, command, settings=(imported.params,))

    def to_json() -> str:
        return console.json({**imported.to_dict(), "ran": ran.to_dict()})

    def printing(to_console: Console) -> None:
        print_import(imported, ran, to_console)

    console.give(to_json, printing, as_json=as_json, output=output, no_color=no_color)


def _text(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"--from must be a file that can be read; got {str(path)!r} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"--from must be a text in UTF-8; got {str(path)!r}; convert it") from None
