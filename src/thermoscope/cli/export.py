"""``thermoscope export``: a setting for the engine that will serve it, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli import options
from thermoscope.cli.settings import TypedSettings, takes_settings
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.engines.export import Exported
    from thermoscope.engines.reading import Imported
    from thermoscope.models.base import Model
    from thermoscope.settings.params import SamplingParams


@takes_settings
def export(
    temperature: options.Temperature = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="ENGINE",
            help="transformers, vllm, sglang, llama.cpp, ollama, tgi, openai, anthropic, gemini, "
            "text-generation-webui or mlx-lm.",
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Read a setting from an engine's file (- is standard input)."),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write the setting that a folder of thermoscope recommend recommends."),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="ENGINE", help="Whose format FILE has, where form, name and fields don't tell."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse anything but exact, also in what --from reads.")
    ] = False,
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
    model_option: options.ModelOption = None,
    chat: options.Chat = None,
    system: options.System = None,
    chat_option: options.ChatOption = None,
    json: options.Json = False,
    output: options.Output = None,
    *,
    asked: TypedSettings,
) -> None:
    """Write a setting for another engine, with a verdict per parameter; or read one.

    Of a file it says what the engine adds, what it ignores and what it does otherwise, whether it is only read or goes
    on to another engine. Every neutral value is written out, because an engine's defaults are not neutral. What differs
    is measured: total variation between our distribution and theirs, on next-token distributions of the model.
    """
    from thermoscope.cli import console
    from thermoscope.engines.export import export as write
    from thermoscope.engines.model_config import fields_of
    from thermoscope.engines.reading import read
    from thermoscope.engines.registry import engine_named
    from thermoscope.engines.settings_file import read_settings
    from thermoscope.files.reading import read_text
    from thermoscope.ran.provenance import EngineFile, export_command, what_ran
    from thermoscope.report.terminal.export import print_export, print_import
    from thermoscope.settings.values import number_of

    console.check_writable(output)
    how_loaded = options.loading(
        model, revision, device, dtype, chat=chat, system=system, chat_option=chat_option, model_option=model_option
    )
    if to is None and (from_ is None or run is not None):
        raise InputError("give --to ENGINE to write a setting, or --from FILE to read one")
    for engine in (to, format_):
        if engine is not None:
            engine_named(engine)
    if to is None and prompt:
        raise InputError("--prompt is what differences from another engine are measured on; add --to ENGINE")
    if format_ is not None and from_ is None:
        raise InputError("--format says how a file is read; add --from FILE, or leave it out")
    hot = None if temperature is None else number_of(temperature)
    file: EngineFile | None = None
    imported: Imported | None = None
    loaded: Model | None = None

    def load() -> Model:
        with console.status("loading the libraries and the model"):
            from thermoscope.models.load import load_model

            return load_model(**how_loaded)

    if from_ is not None:
        if model is not None:
            loaded = load()
        piped = read_text(from_, "a setting") if str(from_) == "-" else None
        file = EngineFile(None if piped is not None else str(from_), piped or "", format_)
        imported = (
            read_settings(from_, format=format_, strict=strict, behind=loaded)
            if piped is None
            else read(piped, format_, strict=strict, behind=None if loaded is None else fields_of(loaded))
        )
        hotter = ["temperature"] if temperature is not None else []
        if given := [*asked.words, *hotter, *(["params"] if asked.source else [])]:
            raise InputError(f"--from reads the setting from the file; leave --{given[0].replace('_', '-')} out")
    params = asked.settings(temperature=hot) if imported is None else imported.params
    if run is not None:
        typed = [*asked.words, *(["temperature"] if temperature else []), *(["params"] if asked.source else [])]
        if typed or from_ is not None:
            raise InputError(f"--run has the setting; leave --{typed[0].replace('_', '-') if typed else 'from'} out")
        params = recommended(run)
    result: Exported | None = None
    measured_on = loaded
    if to is not None:
        result = write(params, to, strict=strict and asked.source != "model")
        if asked.source == "model" or (not result.exact and not no_measure):
            loaded = load() if loaded is None else loaded
            params = params if imported is not None or run is not None else asked.settings(loaded, temperature=hot)
            with console.status("measuring"):
                result = write(params, to, model=None if no_measure else loaded, prompts=prompt, strict=strict)
        if result.distance is not None:
            measured_on = loaded
    command = export_command(
        file or params, to, measured_on, prompt or (), strict=strict, measured=to is None or not no_measure,
        named=model is not None,
    )  # fmt: skip
    ran = what_ran(measured_on, command, settings=(params,))
    read_record = None if imported is None else imported.to_dict()

    def to_json() -> str:
        if result is None:
            return console.json({**(read_record or {}), "ran": ran.to_dict()})
        return console.json({**result.to_dict(), "imported": read_record, "ran": ran.to_dict()})

    def printing(to_console: Console) -> None:
        if result is not None:
            print_export(result, ran, to_console, imported)
        elif imported is not None:
            print_import(imported, ran, to_console)

    console.give(to_json, printing, as_json=json, output=output)


def recommended(folder: Path) -> SamplingParams:
    """The setting that a folder of ``recommend``, by its path or its name in ``runs/``, recommends.

    Raises
    ------
    InputError
        It recommends none.
    RunError
        It holds no recommendation.
    """
    from thermoscope.recommending.folder import open_recommendation
    from thermoscope.runs import RUNS

    there = RUNS / folder if not folder.exists() and (RUNS / folder).is_dir() else folder
    found = open_recommendation(there)
    if found.setting is None:
        raise InputError(f"{there} recommends no setting: {found.finding[1]}")
    return found.setting
