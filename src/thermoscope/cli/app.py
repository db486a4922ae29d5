"""The command ``thermoscope``: its commands, and how any failure becomes one line and an exit code.

Exit codes: 0 done, 1 a fault of ours or something that an audit found, 2 bad input or a model that can't be had, 130
interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from inspect import Parameter
from inspect import signature as signature_of
from typing import Annotated, Any, ParamSpec, TextIO

import typer
from typer.core import TyperCommand

from thermoscope._version import __version__
from thermoscope.cli import models, runs, use_cases
from thermoscope.cli.audit import audit
from thermoscope.cli.compare import compare
from thermoscope.cli.export import export
from thermoscope.cli.inspect import inspect
from thermoscope.cli.measure import measure
from thermoscope.cli.recommend import recommend
from thermoscope.cli.report import report
from thermoscope.cli.serve import serve
from thermoscope.cli.spectrum import spectrum
from thermoscope.cli.temperature import temperature
from thermoscope.errors import InputError, PluginWarning, ThermoscopeError

#: Objects made between two searches for cycles, and searches of the young between those of the old. No tensor is ever
#: in a cycle here, so that memory does not wait for them.
_RARELY = (200_000, 20, 50)
#: How often a waiting thread of GNU's OpenMP looks for work before it sleeps, some ten microseconds; torch reads it
#: when it is imported. By default threads spin for milliseconds: beside another busy process that is ten times slower.
_SPINS = "2000"

app = typer.Typer(
    name="thermoscope",
    help="See, measure and compare what decoding parameters do to the text of a language model.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"thermoscope {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


class _LeftError(Exception):
    """The user, or the reader of a pipe, has left. Typer would swallow the two errors that say so; not this one."""


class _Command(TyperCommand):
    """A command that refuses an option that takes one value and is given several times: none is dropped in silence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for option in order:
            takes_one = option.param_type_name == "option" and option.nargs == 1 and not option.multiple
            if takes_one and not getattr(option, "is_flag", False) and order.count(option) > 1:
                name = max(option.opts, key=len)
                raise InputError(f"{name} takes one value and is given several times; give it once")
        return super().parse_args(ctx, args)


P = ParamSpec("P")


def _passing(command: Callable[P, None]) -> Callable[P, None]:
    """The command with ``KeyboardInterrupt`` and ``BrokenPipeError`` as causes of a ``_LeftError``."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (KeyboardInterrupt, BrokenPipeError) as error:
            raise _LeftError from error

    return run


def _with_flag(
    command: Callable[P, None], flag: Parameter, around: Callable[[bool], AbstractContextManager[None]]
) -> Callable[..., None]:
    """The command with one more flag, whose value says what it runs in."""
    signature = signature_of(command, eval_str=True)
    parameters = [*signature.parameters.values(), flag]

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with around(bool(kwargs.pop(flag.name, False))):
            command(*args, **kwargs)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _flag(name: str, *options: str, meaning: str) -> Parameter:
    annotation = Annotated[bool, typer.Option(*options, help=meaning)]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=annotation)


def _talking(command: Callable[P, None]) -> Callable[..., None]:
    """The command with ``-v``, which shows what the library notes while it works."""

    @contextlib.contextmanager
    def noting(verbose: bool) -> Iterator[None]:
        notes = logging.getLogger("thermoscope")
        handler = logging.StreamHandler() if verbose else logging.NullHandler()
        handler.setFormatter(logging.Formatter("thermoscope: %(message)s"))
        notes.setLevel(logging.INFO)
        notes.addHandler(handler)
        try:
            yield
        finally:
            notes.removeHandler(handler)

    flag = _flag("verbose", "-v", "--verbose", meaning="Show how the model runs and what is not supported.")
    return _with_flag(command, flag, noting)


def _plain(command: Callable[P, None]) -> Callable[..., None]:
    """The command with ``--no-color``."""

    def unless_wanted(wanted: bool) -> AbstractContextManager[None]:
        from thermoscope.cli.console import colourless

        return colourless(wanted=wanted)

    flag = _flag("no_color", "--no-color", meaning="No colour and no other control codes (as NO_COLOR).")
    return _with_flag(command, flag, unless_wanted)


for _name, _command in (
    ("compare", compare), ("inspect", inspect), ("export", export), ("spectrum", spectrum), ("measure", measure),
    ("recommend", recommend), ("audit", audit), ("temperature", temperature),
):  # fmt: skip
    app.command(_name, cls=_Command)(_passing(_talking(_plain(_command))))
app.command("report", cls=_Command)(_passing(_plain(report)))
app.command("serve", cls=_Command)(_passing(_talking(serve)))

_use_cases = typer.Typer(rich_markup_mode=None)
_use_cases.callback(invoke_without_command=True)(_passing(use_cases.alone))
_use_cases.command("list", cls=_Command)(_passing(_plain(use_cases.list_cases)))
_use_cases.command("show", cls=_Command)(_passing(_plain(use_cases.show)))
_use_cases.command("check", cls=_Command)(_passing(_plain(use_cases.check)))
_use_cases.command("new", cls=_Command)(_passing(use_cases.new))
app.add_typer(_use_cases, name="use-cases")

_models = typer.Typer(rich_markup_mode=None)
_models.callback(invoke_without_command=True)(_passing(models.alone))
_models.command("list", cls=_Command)(_passing(_plain(models.list_models)))
_models.command("get", cls=_Command)(_passing(models.get))
app.add_typer(_models, name="models")

_runs = typer.Typer(rich_markup_mode=None)
_runs.callback(invoke_without_command=True)(_passing(runs.alone))
_runs.command("list", cls=_Command)(_passing(_plain(runs.list_runs)))
_runs.command("show", cls=_Command)(_passing(_plain(runs.show)))
_runs.command("sql", cls=_Command)(_passing(_plain(runs.sql)))
app.add_typer(_runs, name="runs")


#: What the system says of an output that takes no more, or is closed.
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF)


def main() -> None:
    """Run the command line; exit with its code.

    Importing torch and transformers makes some millions of objects that stay; going through them again and again for
    cycles, and once more at the end, is a sixth of what a short command costs.
    """
    gc.set_threshold(*_RARELY)
    warnings.showwarning = _warn
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
    _open_streams()
    code = _run()
    if "torch" in sys.modules:
        gc.freeze()  # all that is left goes with the process
    sys.exit(code)


def _open_streams() -> None:
    """Open the standard streams that were closed when the process began, so that no file gets one's number by chance.

    Input has nothing, output can't be written, and what is said on standard error goes nowhere.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Say in one line what of another package can't be loaded; other warnings as Python shows them."""
    if issubclass(category, PluginWarning):
        sys.stderr.write(f"thermoscope: {message}\n")
        return
    (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))


@functools.cache
def _commands() -> Any:
    """What Typer builds of ``app``: once, however many lines are run in this process."""
    return typer.main.get_command(app)


def _run() -> int:
    try:
        code = _commands()(prog_name="thermoscope", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        from thermoscope.cli.misuse import misuse

        return _fail(misuse(error, sys.argv[1:]))
    except ThermoscopeError as error:
        return _fail(str(error))
    except (KeyboardInterrupt, BrokenPipeError, _LeftError) as error:
        if isinstance(error, BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError):
            # nothing more to say to the reader, at the end of the interpreter either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        sys.stderr.write("thermoscope: interrupted\n")
        return 130
    except OSError as error:
        if error.filename is not None:
            return _fail(f"{str(error.filename)!r}: {error.strerror}; check the path, and what may be done there")
        if error.errno not in _UNWRITABLE:
            raise
        # what is left of the output would fail once more as the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        why = "it is closed" if error.errno == errno.EBADF else error.strerror
        return _fail(f"standard output can't be written ({why}); make room there, or write elsewhere with -o")
    return code if isinstance(code, int) else 0


def _fail(message: str) -> int:
    from thermoscope.cli.misuse import shortened
    from thermoscope.escape import escape

    sys.stderr.write(f"thermoscope: error: {escape(shortened(message))}\n")
    return 2


if __name__ == "__main__":
    main()
