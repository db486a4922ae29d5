"""``thermoscope use-cases``: prompts, objective and reference of a purpose, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thermoscope.cli import options
from thermoscope.errors import InputError, OutputError

#: Prompts below which intervals are wide.
_FEW = 12


def alone(context: typer.Context) -> None:
    """List, show, check and make use cases; without a command, list them."""
    if context.invoked_subcommand is None:
        list_cases()


def list_cases(json: options.Json = False, output: options.Output = None) -> None:
    """List the use cases that come with Thermoscope."""
    from thermoscope.cli import console
    from thermoscope.usecases.load import bundled, load

    console.check_writable(output)
    names = ["name", "objective", "prompts", "held out", "tokens", "title"]
    rows = [
        [case.name, case.objective, len(case.open_prompts), len(case.held_out_prompts), case.max_new_tokens, case.title]
        for case in map(load, bundled())
    ]

    def to_json() -> str:
        keys = [name.replace(" ", "_") for name in names]
        return console.json([dict(zip(keys, row, strict=True)) for row in rows])

    console.give(to_json, console.table(names, rows), as_json=json, output=output)


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A use case by name, or a .toml file.")],
    json: options.Json = False,
    output: options.Output = None,
) -> None:
    """Show a use case."""
    from thermoscope.cli import console
    from thermoscope.usecases.load import load

    console.check_writable(output)
    case = load(name)
    reference = case.reference_statistics()

    def to_json() -> str:
        return console.json({**case.model_dump(mode="json"), "id": case.content_id, "reference_statistics": reference})

    lines = [f"{case.name}: {case.title}", "", *case.description.strip().splitlines(), ""]
    lines += [f"objective       {case.objective}", f"max_new_tokens  {case.max_new_tokens}"]
    lines += [f"reference       {'none' if reference is None else reference.get('source', 'without a source')}", ""]
    for prompt in case.prompts:
        kept = "held out: " if prompt.held_out else ""
        answer = "" if prompt.answer is None else f"  -> {prompt.answer}"
        lines.append(f"- {kept}{prompt.text}{answer}")
    console.give(to_json, console.lines(lines), as_json=json, output=output)


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A .toml file.")],
    json: options.Json = False,
    output: options.Output = None,
) -> None:
    """Check a use case; say the first thing that is wrong with it, with its line."""
    from thermoscope.cli import console
    from thermoscope.usecases.load import load

    console.check_writable(output)
    case = load(file)
    case.reference_statistics()
    given, kept = len(case.open_prompts), len(case.held_out_prompts)
    remarks = [f"fewer than {_FEW} prompts that are not held out: intervals will be wide"] if given < _FEW else []

    def to_json() -> str:
        record = {"file": str(case.source), "prompts": given, "held_out": kept}
        return console.json({**record, "remarks": remarks})

    lines = [f"{case.source}: {given} prompts, {kept} held out; nothing wrong", *remarks]
    console.give(to_json, console.lines(lines), as_json=json, output=output)


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .toml file that is not there yet.")],
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="PROMPTS", help="Prompts: .txt with one in a line, .jsonl, .csv, ..., or -."),
    ] = None,
    prompt_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of the prompts. Without one: prompt, messages, ...")
    ] = None,
) -> None:
    """Write a use case to start from; with --from around your own prompts, a third of them held out."""
    from thermoscope.cli import console
    from thermoscope.usecases.case import FOLDER
    from thermoscope.usecases.prompts import HELD_OUT, read_prompts
    from thermoscope.usecases.write import use_case_of

    if file.suffix != ".toml":
        raise InputError(f"a use case's file must end in .toml; got {str(file)!r}; write {file.stem or 'mine'}.toml")
    if from_ is None and prompt_column is not None:
        raise InputError("--prompt-column says where --from finds prompts; add --from FILE, or leave it out")
    remarks: list[str] = []
    if from_ is None:
        text = (FOLDER / "template.txt").read_text(encoding="utf-8")
    else:
        prompts = read_prompts(from_, column=prompt_column, held_out=HELD_OUT)
        text = use_case_of(prompts, file)
        remarks = [prompts.read_as, *prompts.notes]
    try:
        with file.open("x", encoding="utf-8") as to:
            to.write(text)
    except FileExistsError:
        raise OutputError(
            f"a new use case must not replace a file; {str(file)!r} is there; choose another name"
        ) from None
    except OSError as error:
        raise OutputError(f"the use case can't be written to {str(file)!r}: {error.strerror}") from None
    console.show(console.lines([*remarks, f"wrote {file}; edit it, then: thermoscope use-cases check {file}"]))
