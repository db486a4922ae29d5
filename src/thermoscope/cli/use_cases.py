"""``thermoscope use-cases``: prompts, objective and reference of a purpose, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thermoscope.errors import InputError, OutputError

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def list_cases(context: typer.Context) -> None:
    """List the use cases that come with Thermoscope."""
    if context.invoked_subcommand is not None:
        return
    from thermoscope.cli import console
    from thermoscope.usecases.load import bundled, load

    cases = [load(name) for name in bundled()]
    console.table(
        ["name", "objective", "prompts", "held out", "tokens", "title"],
        [[c.name, c.objective, len(c.open_prompts), len(c.held_out_prompts), c.max_new_tokens, c.title] for c in cases],
    )


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A use case by name, or a .toml file.")],
    json: _Json = False,
) -> None:
    """Show a use case."""
    from thermoscope.cli import console
    from thermoscope.usecases.load import load

    case = load(name)
    reference = case.reference_statistics()
    if json:
        console.json({**case.model_dump(mode="json"), "id": case.content_id, "reference_statistics": reference})
        return
    lines = [f"{case.name}: {case.title}", "", *case.description.strip().splitlines(), ""]
    lines += [f"objective       {case.objective}", f"max_new_tokens  {case.max_new_tokens}"]
    lines += [f"reference       {'none' if reference is None else reference['source']}", ""]
    for prompt in case.prompts:
        kept = "held out: " if prompt.held_out else ""
        answer = "" if prompt.answer is None else f"  -> {prompt.answer}"
        lines.append(f"- {kept}{prompt.text}{answer}")
    console.lines(lines)


def check(file: Annotated[str, typer.Argument(metavar="FILE", help="A .toml file.")]) -> None:
    """Check a use case; say the first thing that is wrong with it, with its line."""
    from thermoscope.cli import console
    from thermoscope.usecases.load import load

    case = load(file)
    case.reference_statistics()
    lines = [f"{case.source}: {len(case.open_prompts)} prompts, {len(case.held_out_prompts)} held out; nothing wrong"]
    if len(case.open_prompts) < 12:
        lines.append("fewer than 12 prompts that are not held out: intervals will be wide")
    console.lines(lines)


def new(file: Annotated[Path, typer.Argument(metavar="FILE", help="A .toml file that is not there yet.")]) -> None:
    """Write a use case to start from."""
    from thermoscope.cli import console
    from thermoscope.usecases.load import FOLDER

    if file.suffix != ".toml":
        raise InputError(f"a use case's file must end in .toml; got {str(file)!r}; write {file.stem or 'mine'}.toml")
    try:
        with file.open("x", encoding="utf-8") as to:
            to.write((FOLDER / "template.txt").read_text(encoding="utf-8"))
    except FileExistsError:
        raise OutputError(
            f"a new use case must not replace a file; {str(file)!r} is there; choose another name"
        ) from None
    except OSError as error:
        raise OutputError(f"the use case can't be written to {str(file)!r}: {error.strerror}") from None
    console.lines([f"wrote {file}; edit it, then: thermoscope use-cases check {file}"])
