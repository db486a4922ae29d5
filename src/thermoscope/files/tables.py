"""Rows of JSON, JSON lines, CSV and TSV files, every value as it is written there."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from thermoscope.errors import InputError
from thermoscope.files.inspect_log import as_one_object, members
from thermoscope.files.parquet import read_parquet
from thermoscope.files.parsing import TWICE, check_json_depth
from thermoscope.files.promptfoo import FIELDS, one_row_each, outputs_in
from thermoscope.files.reading import ZIP, decoded, most_texts, read_bytes, shown
from thermoscope.files.table import Number, Table
from thermoscope.words import count, quoted

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".eval", ".txt")
#: What separates the columns of a CSV file, and what it is called.
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
#: Rows from which the delimiter is told.
_FIRST_ROWS = 20


def suffix_of(path: Path) -> str:
    """The suffix that says what a file holds: ``.jsonl`` of ``texts.jsonl.gz`` too."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def read_table(path: Path, what: str = "a file of texts", *, keep: Callable[[str], bool] = lambda _: True) -> Table:
    """The rows of a file, by its suffix; standard input holds JSON.

    Parameters
    ----------
    path
        The file, or ``-``.
    what
        What it is, for messages.
    keep
        Which columns of a Parquet file are read.

    Raises
    ------
    InputError
        It can't be read, is of no known kind, or breaks the rules of its form.
    """
    suffix = ".json" if str(path) == "-" else suffix_of(path)
    if suffix not in SUFFIXES:
        raise InputError(
            f"{shown(path)}: a file must end in {', '.join(SUFFIXES)}, or one of these and .gz; convert it, or "
            "rename it"
        )
    data = read_bytes(path, what, most=most_texts())
    source = "standard input" if str(path) == "-" else shown(path)
    if suffix == ".parquet":
        return read_parquet(data, source, keep)
    if suffix == ".eval":
        header, samples = members(data, source, most_texts())
        return as_one_object(
            read_json(header, source), [read_json(sample, f"{source}, {name}") for name, sample in samples]
        )
    if data.startswith(ZIP):
        raise InputError(
            f"{source}: this is a zip archive; unpack it, or, if it is a log of inspect_ai, let its name end in .eval"
        )
    text = decoded(data, path, what)
    if not text.strip():
        return Table(source, "an empty file", [], [])
    if suffix in (".csv", ".tsv"):
        return read_csv(text, source, "\t" if suffix == ".tsv" else None)
    return read_json(text, source)


def read_json(text: str, source: str) -> Table:
    """The rows of JSON lines, of an array, or of one object."""
    check_json_depth(text, source)
    decoder = json.JSONDecoder(
        parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=_fields, strict=False
    )
    start = text.lstrip()
    if start.startswith("["):
        value = _one_document(decoder, text, source)
        return _of_values(list(enumerate(value, 1)), source, "a JSON array", "item")
    if start.startswith("{") and (value := _one_object(decoder, start)) is not None:
        return Table(source, "JSON", [value], [1])
    values: list[tuple[int, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line and not line.isspace():
            values.append((number, _line(decoder, line, f"{source}, line {number}")))
    return _of_values(values, source, "JSON lines", "line")


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        fields |= {name: TWICE for name in fields if names.count(name) > 1}
    return fields


def _one_document(decoder: json.JSONDecoder, text: str, source: str) -> Any:
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{source}, line {error.lineno}: not JSON ({error.msg}); fix the file") from None
    except RecursionError:
        raise InputError(f"{source}: values are nested too deeply; flatten them") from None


def _one_object(decoder: json.JSONDecoder, text: str) -> dict[str, Any] | None:
    """The object that is all of a text; None if there is more, or it is broken off (then its line is told)."""
    first, _, rest = text.partition("\n")
    try:
        decoder.decode(first)
        if rest.strip():
            return None
    except (ValueError, RecursionError):
        pass
    try:
        value, end = decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not text[end:].strip() else None


def _line(decoder: json.JSONDecoder, line: str, place: str) -> Any:
    try:
        return decoder.decode(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON ({error.msg} at character {error.colno}); fix the line") from None
    except RecursionError:
        raise InputError(f"{place}: values are nested too deeply; flatten them") from None


def _of_values(values: Sequence[tuple[int, Any]], source: str, form: str, unit: str) -> Table:
    """A table of objects, or of texts, which then are in the column ``text``."""
    rows: list[dict[str, Any]] = []
    for number, value in values:
        if isinstance(value, dict):
            rows.append(value)
        elif isinstance(value, str) and not isinstance(value, Number):
            rows.append({"text": value})
        else:
            raise InputError(
                f"{source}, {unit} {number}: must be an object with fields, or a text; got {quoted(value)}; fix it"
            )
    return Table(source, form, rows, [number for number, _ in values])


def read_csv(text: str, source: str, delimiter: str | None = None) -> Table:
    """The rows of a CSV or TSV text, all values as text; without a delimiter it is told from the first rows."""
    with _long_fields(len(text)):
        delimiter = delimiter or _delimiter(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            found = [(reader.line_num, row) for row in reader]
        except csv.Error as error:
            raise InputError(f"{source}, line {reader.line_num}: not CSV ({error}); fix the line") from None
    names = next((row for _, row in found), [])
    if not any(names):
        raise InputError(f"{source}: the first line must have the names of the columns; it is empty; write them")
    table = Table(
        source, f"CSV with {_DELIMITERS[delimiter]}", [], [], typed=False, all_names=list(dict.fromkeys(names))
    )
    if outputs := outputs_in(names):
        table.all_names, table.log = list(FIELDS), "promptfoo"
    blank = 0
    for line, values in found[1:]:
        if not values and len(names) > 1:
            blank += 1
            continue
        values = values or [""]  # in a file of one column an empty line is an empty text
        if len(values) != len(names):
            raise InputError(
                f"{source}, line {line}: has {count(len(values), 'field')} where the first line names {len(names)}; "
                'put a text that holds the delimiter or line ends into double quotes ("")'
            )
        new = one_row_each(names, values, outputs) if outputs else [_fields(list(zip(names, values, strict=True)))]
        table.rows += new
        table.lines += [line] * len(new)
    if blank:
        table.notes.append(f"{source}: {count(blank, 'blank line')} skipped.")
    return table


@contextmanager
def _long_fields(most: int) -> Iterator[None]:
    """Fields as long as the text meanwhile; by default the csv module stops at 131,072 characters."""
    before = csv.field_size_limit(max(most, 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _delimiter(text: str) -> str:
    """The delimiter with which the first rows have as many fields as the header, or which the header has most of."""

    def fields(delimiter: str) -> tuple[bool, int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            rows = [row for row, _ in zip(reader, range(_FIRST_ROWS), strict=False)]
        except csv.Error:
            return False, 0
        counts = {len(row) for row in rows if row}
        return len(counts) == 1 and counts != {1}, len(rows[0]) if rows else 0

    return max(_DELIMITERS, key=fields)  # of equals the first, a comma
