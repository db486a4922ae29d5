"""``thermoscope audit``: what an endpoint does with the sampling parameters that it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli import options
from thermoscope.errors import InputError
from thermoscope.words import quoted

if TYPE_CHECKING:
    from rich.console import Console


def audit(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An endpoint's model, such as vllm/NAME.")],
    base_url: options.BaseUrl = None,
    budget: Annotated[str, typer.Option(metavar="N", help="About how many one-token requests.")] = "2000",
    send: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Audit only what is sent here; may be given again."),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="A prompt instead of the built-in ones; may be given again."),
    ] = None,
    route: Annotated[
        str | None, typer.Option(metavar="ROUTE", help="chat or completions. Without one: completions if it is there.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The model's weights, at hand: everything is then exact.")
    ] = None,
    at_once: Annotated[str, typer.Option(metavar="N", help="The most requests under way.")] = "8",
    cache: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where answers are kept. [default: the user's cache]")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Neither use nor keep answers of earlier audits.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 also where something is refused, added or left open.")
    ] = False,
    html: options.Html = None,
    language: options.Language = None,
    json: options.Json = False,
    output: options.Output = None,
) -> None:
    """Find out whether an endpoint honours temperature, truncation and seed.

    Draws single tokens and estimates the temperature and truncation that made them. Exit code 1: something that was
    sent is not honoured.
    """
    from thermoscope.cli import console
    from thermoscope.cli.values import whole_number
    from thermoscope.models.names import arguments

    if route not in (None, "chat", "completions"):
        raise InputError(f"--route must be chat or completions; got {quoted(route)}; leave it out to have it chosen")
    if fresh and cache is not None:
        raise InputError("--fresh keeps no answers; leave it or --cache out")
    page_file = console.check_places(output, html, language)
    number, crowd = whole_number(budget, "--budget", least=1), whole_number(at_once, "--at-once", least=1)
    sent = arguments(send or [])
    with console.status("loading the libraries"):
        from thermoscope.auditing.protocol import audit as run
        from thermoscope.report.terminal.audit import print_audit
    with console.counting() as tell:
        found = run(
            name, base_url=base_url, budget=number, send=sent, prompts=prompt, route=route,  # type: ignore[arg-type]
            at_once=crowd, cache=cache, keep=not fresh, reference=reference, on_progress=tell,
        )  # fmt: skip

    def printing(to: Console) -> None:
        print_audit(found, to)

    if page_file is not None:
        from thermoscope.report.forms import render

        console.write(page_file.path, render(found, "html", language=page_file.language))
    if page_file is None or json or output is not None:
        console.give(found.to_json, printing, as_json=json, output=output)
    if not (found.strict if strict else found.honoured):
        raise typer.Exit(1)
