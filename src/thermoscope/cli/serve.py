"""``thermoscope serve``: the playground, a page on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from thermoscope.cli import options


def serve(
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help=options.ModelName.__metadata__[0].help)
    ] = None,
    base_url: options.BaseUrl = None,
    host: Annotated[str, typer.Option(metavar="NAME", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="The port; 0 takes a free one.")] = 8017,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    chat: options.Chat = None,
    system: options.System = None,
    dtype: options.Dtype = None,
    device: options.Device = None,
) -> None:
    """Open the playground: a page on this machine that shows next tokens, texts, settings side by side and more."""
    from thermoscope.cli import console
    from thermoscope.models import smollm2
    from thermoscope.runs import RUNS
    from thermoscope.web.models import Models
    from thermoscope.web.server import serve as serve_page

    names = model or ["bundled", *(["smollm2"] if smollm2.find() else [])]
    given = {"chat": chat, "system": system, "dtype": dtype, "device": device}
    models = Models(names, base_url, {name: value for name, value in given.items() if value is not None})

    def ready(address: str) -> None:
        console.show(console.lines([f"Thermoscope is at {address}", "Stop it with Ctrl-C."]))
        if open_page:
            import webbrowser

            webbrowser.open(address)

    serve_page(models, host=host, port=port, runs=RUNS, on_ready=ready)
