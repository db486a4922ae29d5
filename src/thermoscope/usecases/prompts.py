"""Prompts from a file: a line each, or by column; messages as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from thermoscope.errors import InputError
from thermoscope.files.columns import ANSWERS, PROMPTS
from thermoscope.files.paths import MISSING, found_at
from thermoscope.files.reading import most_texts, read_text, shown
from thermoscope.files.table import Table
from thermoscope.files.tables import read_table, suffix_of
from thermoscope.files.values import as_label, prompt_at
from thermoscope.models.chat import as_messages
from thermoscope.usecases.case import Prompt, UseCase
from thermoscope.words import count

#: Columns that hold prompts if none is named, the first that is there; in a file of prompts ``text`` is one too.
COLUMNS = (*PROMPTS, "text")
#: The share of a use case's prompts that is held out, for confirming what was found on the others.
HELD_OUT = 1 / 3
#: Prompts that one file may have: each of them is generated from.
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts of a file.

    Attributes
    ----------
    prompts
        In the order of the file, each once. Messages are the JSON that stands for them (``models.chat.written``).
    source
        The file.
    read_as
        How it was read, a sentence.
    notes
        What was left out or should be known, a sentence each.
    """

    prompts: tuple[Prompt, ...]
    source: str
    read_as: str
    notes: list[str] = field(default_factory=list)


def read_prompts(path: str | Path, *, column: str | None = None, held_out: float = 0.0) -> Prompts:
    """Read prompts.

    A .txt file has one in every line that is not blank, exactly as it stands there without the line's end; JSON,
    JSON lines, CSV, TSV and Parquet files have them in a column, as texts or lists of messages, and answers beside
    them in ``answer``, ``expected`` or ``target``. Line ends within a prompt of a table are kept.

    Parameters
    ----------
    path
        The file; ``-`` is standard input, with lines, or with JSON if it begins as such.
    column
        The column, or a path of fields such as ``request.prompt``; None takes ``prompt``, ``messages``, ``question``,
        ``input``, ``instruction`` or ``text``.
    held_out
        The share of prompts, evenly over the file, that is held out, from 0 to less than 1.

    Raises
    ------
    InputError
        The file can't be read, has no prompt, or a prompt that is empty or none.
    """
    path = Path(path)
    notes: list[str] = []
    if suffix_of(path) == ".txt" or str(path) == "-":
        found, read_as = _lines(path, column)
    else:
        table = read_table(path, "a file of prompts")
        name = _column(table, column)
        found = _of_table(table, name, notes)
        read_as = f"{table.source} is read as {table.form}: prompts from {name}."
    if not found:
        raise InputError(f"{shown(path)}: there must be at least one prompt; write one to a line")
    if len(found) > MOST:
        raise InputError(f"{shown(path)}: may have {MOST:,} prompts; has {len(found):,}; take fewer")
    unique = list({prompt.text: prompt for prompt in reversed(found)}.values())[::-1]
    if repeats := len(found) - len(unique):
        notes.append(f"{shown(path)}: {count(repeats, 'prompt')} repeated, taken once.")
    return Prompts(_some_held_out(unique, held_out, notes), str(path), read_as, notes)


def use_case_of_prompts(path: Path) -> UseCase:
    """A use case without claims of its own around the prompts of a file, a third of them held out.

    Raises
    ------
    InputError
        The prompts can't be read.
    """
    return UseCase(
        name=path.name.split(".")[0] or "prompts",
        title=f"Prompts of {path.name}",
        objective="task",
        prompts=read_prompts(path, held_out=HELD_OUT).prompts,
        source=path,
    )


def _lines(path: Path, column: str | None) -> tuple[list[Prompt], str]:
    text = read_text(path, "a file of prompts", most=most_texts())
    source = "standard input" if str(path) == "-" else shown(path)
    if column is not None:
        raise InputError(f"{source}: lines have no columns; leave the column out, or name a .jsonl or .csv file")
    lines = text.replace("\r\n", "\n").split("\n")
    found = [_prompt(line, f"{source}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    return found, f"{source} is read as lines: a prompt each."


def _column(table: Table, column: str | None) -> str:
    names = table.names
    if column is None:
        column = next((name for name in COLUMNS if name in names), None)
        if column is None:
            raise InputError(
                f"{table.source}: no column is called {', '.join(COLUMNS)}; name it ({', '.join(names[:20])})"
            )
    elif not any(found_at(row, column) is not MISSING for row in table.rows):
        raise InputError(
            f"{table.source}: the column of prompts must be one of {', '.join(names[:20])}; got {column!r}"
        )
    return column


def _of_table(table: Table, column: str, notes: list[str]) -> list[Prompt]:
    answers = next((name for name in ANSWERS if name in table.names and name != column), "")
    found: list[Prompt] = []
    missing = 0
    for row, line in zip(table.rows, table.lines, strict=True):
        value = found_at(row, column)
        if value is MISSING or value is None:
            missing += 1
            continue
        place = f"{table.source}, line {line}"
        answer = row.get(answers)
        words = None if answer is None else as_label(answer, f"{place}: {answers}")
        if text := prompt_at(value, f"{place}: {column}"):
            found.append(_prompt(text, place, words))
        else:
            missing += 1
    if missing:
        notes.append(f"{table.source}: {missing:,} of {count(len(table.rows), 'row')} have no prompt and are left out.")
    if answers:
        notes.append(f"{table.source}: answers are from {answers}.")
    return found


def _prompt(text: str, place: str, answer: str | None = None) -> Prompt:
    """A prompt; one that is written as a list of messages is checked as such."""
    try:
        text.encode()
        as_messages(text)
    except UnicodeEncodeError:
        raise InputError(f"{place}: a prompt must be Unicode text; write it in UTF-8") from None
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    return Prompt(text=text, answer=answer)


def _some_held_out(prompts: Sequence[Prompt], share: float, notes: list[str]) -> tuple[Prompt, ...]:
    """Every so many prompts held out, the last of each stretch, so that they come from all over the file."""
    if not 0 <= share < 1:
        raise InputError(f"held_out must be a share from 0 to less than 1; got {share}; write 0.33")
    kept = [int((i + 1) * share + 1e-9) > int(i * share + 1e-9) for i in range(len(prompts))]
    if any(kept):
        notes.append(f"{sum(kept)} of {count(len(prompts), 'prompt')} are held out, evenly over the file.")
    return tuple(
        prompt.model_copy(update={"held_out": True}) if out else prompt
        for prompt, out in zip(prompts, kept, strict=True)
    )
