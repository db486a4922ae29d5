"""Texts from anywhere: JSON, CSV, Parquet, logs of other tools, or plain files, as columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from thermoscope.errors import InputError
from thermoscope.files.columns import Columns, NamedColumns, rows_and_columns, wanted
from thermoscope.files.paths import MISSING, found_at
from thermoscope.files.reading import kind_of, most_texts, names_in, read_text, shown
from thermoscope.files.remarks import remarks_on
from thermoscope.files.table import Table
from thermoscope.files.tables import read_table, suffix_of
from thermoscope.files.temperature import stated_temperature
from thermoscope.files.values import as_label, prompt_at, texts_at
from thermoscope.words import count, joined

#: What stands in a setting's name for a part that a row does not have.
_NOT_GIVEN = "not given"
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+")


@dataclass(frozen=True, slots=True)
class Found:
    """Texts with their prompts, settings and answers, N each.

    Attributes
    ----------
    texts, prompts, settings
        As read; prompts and settings are "" where there is no such column.
    answers
        Expected answers; None where there is none.
    sources
        The files.
    notes
        What was left out or should be known, a sentence each.
    read_as
        How each file was read and which columns were taken, a sentence each; what must be known first is before it.
    seeds
        Seeds as they are written; "" where there is none.
    contexts
        What precedes each text, for its likelihood, where a prompt is only named; None: the prompt.
    setting_names, setting_parts
        What the parts of a setting are called, such as temperature, and their values for each text; "" where a text
        has none.
    named
        The options that named columns, with their values.
    """

    texts: list[str]
    prompts: list[str]
    settings: list[str]
    answers: list[str | None]
    sources: tuple[str, ...]
    notes: list[str] = field(default_factory=list)
    read_as: list[str] = field(default_factory=list)
    seeds: list[str] = field(default_factory=list)
    contexts: list[str] | None = None
    setting_names: tuple[str, ...] = ()
    setting_parts: list[tuple[str, ...]] = field(default_factory=list)
    named: tuple[tuple[str, str], ...] = ()

    @property
    def temperatures(self) -> list[float | None]:
        """The temperature that each setting says; None where it says none."""
        column = self.setting_names[0] if len(self.setting_names) == 1 else ""
        said = {name: stated_temperature(name, column) for name in set(self.settings)}
        return [said[name] for name in self.settings]


@dataclass(slots=True)
class _Row:
    """One text with what belongs to it."""

    text: str
    prompt: str = ""
    context: str | None = None
    answer: str | None = None
    seed: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)


def read(
    paths: Sequence[Path],
    *,
    text: str | None = None,
    prompt: str | None = None,
    setting: str | Sequence[str] | None = None,
    answer: str | None = None,
) -> Found:
    """Read texts. Values are text as the file has it; nothing is typed by guess.

    Parameters
    ----------
    paths
        Files, by their suffix, folders of .txt files, each of which is one text, or ``-``, standard input with JSON.
    text, prompt, setting, answer
        Names of columns, or paths of fields such as ``choices[0].text``; several settings are one together. Those
        that are not named are taken where columns are called ``prompt``, ``temperature``, ``top_p``, ``model``, ...;
        ``none`` takes none. What is missing is ""; a row without a text is left out.

    Raises
    ------
    InputError
        A file can't be read, is of no known kind, or lacks a column.
    """
    given = NamedColumns(text, prompt, (setting,) if isinstance(setting, str) else tuple(setting or ()), answer)
    rows: list[_Row] = []
    read_as: list[str] = []
    notes: list[str] = []
    for path in paths:
        if kind_of(path, "a file of texts") == "folder":
            files = names_in(path, ".txt")
            if not files:
                raise InputError(f"a folder must hold .txt files; got {shown(path)!r}; name a file, or another folder")
            rows += [_plain(file, given) for file in files]
        elif suffix_of(path) == ".txt":
            rows.append(_plain(path, given))
        else:
            table, columns = _table(path, given)
            rows += _rows(table, columns, notes)
            read_as.append(f"{table.source} is read as {_form(table, columns)}: {columns}.")
            notes += [*table.notes, *columns.notes]
    sources = tuple(str(path) for path in paths)
    if not rows:
        raise InputError(f"there must be at least one text; {', '.join(map(shown, sources))} has none; check the file")
    if given.prompt is not None:
        _cut_prompts(rows, notes)
    return _found(
        rows, given, sources, [*remarks_on([r.text for r in rows], [r.prompt for r in rows]), *notes], read_as
    )


def _table(path: Path, given: NamedColumns) -> tuple[Table, Columns]:
    needed = wanted(given)
    return rows_and_columns(read_table(path, keep=needed.__contains__), given)


def _form(table: Table, columns: Columns) -> str:
    return f"a log of {columns.log} ({table.form})" if columns.log else table.form


def _plain(path: Path, given: NamedColumns) -> _Row:
    for option, name in given.options:
        if option in ("--prompt-column", "--setting-column") and name != "none":
            raise InputError(f"{shown(path)}: plain files have no columns; leave {option} out")
    return _Row(read_text(path, "a text", most=most_texts()))


def _rows(table: Table, columns: Columns, notes: list[str]) -> list[_Row]:
    """The texts of a table, several of one row where it has several."""
    made: list[_Row] = []
    missing = 0
    blank = "" if columns.prompt_is_name else None  # the words that the model saw are not in the file
    for row, line in zip(table.rows, table.lines, strict=True):

        def place(path: str, line: int = line) -> str:
            return f"{table.source}, {'line' if table.form != 'Parquet' else 'row'} {line}: {path}"

        value = found_at(row, columns.text)
        texts = [None] if value is MISSING else texts_at(value, place(columns.text))
        missing += texts.count(None) or not texts
        if all(text is None for text in texts):
            continue

        def at(path: str, row: Mapping[str, object] = row) -> object:
            return None if not path or (found := found_at(row, path)) is MISSING else found

        answer, context = at(columns.answer), at(columns.context)
        shared = _Row(
            "",
            prompt=prompt_at(at(columns.prompt), place(columns.prompt)),
            context=prompt_at(context, place(columns.context)) if context is not None else blank,
            answer=None if answer is None else as_label(answer, place(columns.answer)),
            seed=as_label(at(columns.seed), place(columns.seed)),
            parts={name: as_label(at(path), place(path)) for name, path in columns.settings.items()},
        )
        made += [
            _Row(text, shared.prompt, shared.context, shared.answer, shared.seed, shared.parts)
            for text in texts
            if text is not None
        ]
    if missing:
        notes.append(f"{table.source}: {missing:,} of {len(table.rows):,} rows have no text and are left out.")
    if not table.typed:
        _decimal_points(made, table.source, notes)
    return made


def _decimal_points(rows: Sequence[_Row], source: str, notes: list[str]) -> None:
    """Numbers of settings with a decimal point where a table of text has them with a comma."""
    from thermoscope.settings.stages import PARAMETERS

    names = [
        name
        for name in (rows[0].parts if rows else ())
        if name in PARAMETERS and any(_DECIMAL_COMMA.fullmatch(row.parts[name]) for row in rows)
    ]
    for row in rows:
        row.parts = {
            name: word.replace(",", ".") if name in names and _DECIMAL_COMMA.fullmatch(word) else word
            for name, word in row.parts.items()
        }
    if names:
        notes.append(f"{source}: decimal commas of {joined(names)} are read as points.")


def _cut_prompts(rows: Sequence[_Row], notes: list[str]) -> None:
    """Texts without their own prompt, where they begin with it and the column of prompts was named."""
    cut = [row for row in rows if row.prompt.strip() and row.text.startswith(row.prompt)]
    for row in cut:
        row.text = row.text[len(row.prompt) :]
    if cut:
        notes.insert(0, f"{len(cut):,} of {count(len(rows), 'text')} began with their own prompt, which is cut off.")


def _found(
    rows: Sequence[_Row], given: NamedColumns, sources: tuple[str, ...], notes: list[str], read_as: list[str]
) -> Found:
    names = list(dict.fromkeys(name for row in rows for name in row.parts))
    values = {name: list(dict.fromkeys(row.parts.get(name, "") for row in rows)) for name in names}
    kept = [name for name in names if name in given.settings or len(values[name]) > 1]
    same = [f"{name} is {values[name][0]}" for name in names if name not in kept and values[name][0]]
    if same:
        notes.append(f"The same for all texts: {joined(same)}.")
    some_context = any(row.context is not None for row in rows)
    return Found(
        texts=[row.text for row in rows],
        prompts=[row.prompt for row in rows],
        settings=[_setting(row, kept) for row in rows],
        answers=[row.answer for row in rows],
        sources=sources,
        notes=notes,
        read_as=read_as,
        seeds=[row.seed for row in rows] if any(row.seed for row in rows) else [],
        contexts=[row.prompt if row.context is None else row.context for row in rows] if some_context else None,
        setting_names=tuple(kept),
        setting_parts=[tuple(row.parts.get(name, "") for name in kept) for row in rows],
        named=tuple(given.options),
    )


def _setting(row: _Row, names: Sequence[str]) -> str:
    """The setting's name: the value of its only part, or each part with its name; temperature first."""
    if len(names) == 1:
        return row.parts.get(names[0], "") or ("" if names[0] not in row.parts else _NOT_GIVEN)
    first = sorted(names, key=lambda name: name != "temperature")
    return " ".join(f"{name}={row.parts.get(name, '') or _NOT_GIVEN}" for name in first)
