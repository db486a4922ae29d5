"""``thermoscope inspect``: the next-token distribution, stage by stage or at several temperatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.cli import options
from thermoscope.cli.settings import TypedSettings, takes_settings

if TYPE_CHECKING:
    from rich.console import Console

    from thermoscope.models.base import Model
    from thermoscope.settings.params import SamplingParams


@takes_settings
def inspect(
    prompt: options.Prompt = None,
    temperature: Annotated[list[str] | None, options.temperatures("1")] = None,
    at_step: Annotated[
        str | None,
        typer.Option(metavar="N", help="Look at the token after the first N generated ones. [default: 0]"),
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="N", help="The seed. [default: 0]")] = None,
    tokens: Annotated[str | None, typer.Option(metavar="N", help="How many tokens to list. [default: 12]")] = None,
    model: options.ModelName = None,
    revision: options.Revision = None,
    device: options.Device = None,
    dtype: options.Dtype = None,
    model_option: options.ModelOption = None,
    chat: options.Chat = None,
    system: options.System = None,
    chat_option: options.ChatOption = None,
    html: options.Html = None,
    language: options.Language = None,
    json: options.Json = False,
    output: options.Output = None,
    *,
    asked: TypedSettings,
) -> None:
    """Show the next-token distribution before and after every stage of a setting, or at several temperatures.

    Lists each token with its rank and its probability after each stage, and for each stage the tokens left, the mass
    removed and the entropy. With several temperatures (-t 0.2,0.7,1.5) it shows how they reshape one distribution.
    """
    from thermoscope.cli import console
    from thermoscope.cli.values import MOST_SEED, numbers, read_prompt, whole_number
    from thermoscope.settings.grid import varied

    how_loaded = options.loading(
        model, revision, device, dtype, chat=chat, system=system, chat_option=chat_option, model_option=model_option
    )
    page_file = console.check_places(output, html, language)
    step, many = whole_number(at_step or "0", "--at-step"), whole_number(tokens or "12", "--tokens", least=1)
    seed_number = whole_number(seed or "0", "--seed", most=MOST_SEED)
    hot = None if temperature is None else numbers(temperature, "temperature")

    def settings(loaded: Model | None = None) -> tuple[SamplingParams, ...]:
        params = asked.settings(loaded)
        return varied({"temperature": [params.temperature] if hot is None else hot}, params)

    if asked.source != "model":
        settings()  # what is wrong is said before the model is loaded
    text = read_prompt(prompt)
    with console.status("loading the libraries and the model"):
        from thermoscope.comparison import inspection
        from thermoscope.models.load import load_model

        loaded = load_model(**how_loaded)
        chosen = settings(loaded)
        how: dict[str, Any] = {"at_step": step, "seed": seed_number, "tokens": many}
        result = (
            inspection.inspect(loaded, text, chosen[0], **how)
            if len(chosen) == 1
            else inspection.inspect_temperatures(loaded, text, [s.temperature for s in chosen], chosen[0], **how)
        )

    def printing(to: Console) -> None:
        from thermoscope.report.terminal.inspection import print_inspection

        print_inspection(result, to)

    def page(language: str) -> str | bytes:
        from thermoscope.report.forms import render

        return render(result, "html", language=language)

    def found() -> list[str]:
        from thermoscope.report.distributions import drawn_sentences

        return drawn_sentences(result)

    console.give(result.to_json, printing, as_json=json, output=output, html=page_file, page=page, found=found)
