"""``thermoscope export``: a setting for the engine that will serve it, and the way back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli.settings import Asked, takes_settings
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console


@takes_settings
def export(
    temperature: Annotated[
        str | None, typer.Option("-t", "--temperature", metavar="T", help="The temperature (1).")
    ] = None,
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
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Where differences are measured. Without one: the bundled model."),
    ] = None,
    revision: Annotated[str | None, typer.Option(metavar="NAME", help="Branch, tag or commit of the model.")] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1. Without one: cuda if there is one.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(metavar="TYPE", help="float32 (the default), bfloat16, float16 or auto.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON with every record.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file instead.")
    ] = None,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colour and no other control codes (as NO_COLOR).")
    ] = False,
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
    from thermoscope.report.exported import print_export, print_import

    if output is not None:
        console.check_writable(output)
    if to is None and from_ is None:
        raise InputError("give --to ENGINE to write a setting, or --from FILE to read one")
    if to is not None:
        dialect(to)
    if format_ is not None:
        dialect(format_)
    hot = None if temperature is None else number(temperature)
    imported = None if from_ is None else read(_text(from_), format_)
    if imported is not None:
        given = [
            *asked.words,
            *(["temperature"] if temperature is not None else []),
            *(["params"] if asked.source else []),
        ]
        if given:
            raise InputError(f"--from reads the setting from the file; leave --{given[0].replace('_', '-')} out")
        if to is None:
            found = imported

            def printing_import(to_console: Console) -> None:
                print_import(found, to_console)

            text = _json(imported.to_dict())
            console.give(text, printing_import, as_json=json, output=output, no_color=no_color)
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

    def printing(to_console: Console) -> None:
        print_export(result, to_console)

    console.give(_json(result.to_dict()), printing, as_json=json, output=output, no_color=no_color)


def _json(record: dict[str, object]) -> str:
    import json

    return json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False)


def _text(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"--from must be a file that can be read; got {str(path)!r} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"--from must be a text in UTF-8; got {str(path)!r}; convert it") from None
