"""Consoles: what is printed where, with or without colour; progress on standard error."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from thermoscope.errors import InputError, OutputError
from thermoscope.report.escape import escape

if TYPE_CHECKING:
    from thermoscope.decode.generate import Progress

#: Width of what is written to a file or a pipe.
FILE_WIDTH = 80


def show(printing: Callable[[Console], None], *, no_color: bool) -> None:
    """Print to standard output: as the terminal allows, or as plain lines if it is a pipe or a file."""
    bare = no_color or bool(os.environ.get("NO_COLOR"))
    terminal = Console(color_system=None if bare else "auto")
    if terminal.is_terminal:
        printing(terminal)
    else:
        sys.stdout.write(plain(printing, encoding=sys.stdout.encoding or "utf-8"))


def utf8(text: str) -> None:
    """Write to standard output as UTF-8, whatever the terminal: JSON is nothing else (RFC 8259)."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def plain(printing: Callable[[Console], None], *, encoding: str = "utf-8") -> str:
    """What is printed, without colour and without white space at the ends of lines, at 80 columns or $COLUMNS."""
    buffer = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace", write_through=True)
    printing(Console(file=buffer, width=_columns() or FILE_WIDTH, color_system=None, force_terminal=False))
    buffer.seek(0)
    return "".join(f"{line.rstrip()}\n" for line in buffer.read().splitlines())


def _columns() -> int | None:
    """Width that the environment asks for."""
    value = os.environ.get("COLUMNS", "")
    return int(value) if value.isdecimal() and int(value) >= 20 else None


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[Progress], None]]:
    """A progress line on standard error while a job runs, if that is a terminal; yields the function to feed it."""
    err = Console(stderr=True)
    if not _lively(err):
        yield lambda _: None
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=20),
        bars.TextColumn("{task.completed:.0f}/{task.total:.0f} tokens, {task.fields[texts]}, {task.fields[rate]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None, texts="", rate="", visible=False)

        def update(state: Progress) -> None:
            speed = bar.tasks[0].speed
            bar.update(
                task,
                completed=state.tokens,
                total=state.most_tokens,
                texts=f"{state.finished}/{state.samples} texts",
                rate=f"{speed:.0f}/s" if speed else "",
                visible=True,
            )

        yield update


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress line over texts on standard error, if that is a terminal; yields the function to feed it."""
    err = Console(stderr=True)
    if not _lively(err):
        yield lambda done, all_: None
        return
    from rich import progress as bars

    columns = (bars.TextColumn("{task.description}"), bars.BarColumn(bar_width=20), bars.MofNCompleteColumn(),
               bars.TimeRemainingColumn())  # fmt: skip
    with bars.Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, all_: bar.update(task, completed=done, total=all_)


def say(message: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"thermoscope: {escape(message)}\n")


@contextlib.contextmanager
def status(what: str) -> Iterator[None]:
    """A line on standard error while something is under way, if that is a terminal."""
    err = Console(stderr=True)
    with err.status(what) if _lively(err) else contextlib.nullcontext():
        yield


def _lively(err: Console) -> bool:
    """Whether standard error is a terminal where lines can be drawn over; FORCE_COLOR does not make it one."""
    return sys.stderr.isatty() and err.is_interactive


def check_writable(*paths: Path | None) -> None:
    """Raise OutputError unless files can be written there; tried before the work, so that none is lost."""
    for path in paths:
        if path is not None:
            _check_writable(Path(os.path.realpath(path)))  # the file itself, should the path be a link


def check_places(output: Path | None, html: Path | None) -> None:
    """Raise unless a result can be written to ``output`` and its page to ``html``, which must be another file."""
    check_writable(output, html)
    if output is not None and html is not None and os.path.realpath(output) == os.path.realpath(html):
        raise InputError(f"--output and --html must be two files; got {str(html)!r} for both; change one")


def _check_writable(path: Path) -> None:
    try:
        existed = path.exists()
        with path.open("a", encoding="utf-8"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise OutputError(
            f"the output must be a file that can be written; got {str(path)!r} ({error.strerror}); choose another path"
        ) from None


def write(path: Path, content: str | bytes) -> None:
    """Write a file whole, text as UTF-8.

    Raises
    ------
    OutputError
        It can't be written.
    """
    try:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise OutputError(f"the output can't be written to {str(path)!r}: {error.strerror}") from None
    sys.stderr.write(f"wrote {escape(str(path))}\n")


def give(
    to_json: Callable[[], str],
    printing: Callable[[Console], None],
    *,
    as_json: bool,
    output: Path | None,
    no_color: bool,
) -> None:
    """Print or write a result: what ``to_json`` gives where JSON was asked for, else what ``printing`` prints.

    Raises
    ------
    OutputError
        The file can't be written; what was made is then printed.
    """
    if output is not None:
        try:
            write(output, to_json() + "\n" if as_json else plain(printing))
        except OutputError:  # the work is done: what can't be written is printed
            show(printing, no_color=no_color)
            raise
    elif as_json:
        utf8(to_json() + "\n")
    else:
        show(printing, no_color=no_color)


def json(value: object) -> str:
    """As JSON; numbers that are not finite are null."""
    from json import dumps

    from thermoscope.experiment.comparison import finite

    return dumps(finite(value), ensure_ascii=False, indent=2, allow_nan=False, default=str)


def lines(texts: Sequence[str]) -> Callable[[Console], None]:
    """What prints lines, made safe and folded at the terminal's width."""
    from rich.text import Text

    return lambda to: to.print(Text(escape("\n".join(texts))), highlight=False)


def table(names: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "") -> Callable[[Console], None]:
    """What prints a table without borders, or the line ``empty`` where there are no rows."""
    from rich.table import Table
    from rich.text import Text

    if not rows and empty:
        return lines([empty])
    made = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    for i, name in enumerate(names):
        numeric = all(isinstance(row[i], int | float) for row in rows)
        made.add_column(escape(name), justify="right" if numeric else "left", overflow="fold", no_wrap=i == 0)
    for row in rows:
        made.add_row(*(Text(escape("" if value is None else _shown(value), keep="")) for value in row))
    return lambda to: to.print(made, highlight=False)


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
