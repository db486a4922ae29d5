"""Which columns of a table hold texts, prompts, settings, seeds and answers: those named, or those so called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from thermoscope.errors import InputError
from thermoscope.files.logs import Log, chats_of, log_of, split_chats, unpacked
from thermoscope.files.paths import MISSING, found_at, parts_of
from thermoscope.files.table import Table
from thermoscope.files.values import as_label, as_text, prompt_at
from thermoscope.settings.stages import PARAMETERS
from thermoscope.words import joined, nearest, quoted

#: Columns that are taken if none is named: the first of these that is there.
TEXTS = (
    "text", "completion", "output", "response", "generated_text", "completions", "outputs", "responses",
    "generated_texts", "generation", "generations",
)  # fmt: skip
PROMPTS = ("prompt", "messages", "question", "input", "instruction")
ANSWERS = ("answer", "expected_answer", "expected", "target", "ideal")
SEEDS = ("seed",)
#: Columns that make the setting, each that is there, and objects in which they are looked for as well.
SETTINGS = ("setting", "model", *PARAMETERS)
WITHIN = ("params", "parameters", "sampling_params", "generation_config", "config")
#: What a column's option is given to take no column, not even one so called.
NONE = "none"


@dataclass(frozen=True, slots=True)
class NamedColumns:
    """The columns that were named; None where none was."""

    text: str | None = None
    prompt: str | None = None
    settings: tuple[str, ...] = ()
    answer: str | None = None

    @property
    def options(self) -> list[tuple[str, str]]:
        """Each option with the column that it names."""
        single = (("--text-column", self.text), ("--prompt-column", self.prompt), ("--answer-column", self.answer))
        return [
            *((option, name) for option, name in single if name is not None),
            *(("--setting-column", name) for name in self.settings),
        ]


@dataclass(slots=True)
class Columns:
    """Where things stand in the rows of one table, as paths; "" where they don't.

    Attributes
    ----------
    settings
        Name of each part of the setting -> its path.
    context
        Where the words that the model saw stand, if ``prompt`` only names them, and the file has them.
    prompt_is_name
        Whether ``prompt`` only names them.
    log
        The tool whose log it is, or "".
    notes
        What is to be known, a sentence each.
    """

    text: str
    prompt: str = ""
    seed: str = ""
    answer: str = ""
    context: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    prompt_is_name: bool = False
    log: str = ""
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """What was taken for what."""
        parts = [("texts", self.text), ("prompts", self.prompt)]
        parts += [("settings", joined(self.settings.values())), ("seeds", self.seed), ("answers", self.answer)]
        return ", ".join(f"{what} from {path}" for what, path in parts if path)


def wanted(given: NamedColumns) -> frozenset[str]:
    """The names of top-level columns that may be needed, for what is read column by column."""
    named = [name for _, name in given.options]
    first = [str(parts_of(name)[0]) for name in named if name and not name.startswith("[")]
    return frozenset((*TEXTS, *PROMPTS, *ANSWERS, *SEEDS, *SETTINGS, *WITHIN, *named, *first))


def rows_and_columns(table: Table, given: NamedColumns) -> tuple[Table, Columns]:
    """The rows that hold texts, and which columns hold what.

    Raises
    ------
    InputError
        A column that was named is not there, or none is called as texts are.
    """
    if given.text is None:
        table = unpacked(table)
    log = log_of(table) if given.text is None else None
    if log is None and given.text is None and not any(name in table.names for name in TEXTS) and chats_of(table):
        split_chats(table)
        table.form += " of chats"
    found = _of_log(log, table) if log is not None else Columns(text=_text(table, given))
    for option, name in given.options:
        _check_there(table, option, name)
    if log is None:
        others = {found.text}
        found.prompt = _first(table, PROMPTS, others)
        found.seed = _first(table, SEEDS, others)
        found.answer = _first(table, ANSWERS, others)
        found.settings = _settings(table, others | {found.prompt}, WITHIN)
    _take_named(given, found)
    _leave_unusable(table, given, found)
    return table, found


def _of_log(log: Log, table: Table) -> Columns:
    settings = {name: path for name, path in log.settings if _there(table, path)}
    settings |= _settings(table, (), (log.within,), ()) if log.within else {}
    where = {
        name: path for name in ("prompt", "answer", "seed", "context") if _there(table, path := getattr(log, name))
    }
    notes = [f"{table.source}: {log.note}."] if log.note else []
    return Columns(
        text=log.text, settings=settings, log=log.name, notes=notes, prompt_is_name=log.prompt_is_name, **where
    )


def _take_named(given: NamedColumns, found: Columns) -> None:
    """What was named takes the place of what is so called."""
    if given.prompt is not None:
        found.prompt, found.context = "" if given.prompt == NONE else given.prompt, ""
        found.prompt_is_name = False
    if given.answer is not None:
        found.answer = "" if given.answer == NONE else given.answer
    if given.settings:
        found.settings = {name: name for name in given.settings if name != NONE}


def _leave_unusable(table: Table, given: NamedColumns, found: Columns) -> None:
    """Take no column that nobody named if its values are not what they should be, and say so."""
    named = {name for _, name in given.options}

    def usable(path: str, read: Callable[[Any, str], object]) -> bool:
        if not path or path in named:
            return True
        try:
            for row in table.rows:
                if (value := found_at(row, path)) is not MISSING:
                    read(value, path)
        except InputError as error:
            found.notes.append(f"{table.source}: column {path!r} is not used ({error}).")
            return False
        return True

    found.prompt = found.prompt if usable(found.prompt, prompt_at) else ""
    found.context = found.context if usable(found.context, prompt_at) else ""
    found.seed = found.seed if usable(found.seed, as_text) else ""
    found.answer = found.answer if usable(found.answer, as_label) else ""
    found.settings = {name: path for name, path in found.settings.items() if usable(path, as_text)}


def _text(table: Table, given: NamedColumns) -> str:
    if given.text is not None:
        return given.text
    chosen = _first(table, TEXTS, ())
    if not chosen and table.rows:
        names = table.names
        raise InputError(
            f"{table.source}: no column is called {', '.join(TEXTS[:5])}; name it with --text-column, "
            f"a field within another as a path such as a.b[0].c ({_listed(names) or 'no row has a field'})"
        )
    return chosen


def _first(table: Table, names: Iterable[str], but: Iterable[str]) -> str:
    there = set(table.names)
    return next((name for name in names if name in there and name not in but), "")


def _settings(
    table: Table, but: Iterable[str], within: Sequence[str], names: Sequence[str] = SETTINGS
) -> dict[str, str]:
    """The parts of the setting: columns so called, and parameters in objects that hold parameters."""
    there = set(table.names)
    found = {name: name for name in names if name in there and name not in but}
    for outer in within:
        objects = [value for row in table.rows if isinstance(value := found_at(row, outer), Mapping)]
        inside = {name for value in objects for name in value}
        found |= {name: f"{outer}.{name}" for name in PARAMETERS if name in inside and name not in found}
    return found


def _there(table: Table, path: str) -> bool:
    return bool(path) and any(found_at(row, path) not in (MISSING, None) for row in table.rows)


def _check_there(table: Table, option: str, name: str) -> None:
    names = table.names
    if name in names or (name == NONE and option != "--text-column") or not (table.rows or names):
        return
    if any(found_at(row, name) is not MISSING for row in table.rows):
        return
    raise InputError(
        f"{table.source}: {option} must be one of {_listed(names)}; got {quoted(name)}{nearest(name[:100], names)}"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name if len(name) <= 40 else f"{name[:37]}..." for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")
