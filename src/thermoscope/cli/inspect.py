"""``thermoscope inspect``: the next-token distribution, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli import options
from thermoscope.cli.settings import Asked, takes_settings

if TYPE_CHECKING:
    from rich.console import Console


@takes_settings
def inspect(
    prompt: options.Prompt = None,
    temperature: options.Temperature = None,
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
    json: options.Json = False,
    output: options.Output = None,
    *,
    asked: Asked,
) -> None:
    """Show the next-token distribution before and after every stage of a setting.

    Lists each token with its rank and its probability after each stage, and for each stage the tokens left, the mass
    removed and the entropy.
    """
    from thermoscope.cli import console
    from thermoscope.cli.values import MOST_SEED, read_prompt, whole
    from thermoscope.settings.values import number_of

    how_loaded = options.loading(
        model, revision, device, dtype, chat=chat, system=system, chat_option=chat_option, model_option=model_option
    )
    console.check_writable(output)
    step, many = whole(at_step or "0", "--at-step"), whole(tokens or "12", "--tokens", least=1)
    seed_number = whole(seed or "0", "--seed", most=MOST_SEED)
    hot = None if temperature is None else number_of(temperature)
    asked.settings(temperature=hot)
    text = read_prompt(prompt)
    with console.status("loading the libraries and the model"):
        from thermoscope.comparison.inspection import inspect as run
        from thermoscope.models.load import load_model
        from thermoscope.report.terminal.inspection import print_inspection

        loaded = load_model(**how_loaded)
        result = run(loaded, text, asked.settings(loaded, temperature=hot), at_step=step, seed=seed_number, tokens=many)

    def printing(to: Console) -> None:
        print_inspection(result, to)

    console.give(result.to_json, printing, as_json=json, output=output)
