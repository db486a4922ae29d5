"""``thermoscope measure``: texts from files measured, or a use case generated, stored, measured and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.cli import options
from thermoscope.cli.measuring import MeasureOptions, RunOptions, measure_files, measure_use_case
from thermoscope.cli.misuse import separate_numbers
from thermoscope.cli.settings import TypedSettings, takes_several_settings, typed_settings
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from thermoscope.settings.params import SamplingParams
    from thermoscope.sources.base import Source

#: Temperatures and seeds of a run when nothing is said.
DEFAULT_TEMPERATURES, DEFAULT_SEEDS = ("0.1:1.5:0.1",), 8


@takes_several_settings
def measure(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="JSON lines, JSON, CSV, Parquet, .txt, these and .gz, logs of other tools, or a folder of .txt files.",
        ),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column of the texts, or a path such as choices[0].text. Without one: text, completion, output, ...",
        ),
    ] = None,
    prompt_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column of the prompts, which are cut off texts that begin with them. Without one: prompt, ...",
        ),
    ] = None,
    setting_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Column that says the setting; several make it together. Without one: temperature, top_p, model, ...",
        ),
    ] = None,
    answer_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Column of the expected answers. Without one: answer, expected, target, ..."),
    ] = None,
    length: Annotated[
        str | None, typer.Option(metavar="N", help="Cut texts from files to N tokens: measures depend on length.")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the measures of every text as Parquet.")
    ] = None,
    use_case: Annotated[str | None, typer.Option(metavar="NAME", help="A use case: its name or a .toml file.")] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Generate for your own prompts: .txt with one in a line, .jsonl, .csv, ...; a third is held out.",
        ),
    ] = None,
    temperature: Annotated[list[str] | None, options.temperatures("0.1:1.5:0.1")] = None,
    vary: options.Vary = None,
    seed: options.Seed = None,
    seeds: Annotated[str | None, options.seeds(str(DEFAULT_SEEDS))] = None,
    held_out: Annotated[bool, typer.Option("--held-out", help="Use the prompts that are held out instead.")] = False,
    max_new_tokens: Annotated[str | None, options.max_new_tokens("the use case's")] = None,
    stop: options.Stop = None,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the run is kept (without one in runs/), or texts from files are (without one they are not); a "
            "path or a URL such as s3://bucket/run.",
        ),
    ] = None,
    model: options.ModelName = None,
    revision: options.Revision = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    model_option: options.ModelOption = None,
    chat: options.Chat = None,
    system: options.System = None,
    chat_option: options.ChatOption = None,
    base_url: options.BaseUrl = None,
    max_rows: options.MaxRows = None,
    keep_tokens: options.KeptTokens = "records",
    on: options.On = None,
    workers: options.WorkerCount = None,
    gpus_per_worker: options.GpusPerWorker = None,
    embedding_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Sentence-embedding model, by name or local path.")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="exact, regex:PATTERN ({answer} in it) or FILE.py:FUNCTION."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Text by people to compare with, in place of the use case's own."),
    ] = None,
    answer_pattern: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Finds the answer in a text, for agreement.")
    ] = None,
    thinking: options.Thinking = "apart",
    everything: options.AllMeasures = False,
    json: options.Json = False,
    output: options.Output = None,
    html: options.Html = None,
    language: options.Language = None,
    *,
    asked: TypedSettings,
) -> None:
    """Measure texts from files, or generate for a use case and measure that.

    Texts from files are scored under a model (perplexity, entropy) where one is named with --model.

    With --use-case the texts, measures, intervals and claims are kept in one folder; the same command goes on where
    it was interrupted, and makes nothing twice.
    """
    if use_case is not None and prompts is not None:
        raise InputError("give --use-case NAME or --prompts FILE, not both; a use case has its own prompts")
    if (files is None) == (use_case is None and prompts is None):
        hint = separate_numbers([*(["-t"] if temperature else []), *(temperature or []), *map(str, files or [])])
        got = "both" if files else "neither"
        hint = hint and f"; {hint}"
        raise InputError(f"give files of texts, --use-case NAME or --prompts FILE; got {got}{hint}")
    for_cases = {
        "-t": temperature, "--vary": vary, "--seed": seed, "--seeds": seeds, "--held-out": held_out or None,
        "--max-new-tokens": max_new_tokens, "--stop": stop, "--max-rows": max_rows,
        "--params": asked.source, "--setting": asked.several or None, "--reference": reference,
        "--base-url": base_url, "--on": on, "--workers": workers, "--gpus-per-worker": gpus_per_worker,
        "--keep-tokens": None if keep_tokens == "records" else keep_tokens,
    } | {f"--{name.replace('_', '-')}": word for name, word in asked.words.items()}  # fmt: skip
    for_files = {
        "--text-column": text_column, "--prompt-column": prompt_column, "--setting-column": setting_column,
        "--answer-column": answer_column, "--length": length, "--parquet": parquet,
    }  # fmt: skip
    extra = [name for name, value in (for_files if files is None else for_cases).items() if value is not None]
    if extra:
        where = "texts from files" if files is None else "--use-case"
        raise InputError(f"{extra[0]} is for {where}; leave it out")
    from thermoscope.cli import console
    from thermoscope.cli.values import seed_numbers, stop_words, whole_number
    from thermoscope.files.remote import place
    from thermoscope.metrics.thinking import thinking_mode
    from thermoscope.runs.plan import kept_tokens

    page_file = console.check_places(output, html, language)
    console.check_writable(parquet)
    said: dict[str, Any] = {
        "revision": revision, "device": device, "dtype": dtype, "chat": chat, "system": system,
        "chat_option": chat_option, "model_option": model_option,
    }  # fmt: skip
    folder = None if run is None else place(run)
    measuring = MeasureOptions(
        embedding_model,
        score,
        reference,
        answer_pattern,
        thinking_mode(thinking, "--thinking"),
        everything,
        json,
        output,
    )
    if files is not None:
        columns: dict[str, str | list[str] | None] = {
            "text": text_column, "prompt": prompt_column, "setting": setting_column, "answer": answer_column,
        }  # fmt: skip
        loading = options.loading(model, **said)
        measure_files(
            files,
            columns,
            whole_number(length, "--length", least=1),
            parquet,
            loading,
            measuring,
            folder=folder,
            html=page_file,
        )
        return
    own = asked.source == "model"
    if own and on is not None:
        raise InputError("--params model reads a model that runs in this process; write the values, or leave --on out")
    source_options = options.source_options(
        model, base_url, max_rows=max_rows, needs_logits={"--params model": own}, **said
    )

    def settings(source: Source | None = None) -> tuple[SamplingParams, ...]:
        loaded = None
        if source is not None and asked.wants_model(source):
            from thermoscope.sources.open import model_behind

            if on is None:
                loaded = model_behind(source, "--params model")
        return typed_settings(temperature, vary or [], asked, loaded, usual=DEFAULT_TEMPERATURES)

    if not own:
        settings()  # what is wrong is said before the model is loaded
    generating = RunOptions(
        source_options,
        settings,
        seed_numbers(seed, seeds, usual=DEFAULT_SEEDS),
        whole_number(max_new_tokens, "--max-new-tokens", least=1),
        stop_words(stop),
        whole_number(max_rows, "--max-rows", least=1),
        held_out=held_out,
        keep_tokens=kept_tokens(keep_tokens, "--keep-tokens"),
        folder=folder,
        html=page_file,
        cluster=options.cluster(on, workers, gpus_per_worker),
    )
    if prompts is not None:
        from thermoscope.usecases.prompts import HELD_OUT, read_prompts

        if str(prompts) == "-":
            raise InputError("--prompts of a run must be in a file, so that it can be made again; got -; save them")
        read = read_prompts(prompts, held_out=HELD_OUT)
        for sentence in (read.read_as, *read.notes):
            console.say(sentence)
    measure_use_case(str(use_case or prompts), generating, measuring)
