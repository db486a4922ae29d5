"""Texts from anywhere: JSON lines, CSV, Parquet, or a folder of plain files, as columns."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError

if TYPE_CHECKING:
    import pyarrow

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".txt")
#: The column of texts, if it is not named: the first of these that is there.
TEXT_COLUMNS = ("text", "completion", "output", "response", "generated_text")
#: A temperature in a setting's name, and what a column is called that holds nothing else.
_TEMPERATURE = re.compile(r"(?<![a-z_])(?:t|temp|temperature) ?[=:] ?([0-9.]+(?:e-?[0-9]+)?)", re.IGNORECASE)
_TEMPERATURE_COLUMNS = ("temperature", "temp", "t")


@dataclass(frozen=True, slots=True)
class Found:
    """Texts with their prompts, settings and answers, N each.

    Attributes
    ----------
    texts, prompts, settings
        As read; prompts and settings are "" where no column was named.
    temperatures
        As the settings say them (``stated_temperature``); None where they don't.
    answers
        Expected answers; None where there is none.
    sources
        The files.
    notes
        What was left out, a sentence each.
    """

    texts: list[str]
    prompts: list[str]
    settings: list[str]
    answers: list[str | None]
    sources: tuple[str, ...]
    notes: list[str] = field(default_factory=list)
    temperatures: list[float | None] = field(default_factory=list)


def stated_temperature(setting: str, column: str) -> float | None:
    """The temperature that a setting says: ``T=0.7 top_p=0.9``, or 0.7 in a column called temperature.

    None where it says none, or one that changes from step to step (``dynatemp_range``).
    """
    if "dynatemp" in setting:
        return None
    said = _TEMPERATURE.search(setting)
    number = said[1] if said else setting if column.lower() in _TEMPERATURE_COLUMNS else ""
    try:
        value = float(number)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def read(
    paths: Sequence[Path],
    *,
    text: str | None = None,
    prompt: str | None = None,
    setting: str | None = None,
    answer: str | None = None,
) -> Found:
    """Read texts.

    Parameters
    ----------
    paths
        Files, by their suffix, or folders of .txt files, each of which is one text.
    text, prompt, setting, answer
        Names of columns. Numbers become text, what is missing ""; a row without a text is left out.

    Raises
    ------
    InputError
        A file can't be read, is of no known kind, or lacks a column.
    """
    found = Found([], [], [], [], tuple(str(path) for path in paths))
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder; check the path")
        if path.is_dir():
            files = sorted(path.glob("*.txt"))
            if not files:
                raise InputError(f"a folder must hold .txt files; got {str(path)!r}; name a file, or another folder")
            for file in files:
                _add_plain(found, file, prompt, setting)
        elif path.suffix.lower() == ".txt":
            _add_plain(found, path, prompt, setting)
        else:
            _add_table(found, path, _table(path), text, prompt, setting, answer)
    if not found.texts:
        raise InputError(f"there must be at least one text; {', '.join(found.sources)} has none; check the file")
    return found


def _add_plain(found: Found, path: Path, prompt: str | None, setting: str | None) -> None:
    for option, name in (("--prompt-column", prompt), ("--setting-column", setting)):
        if name is not None:
            raise InputError(f"{path}: plain files have no columns; leave {option} out")
    try:
        found.texts.append(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: a text must be UTF-8; byte {error.start} is not; convert it") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror}); check the path") from None
    found.prompts.append("")
    found.settings.append("")
    found.temperatures.append(None)
    found.answers.append(None)


def _table(path: Path) -> pyarrow.Table:
    import pyarrow as pa

    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: a file must end in {', '.join(SUFFIXES)}; convert it, or rename it")
    try:
        table = _parsed(path, suffix)
        names = table.column_names
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror or error}); check the path") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: the names of columns must be UTF-8; convert the file") from None
    except pa.ArrowException as error:
        raise InputError(f"{path}: can't be read ({' '.join(str(error).split())}); mend the file") from None
    if (twice := next((name for i, name in enumerate(names) if name in names[:i]), None)) is not None:
        raise InputError(f"{path}: columns must have different names; {twice!r} is there twice; rename one")
    return table


def _parsed(path: Path, suffix: str) -> pyarrow.Table:
    """What pyarrow reads."""
    if suffix == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path)
    if suffix in (".csv", ".tsv"):
        from pyarrow import csv

        return csv.read_csv(
            path,
            parse_options=csv.ParseOptions(delimiter="\t" if suffix == ".tsv" else ",", newlines_in_values=True),
            convert_options=csv.ConvertOptions(strings_can_be_null=False),
        )
    from pyarrow import json

    return json.read_json(path, read_options=json.ReadOptions(block_size=2**26))


def _add_table(
    found: Found,
    path: Path,
    table: pyarrow.Table,
    text: str | None,
    prompt: str | None,
    setting: str | None,
    answer: str | None,
) -> None:
    chosen = text or next((name for name in TEXT_COLUMNS if name in table.column_names), None)
    if chosen is None:
        raise InputError(
            f"{path}: no column is called {', '.join(TEXT_COLUMNS)}; name it with --text-column "
            f"({', '.join(table.column_names)})"
        )
    for option, name in (
        ("--text-column", chosen), ("--prompt-column", prompt), ("--setting-column", setting),
        ("--answer-column", answer),
    ):  # fmt: skip
        if name is not None and name not in table.column_names:
            raise InputError(f"{path}: {option} must be one of {', '.join(table.column_names)}; got {name!r}")
    if missing := table[chosen].null_count:
        found.notes.append(f"{path}: {missing:,} of {table.num_rows:,} rows have no text and are left out.")
        table = table.filter(table[chosen].is_valid())
    found.texts.extend(_strings(path, table, chosen))
    blank = [""] * table.num_rows
    found.prompts.extend(blank if prompt is None else _strings(path, table, prompt))
    settings = blank if setting is None else _strings(path, table, setting)
    found.settings.extend(settings)
    of_name = {name: stated_temperature(name, setting or "") for name in set(settings)}
    found.temperatures.extend(of_name[name] for name in settings)
    found.answers.extend([None] * table.num_rows if answer is None else _strings(path, table, answer))


def _strings(path: Path, table: pyarrow.Table, name: str) -> list[Any]:
    """A column as text; null is ""."""
    import pyarrow as pa

    column = table[name]
    if path.suffix.lower() in (".csv", ".tsv") and pa.types.is_binary(column.type):
        raise InputError(f"{path}: a text must be UTF-8; column {name!r} has some that are not; convert the file")
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        raise InputError(f"{path}: column {name!r} must hold text or numbers; it holds {column.type}; choose another")
    try:
        return [value or "" for value in column.cast(pa.string()).to_pylist()]
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: a text must be UTF-8; column {name!r} has some that are not; convert the file"
        ) from None
