"""``thermoscope compare``: one prompt at several temperatures, side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.cli import options
from thermoscope.cli.settings import Asked, takes_settings, varied_settings
from thermoscope.errors import InputError, Interrupted
from thermoscope.words import quoted

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.cli.values import Lengths
    from thermoscope.settings.params import SamplingParams

#: Temperatures when none is given: those of the article's first experiment.
DEFAULT_TEMPERATURES = ("0.3", "0.5", "0.9")


@takes_settings
def compare(
    prompt: options.Prompt = None,
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
    max_rows: options.MaxRows = None,
    json: options.Json = False,
    output: options.Output = None,
    html: options.Html = None,
    *,
    asked: Asked,
) -> None:
    """Compare one prompt at several settings under the same noise.

    Marks where the texts begin to differ, repeated passages and loops; measures each text and puts the measures into
    words.
    """
    from thermoscope.cli import console
    from thermoscope.cli.values import lengths, read_prompt, seed_numbers, stop_words, whole

    how = options.opening(
        model, base_url, revision=revision, device=device, dtype=dtype, chat=chat, system=system,
        chat_option=chat_option, model_option=model_option, max_rows=max_rows, max_length=max_length,
    )  # fmt: skip
    # all that can be known to be wrong without the model is said before it is loaded
    console.check_places(output, html)
    numbers, stops = seed_numbers(seed, seeds), stop_words(stop)
    rows = whole(max_rows, "--max-rows", least=1)
    if experiment is not None:
        given = {
            "a prompt": prompt, "-t": temperature, "--vary": vary, "--max-new-tokens": max_new_tokens,
            "--max-length": max_length, "--params": asked.source,
        } | {f"--{name.replace('_', '-')}": word for name, word in asked.words.items()}  # fmt: skip
        text, over, params, length = _experiment(experiment, given)
    else:
        over, params = varied_settings(temperature, vary or [], asked, usual=DEFAULT_TEMPERATURES)
        length = lengths(max_new_tokens, max_length)
        text = read_prompt(prompt)

    with console.status("loading the libraries and the model"):
        from thermoscope.comparison.compare import compare as run
        from thermoscope.sources.opening import model_behind, open_source

        source = open_source(**how)
    if asked.source == "model":
        loaded = model_behind(source, "--params model")
        over, params = varied_settings(temperature, vary or [], asked, loaded, usual=DEFAULT_TEMPERATURES)
    code = 0
    try:
        with console.progress("comparing") as on_progress:
            result = run(
                source, text, vary=over, params=params, seeds=numbers, stop=stops, max_rows=rows,
                on_progress=on_progress, **length,
            )  # fmt: skip
    except Interrupted as interrupt:
        result, code = interrupt.finished, 130
        done, wanted = len(result.texts), len(result.settings) * len(result.seeds)
        sys.stderr.write(f"thermoscope: interrupted; {done} of {wanted} texts are finished\n")

    console.say_kept(source, len(result.texts))

    def printing(to: Console) -> None:
        from thermoscope.report.terminal.comparison import print_comparison

        print_comparison(result, to)

    def page() -> str | bytes:
        from thermoscope.report.forms import render

        return render(result, "html")

    console.give(result.to_json, printing, as_json=json, output=output, html=html, page=page)
    raise typer.Exit(code)


def _experiment(name: str, given: dict[str, Any]) -> tuple[str, dict[str, Sequence[Any]], SamplingParams, Lengths]:
    """Prompt, temperatures, other parameters and length of one of the article's experiments."""
    from thermoscope.comparison.article import EXPERIMENTS
    from thermoscope.settings.params import SamplingParams

    if name not in EXPERIMENTS:
        raise InputError(f"--experiment must be one of {', '.join(EXPERIMENTS)}; got {quoted(name)}")
    extra = [option for option, value in given.items() if value is not None]
    if extra:
        raise InputError(f"--experiment {name} fixes the prompt and the settings; leave {extra[0]} out")
    chosen = EXPERIMENTS[name]
    length: Lengths = {"max_new_tokens": None, "max_length": chosen.max_length}
    return chosen.prompt, {"temperature": chosen.temperatures}, SamplingParams(top_k=chosen.top_k), length
