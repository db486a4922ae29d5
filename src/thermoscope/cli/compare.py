"""``thermoscope compare``: one prompt at several temperatures, side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.cli import options
from thermoscope.cli.settings import TypedSettings, takes_several_settings, typed_settings
from thermoscope.errors import InputError, Interrupted
from thermoscope.words import quoted

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.cli.values import Lengths
    from thermoscope.comparison.comparison import Comparison
    from thermoscope.settings.params import SamplingParams

#: Temperatures when none is given: those of the article's first experiment.
DEFAULT_TEMPERATURES = ("0.3", "0.5", "0.9")


@takes_several_settings
def compare(
    prompt: options.Prompt = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare each prompt of a file instead: .txt with one in a line, .jsonl, .csv, ..., or -.",
        ),
    ] = None,
    temperature: Annotated[list[str] | None, options.temperatures(", ".join(DEFAULT_TEMPERATURES))] = None,
    experiment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="One of the article's experiments instead of a prompt: temperature, creative-story, "
            "technical-explanation (200 tokens in all, top_k 50).",
        ),
    ] = None,
    seed: options.Seed = None,
    seeds: Annotated[str | None, options.seeds("1")] = None,
    vary: options.Vary = None,
    max_new_tokens: Annotated[str | None, options.max_new_tokens("200")] = None,
    max_length: options.MaxLength = None,
    stop: options.Stop = None,
    model: options.ModelName = None,
    revision: options.Revision = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    model_option: options.ModelOption = None,
    chat: options.Chat = None,
    system: options.System = None,
    chat_option: options.ChatOption = None,
    base_url: options.BaseUrl = None,
    thinking: options.Thinking = "apart",
    max_rows: options.MaxRows = None,
    json: options.Json = False,
    output: options.Output = None,
    html: options.Html = None,
    language: options.Language = None,
    *,
    asked: TypedSettings,
) -> None:
    """Compare one prompt at several settings under the same noise.

    Marks where the texts begin to differ, repeated passages and loops; measures each text and puts the measures into
    words.
    """
    from thermoscope.cli import console
    from thermoscope.cli.values import lengths, read_prompt, seed_numbers, stop_words, whole_number
    from thermoscope.metrics.thinking import thinking_mode

    how = options.source_options(
        model, base_url, revision=revision, device=device, dtype=dtype, chat=chat, system=system,
        chat_option=chat_option, model_option=model_option, max_rows=max_rows, max_length=max_length,
        needs_logits={"--params model": asked.source == "model"},
    )  # fmt: skip
    # all that can be known to be wrong without the model is said before it is loaded
    page_file = console.check_places(output, html, language)
    numbers, stops = seed_numbers(seed, seeds), stop_words(stop)
    mode = thinking_mode(thinking, "--thinking")
    rows = whole_number(max_rows, "--max-rows", least=1)
    if experiment is not None:
        given = {
            "a prompt": prompt, "--prompts": prompts,
            "-t": temperature, "--vary": vary, "--max-new-tokens": max_new_tokens,
            "--max-length": max_length, "--params": asked.source, "--setting": asked.several or None,
        } | {f"--{name.replace('_', '-')}": word for name, word in asked.words.items()}  # fmt: skip
        text, settings, length = _experiment(experiment, given)
        texts = [text]
    else:
        settings = typed_settings(temperature, vary or [], asked, usual=DEFAULT_TEMPERATURES)
        length = lengths(max_new_tokens, max_length)
        texts = [read_prompt(prompt)] if prompts is None else _of_file(prompts, prompt, html)

    with console.status("loading the libraries and the model"):
        from thermoscope.comparison.compare import compare as run
        from thermoscope.sources.open import model_behind, open_source

        source = open_source(**how)
    if asked.wants_model(source):
        loaded = model_behind(source, "--params model")
        settings = typed_settings(temperature, vary or [], asked, loaded, usual=DEFAULT_TEMPERATURES)
    code = 0
    results: list[Comparison] = []
    try:
        with console.progress("comparing") as on_progress:
            for text in texts:
                result = run(
                    source, text, settings=settings, seeds=numbers, stop=stops, max_rows=rows,
                    thinking=mode, on_progress=on_progress, **length,
                )  # fmt: skip
                results.append(result)
    except Interrupted as interrupt:
        results.append(interrupt.finished)
        code = 130
        done = sum(len(result.texts) for result in results)
        wanted = len(results[0].settings) * len(results[0].seeds) * len(texts)
        sys.stderr.write(f"thermoscope: interrupted; {done} of {wanted} texts are finished\n")

    console.say_kept(source)

    def to_json() -> str:
        made = [result.to_json() for result in results]
        return made[0] if prompts is None else "[" + ",\n".join(made) + "]"

    def printing(to: Console) -> None:
        from thermoscope.report.terminal.comparison import print_comparison

        for number, result in enumerate(results):
            to.print("\n" * min(number, 1), end="")
            print_comparison(result, to)

    def page(language: str) -> str | bytes:
        from thermoscope.report.forms import render

        return render(results[0], "html", language=language)

    def found() -> Sequence[str]:
        from thermoscope.report.records.build import comparison_report

        return comparison_report(results[0]).finding

    console.give(to_json, printing, as_json=json, output=output, html=page_file, page=page, found=found)
    raise typer.Exit(code)


def _of_file(path: Path, prompt: str | None, html: Path | None) -> list[str]:
    """The prompts of a file; how it was read is said."""
    from thermoscope.cli import console
    from thermoscope.usecases.prompts import read_prompts

    if prompt is not None:
        raise InputError(f"give a prompt or --prompts FILE, not both; got {prompt!r} and {str(path)!r}")
    read = read_prompts(path)
    if html is not None and len(read.prompts) > 1:
        raise InputError(
            f"--html shows one prompt; got {len(read.prompts)}; for a page of all: thermoscope measure --prompts "
            f"{path} --html {html}"
        )
    for sentence in (read.read_as, *read.notes):
        console.say(sentence)
    return [one.text for one in read.prompts]


def _experiment(name: str, given: dict[str, Any]) -> tuple[str, tuple[SamplingParams, ...], Lengths]:
    """Prompt, settings and length of one of the article's experiments."""
    from thermoscope.comparison.article import EXPERIMENTS
    from thermoscope.settings.grid import varied
    from thermoscope.settings.params import SamplingParams

    if name not in EXPERIMENTS:
        raise InputError(f"--experiment must be one of {', '.join(EXPERIMENTS)}; got {quoted(name)}")
    extra = [option for option, value in given.items() if value is not None]
    if extra:
        raise InputError(f"--experiment {name} fixes the prompt and the settings; leave {extra[0]} out")
    chosen = EXPERIMENTS[name]
    length: Lengths = {"max_new_tokens": None, "max_length": chosen.max_length}
    settings = varied({"temperature": chosen.temperatures}, SamplingParams(top_k=chosen.top_k))
    return chosen.prompt, settings, length
