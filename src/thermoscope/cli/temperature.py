"""``thermoscope temperature``: the setting at which a model would most likely have written a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermoscope.cli import options
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console


def temperature(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A text file (UTF-8); - reads standard input.")],
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the text continues. Without one its first token is given.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="The temperature came after the truncation, as in llama.cpp.")
    ] = False,
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
) -> None:
    """Find the temperature and truncation at which a model would most likely have written a text.

    Says whether the model could be the author at all, and shows the temperature along a long text.
    """
    from thermoscope.cli import console

    how_loaded = options.loading(
        model, revision, device, dtype, chat=chat, system=system, chat_option=chat_option, model_option=model_option
    )
    console.check_writable(output)
    text = _read(file)
    with console.status("loading the libraries and the model"):
        from thermoscope.auditing.text_temperature import temperature_of
        from thermoscope.models.load import load_model
        from thermoscope.report.terminal.text_temperature import print_text_temperature

        loaded = load_model(**how_loaded)
    with console.status("reading the text"):
        found = temperature_of(text, loaded, prompt=prompt, last=last)

    def printing(to: Console) -> None:
        print_text_temperature(found, to)

    console.give(found.to_json, printing, as_json=json, output=output)


def _read(file: str) -> str:
    """The text of a file or of standard input."""
    import sys

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode()
    except OSError as error:
        raise InputError(f"the text can't be read from {file!r}: {error.strerror}; name a text file, or -") from None
    except UnicodeDecodeError as error:
        raise InputError(f"the text must be UTF-8; got {error.object[error.start : error.end]!r}; convert it") from None
