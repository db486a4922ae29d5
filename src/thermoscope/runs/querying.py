"""SQL on a run's tables, by DuckDB: nothing else can be read, and nothing can be written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError
from thermoscope.files.remote import Remote
from thermoscope.runs.kept_texts import is_kept, kept_tables
from thermoscope.runs.plan import Plan
from thermoscope.runs.rows import labelled
from thermoscope.runs.store import TABLES, Store
from thermoscope.settings.grid import label, varying
from thermoscope.words import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: What a query may take of memory unless more is allowed.
QUERY_MEMORY = "2GB"
#: What the texts of a run are called before their labels are added.
_STORED = "stored_texts"

_Rows = tuple[list[str], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Tables:
    """What a query can ask.

    Attributes
    ----------
    by_name
        Tables, and what is read piece by piece.
    there
        What all that there are are called in a query; those of many files are in ``by_name`` only if it names them.
    label_sql
        The label of a text's setting; "" where texts have theirs.
    """

    by_name: Mapping[str, Any]
    there: tuple[str, ...]
    label_sql: str = ""


def tables_for(folder: Path | Remote, sql: str, on_check: Callable[[int, int], None] | None = None) -> Tables:
    """The tables of a run, or of texts from files that are kept, as far as they are there.

    These are ``texts`` and ``tokens``, and once a run is complete ``measures``, ``groups``, ``settings`` and
    ``differences``. The texts and tokens of a run are read piece by piece while a query runs; if ``sql`` names them,
    their files are checked here.

    Parameters
    ----------
    folder
        Where they are.
    sql
        What is going to be asked.
    on_check
        Told how many files of texts or tokens are checked, and how many there are.

    Raises
    ------
    RunError
        A file is damaged.
    """
    if is_kept(folder):
        kept = kept_tables(folder)
        return Tables(kept, tuple(kept))
    store = Store(folder)
    plan = Plan.from_dict(store.plan_record(), folder)
    complete = store.manifest() is not None
    kinds = {"texts": _STORED, "tokens": "tokens"} if store.shards("texts") else {}
    words = set(re.findall(r"\w+", sql.lower()))
    named = words & kinds.keys() or kinds  # a query that names neither may ask which there are
    opened = {kind: store.scanned(kind, check=kind in words, on_check=on_check) for kind in kinds if kind in named}
    found = {kinds[kind]: rows for kind, rows in opened.items()}
    made = {name: labelled(store.table(name), plan) for name in TABLES} if complete else {}
    return Tables(found | made, (*kinds, *made), _label(plan))


def query(folder: Path | Remote, sql: str, *, time_s: float | None = None, memory: str = QUERY_MEMORY) -> _Rows:
    """What a DuckDB query on the tables of a run gives: ``tables_for`` the folder, then ``ask``."""
    return ask(tables_for(folder, sql), sql, time_s=time_s, memory=memory)


def ask(tables: Tables, sql: str, *, time_s: float | None = None, memory: str = QUERY_MEMORY) -> _Rows:
    """Column names and rows of a DuckDB query.

    Parameters
    ----------
    tables
        What it can read.
    sql
        The query.
    time_s
        The most seconds that it may take; None is no limit.
    memory
        The most memory that DuckDB may take, in its words.

    Returns
    -------
    tuple
        Names of the columns, each different, and all rows.

    Raises
    ------
    InputError
        DuckDB can't run it, or not within its limits.
    """
    import duckdb

    with _connected(memory) as connection:
        for name, table in tables.by_name.items():
            connection.register(name, table)
        if _STORED in tables.by_name:
            connection.execute(f"create view texts as select *, {tables.label_sql} as label from {_STORED}")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        try:
            return _stoppable(connection, sql, time_s)
        except TimeoutError:
            raise InputError(f"the query took more than {time_s:g} s and was stopped; ask for less") from None
        except duckdb.OutOfMemoryException:
            raise InputError(f"the query needs more than {memory} of memory; ask for less, or allow more") from None
        except duckdb.Error as error:
            known = ", ".join(tables.there) or "not there yet"
            raise InputError(f"the query can't be run: {_first_line(error)}; the tables are {known}") from None


def _connected(memory: str) -> DuckDBPyConnection:
    """A database in memory that installs nothing."""
    import duckdb

    try:
        return duckdb.connect(config={"memory_limit": memory, "autoinstall_known_extensions": False})
    except duckdb.Error:
        raise InputError(f"the memory of a query must be a size such as {QUERY_MEMORY}; got {quoted(memory)}") from None


def _stoppable(connection: DuckDBPyConnection, sql: str, time_s: float | None) -> _Rows:
    """What a query gives. It runs in a thread of its own, as DuckDB does not look for Ctrl-C; TimeoutError if late."""
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(_rows, connection, sql)
        try:
            return asking.result(time_s)
        except BaseException:
            connection.interrupt()
            raise


def _rows(connection: DuckDBPyConnection, sql: str) -> _Rows:
    cursor = connection.execute(sql)
    if cursor is None or cursor.description is None:
        raise InputError(f"a query must ask for something; got {quoted(sql)}; write select * from texts")
    return _different([column[0] for column in cursor.description]), cursor.fetchall()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _label(plan: Plan) -> str:
    """The label of a text's setting, in SQL."""
    names = varying(plan.settings)
    cases = [(setting.id, label(setting, names)) for setting in plan.settings]
    said = " ".join(f"when {_literal(key)} then {_literal(value)}" for key, value in cases)
    return f"case setting_id {said} end"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _different(names: Sequence[str]) -> list[str]:
    """The names of columns, those that repeat an earlier one with a number."""
    found: list[str] = []
    for name in names:
        number, made = 1, name
        while made in found:
            number += 1
            made = f"{name}_{number}"
        found.append(made)
    return found
