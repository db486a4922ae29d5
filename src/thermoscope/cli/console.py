"""Consoles: what is printed where, with or without colour; progress on standard error."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from thermoscope.cli.progress import Lines, heartbeat
from thermoscope.errors import InputError, OutputError
from thermoscope.escape import escape
from thermoscope.files.writing import write_whole
from thermoscope.language.saying import ENGLISH, checked_language
from thermoscope.words import count

if TYPE_CHECKING:
    import pyarrow

    from thermoscope.decode.progress import Progress
    from thermoscope.sources.base import Source
    from thermoscope.sources.cluster import Cluster

#: Width of what is written to a file or a pipe.
FILE_WIDTH = 80
#: Sentences that are said beside the name of a page.
SENTENCES = 2


@dataclass(frozen=True, slots=True)
class PageFile:
    """Where a page goes, and its language."""

    path: Path
    language: str


#: Whether ``--no-color`` was given.
_NO_COLOR: ContextVar[bool] = ContextVar("no_color", default=False)


@contextlib.contextmanager
def colourless(*, wanted: bool) -> Iterator[None]:
    """No colours and no other control codes meanwhile, if that is ``wanted``."""
    token = _NO_COLOR.set(wanted)
    try:
        yield
    finally:
        _NO_COLOR.reset(token)


def _bare() -> bool:
    """Whether colours and other control codes are unwanted: ``--no-color``, or NO_COLOR (https://no-color.org)."""
    return _NO_COLOR.get() or bool(os.environ.get("NO_COLOR"))


def show(printing: Callable[[Console], None]) -> None:
    """Print to standard output: as the terminal allows, or as plain lines if it is a pipe or a file."""
    terminal = Console(color_system=None if _bare() else "auto")
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
    """A progress line on standard error while a job runs, in a pipe now and then; yields the function to feed it."""
    err = Console(stderr=True)
    if not _lively(err):
        line = Lines(say)
        yield lambda state: line(
            what,
            state.tokens,
            state.most_tokens,
            f"{state.tokens}/{state.most_tokens} tokens, {_texts(state)}",
        )
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=20),
        bars.TextColumn("{task.completed:.0f}/{task.total:.0f} tokens, {task.fields[texts]}, {task.fields[rate]}"),
        bars.TimeRemainingColumn(),
        bars.TextColumn("left"),
    )
    with bars.Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None, texts="", rate="", visible=False)

        def update(state: Progress) -> None:
            speed = bar.tasks[0].speed
            bar.update(
                task,
                completed=state.tokens,
                total=state.most_tokens,
                texts=_texts(state),
                rate=f"{speed:.0f}/s" if speed else "",
                visible=True,
            )

        yield update


def _texts(state: Progress) -> str:
    """How many texts are finished, and on a cluster by how many workers."""
    said = f"{state.finished}/{state.samples} texts"
    return f"{said}, {count(state.workers, 'worker')}" if state.workers else said


@contextlib.contextmanager
def counting() -> Iterator[Callable[[str, int, int], None]]:
    """A progress line on standard error over what is counted, in a pipe now and then.

    Yields the function to feed it: what is under way, how much is done, how much there is.
    """
    err = Console(stderr=True)
    if not _lively(err):
        line = Lines(say)
        yield lambda what, done, all_: line(what, done, all_, f"{done}/{all_}")
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"), bars.BarColumn(bar_width=20), bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}"), bars.TimeRemainingColumn(), bars.TextColumn("left"),
    )  # fmt: skip
    with bars.Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=None, rate="", visible=False)

        def tell(what: str, done: int, all_: int) -> None:
            if bar.tasks[0].description != what:
                bar.reset(task, description=what, total=all_, visible=True)
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=all_, rate=f"{speed:.3g}/s" if speed else "")

        yield tell


@contextlib.contextmanager
def run_progress() -> Iterator[tuple[Callable[[Progress], None], Callable[[str, int, int], None]]]:
    """Two progress lines, the second in the place of the first once it is fed: as ``progress``, and as ``counting``."""
    with contextlib.ExitStack() as bars:
        generated = bars.enter_context(progress("generating"))
        counted: Callable[[str, int, int], None] | None = None

        def tell(what: str, done: int, all_: int) -> None:
            nonlocal counted
            if counted is None:
                bars.close()
                counted = bars.enter_context(counting())
            counted(what, done, all_)

        yield generated, tell


def say(message: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"thermoscope: {escape(message)}\n")


def say_kept(source: Source) -> None:
    """Say how many answers of an endpoint were kept from before, if any were."""
    if source.usage is not None and (kept := source.usage.cached):
        say(f"{count(kept, 'answer')} {'was' if kept == 1 else 'were'} kept from before; -M cache=false asks again")


@contextlib.contextmanager
def status(what: str) -> Iterator[None]:
    """A line on standard error while something is under way, in a pipe now and then."""
    err = Console(stderr=True)
    with err.status(what) if _lively(err) else heartbeat(what, say):
        yield


@contextlib.contextmanager
def source_in(given: Mapping[str, Any], cluster: Cluster | None) -> Iterator[Source]:
    """The source of a command, opened in this process or by the workers of a cluster, with a line meanwhile.

    At the end it is said how many answers were kept from before.
    ``given`` is what ``open_source`` is given; errors as in ``source_on``.
    """
    with contextlib.ExitStack() as workers:
        if cluster is not None:  # Ray prints what happens to workers, where results go
            workers.enter_context(contextlib.redirect_stdout(sys.stderr))
        with status("loading the libraries and the model"):
            from thermoscope.sources.open import source_on

            how = {name: value for name, value in given.items() if name != "name"}
            source = workers.enter_context(source_on(given["name"], cluster, **how))
        yield source
        say_kept(source)


def _lively(err: Console) -> bool:
    """Whether standard error is a terminal where lines can be drawn over; FORCE_COLOR does not make it one."""
    return sys.stderr.isatty() and err.is_interactive and not _bare()


def check_writable(*paths: Path | None) -> None:
    """Raise OutputError unless files can be written there; tried before the work, so that none is lost."""
    for path in paths:
        if path is not None:
            _check_writable(path)


def check_places(output: Path | None, html: Path | None, language: str | None) -> PageFile | None:
    """The page that is asked for; raise unless it and ``output`` can be written, which must be two files."""
    if language is not None:
        checked_language(language, "--language")
        if html is None:
            raise InputError(f"--language is for a page; got {language!r} without one; add --html FILE")
    check_writable(output, html)
    if output is not None and html is not None and os.path.realpath(output) == os.path.realpath(html):
        raise InputError(f"--output and --html must be two files; got {str(html)!r} for both; change one")
    return None if html is None else PageFile(html, language or ENGLISH)


def _check_writable(path: Path) -> None:
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            # a pipe or a terminal, perhaps a link to one (/dev/stdout): whoever reads a pipe takes closing for its end
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        path = Path(os.path.realpath(path))  # the file itself, should the path be a link
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
    BrokenPipeError
        It is a pipe whose reader has left.
    """
    try:
        write_whole(path, content)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the output can't be written to {str(path)!r}: {error.strerror}") from None
    sys.stderr.write(f"wrote {escape(str(path))}\n")


def write_table(path: Path, table: pyarrow.Table) -> None:
    """Write a table as Parquet, whole or not at all; errors as in ``write``."""
    import pyarrow.parquet

    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    write(path, sink.getvalue().to_pybytes())


def give(
    to_json: Callable[[], str],
    printing: Callable[[Console], None],
    *,
    as_json: bool,
    output: Path | None,
    html: PageFile | None = None,
    page: Callable[[str], str | bytes] = str,
    found: Callable[[], Sequence[str]] = tuple,
) -> None:
    """Give a result: write its ``page``; print the rest, or write it to ``output``, unless the page is all.

    What is printed or written is what ``to_json`` gives where JSON was asked for, else what ``printing`` prints. With a
    page, the first sentences that ``found`` gives stand beside the file's name, on standard error.

    Raises
    ------
    OutputError
        A file can't be written; what was made is then printed.
    """
    try:
        if html is not None:
            write(html.path, page(html.language))
            for sentence in found()[:SENTENCES]:
                sys.stderr.write(f"{escape(sentence, keep='')}\n")
            if not as_json and output is None:
                return
        if output is not None:
            write(output, to_json() + "\n" if as_json else plain(printing))
            return
    except OutputError:  # the work is done: what can't be written is printed
        show(printing)
        raise
    if as_json:
        utf8(to_json() + "\n")
    else:
        show(printing)


def json(value: object) -> str:
    """As JSON; numbers that are not finite are null."""
    from json import dumps

    from thermoscope.comparison.comparison import finite

    return dumps(finite(value), ensure_ascii=False, indent=2, allow_nan=False, default=str)


def lines(texts: Sequence[str]) -> Callable[[Console], None]:
    """What prints lines, made safe and folded at the terminal's width."""
    return lambda to: to.print(Text(escape("\n".join(texts))), highlight=False)


def table(names: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "") -> Callable[[Console], None]:
    """What prints a table without borders, or the line ``empty``; too wide, each row is a block of names and values."""
    if not rows and empty:
        return lines([empty])
    cells = [[escape("" if value is None else _shown(value), keep="") for value in row] for row in rows]
    heads = [escape(name) for name in names]
    numeric = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(names))]
    widest = [max((cell_len(row[i]) for row in [heads, *cells]), default=0) for i in range(len(names))]
    wide = sum(widest) + 2 * len(widest)

    def printing(to: Console) -> None:
        blocks = wide > to.width and sum(min(width, 24) + 2 for width in widest) > to.width
        for part in _blocks(heads, cells) if blocks else [_columns_of(heads, cells, numeric)]:
            to.print(part, highlight=False)

    return printing


def _columns_of(heads: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]) -> Table:
    made = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    for i, (head, number) in enumerate(zip(heads, numeric, strict=True)):
        made.add_column(head, justify="right" if number else "left", overflow="fold", no_wrap=i == 0)
    for row in cells:
        made.add_row(*map(Text, row))
    return made


def _blocks(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> Iterator[Table | Text]:
    for i, row in enumerate(cells):
        if i:
            yield Text()
        made = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
        made.add_column(style="bold", no_wrap=True)
        made.add_column(overflow="fold")
        for head, cell in zip(heads, row, strict=True):
            made.add_row(head, Text(cell))
        yield made


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
