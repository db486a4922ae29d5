"""The runs in a folder, and SQL on one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from threading import Timer
from typing import Any

from thermoscope.errors import InputError, ThermoscopeError
from thermoscope.files.remote import Remote
from thermoscope.runs.kept_texts import is_kept, kept_tables, open_measured
from thermoscope.runs.plan import Plan
from thermoscope.runs.rows import labelled
from thermoscope.runs.store import TABLES, Store
from thermoscope.settings.grid import label, varying
from thermoscope.words import quoted

#: What a query may take unless more is allowed.
QUERY_S, QUERY_MEMORY = 60.0, "2GB"
#: What the texts of a run are called before their labels are added.
_STORED = "stored_texts"


def runs_in(folder: Path | Remote) -> list[dict[str, Any]]:
    """What is known of every run in a folder, by name; folders that are no runs are left out."""
    found: list[dict[str, Any]] = []
    there: list[Path | Remote] = [*folder.iterdir()] if folder.is_dir() else []
    for path in sorted(there, key=str):
        if is_kept(path):
            found.append(_of_texts(path))
            continue
        if not (path / "plan.json").is_file():
            continue
        store = Store(path)
        try:
            plan, manifest = Plan.from_dict(store.plan_record(), path), store.manifest()
        except ThermoscopeError:
            found.append(_unreadable(path))
            continue
        done = sum(c.texts for c in plan.chunks() if store.has(c))
        found.append(
            {
                "run": path.name,
                "name": plan.name,
                "model": plan.model,
                "prompts": len(plan.prompts),
                "settings": len(plan.settings),
                "seeds": len(plan.seeds),
                "texts": plan.texts,
                "done": done,
                "state": "complete" if manifest is not None else "not complete",
                "finished": None if manifest is None else manifest["finished"],
            }
        )
    return found


def _unreadable(path: Path | Remote) -> dict[str, Any]:
    known = dict.fromkeys(("done", "texts", "settings", "prompts", "seeds", "model"), "?")
    return known | {"run": path.name, "state": "unreadable"}


def _of_texts(path: Path | Remote) -> dict[str, Any]:
    """What is known of texts from files that are kept in a folder."""
    try:
        kept = open_measured(path)
    except ThermoscopeError:
        return _unreadable(path)
    number = len(kept.found.texts)
    return {
        "run": path.name,
        "name": ", ".join(kept.found.sources),
        "model": kept.tokens,
        "prompts": len(kept.prompts),
        "settings": len(set(kept.settings)),
        "seeds": len(set(kept.found.seeds)) or "-",
        "texts": number,
        "done": number,
        "state": "texts from files",
        "finished": None,
    }


def query(
    folder: Path | Remote, sql: str, *, time_s: float = QUERY_S, memory: str = QUERY_MEMORY
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a DuckDB query on a run's tables.

    The tables are ``texts`` and ``tokens`` (as far as they are there), and once the run is complete ``measures``,
    ``groups``, ``settings`` and ``differences``. Nothing else can be read, and nothing can be written.

    Parameters
    ----------
    folder
        The run's folder.
    sql
        The query.
    time_s
        The most seconds that it may take.
    memory
        The most memory that it may take, in DuckDB's words.

    Returns
    -------
    tuple
        Names of the columns, each different, and all rows.

    Raises
    ------
    InputError
        DuckDB can't run it, or not within its limits.
    RunError
        A file of the run is damaged.
    """
    import duckdb

    if is_kept(folder):
        tables, label_sql = kept_tables(folder), ""
    else:
        store = Store(folder)
        plan = Plan.from_dict(store.plan_record(), folder)
        tables, label_sql = _tables(store, plan, sql), _label(plan)
    with duckdb.connect(config={"memory_limit": memory, "autoinstall_known_extensions": False}) as connection:
        for name, table in tables.items():
            connection.register(name, table)
        if _STORED in tables:
            connection.execute(f"create view texts as select *, {label_sql} as label from {_STORED}")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        timer = Timer(time_s, connection.interrupt)
        timer.start()
        try:
            cursor = connection.execute(sql)
            if cursor is None or cursor.description is None:
                raise InputError(f"a query must ask for something; got {quoted(sql)}; write select * from texts")
            return _different([column[0] for column in cursor.description]), cursor.fetchall()
        except duckdb.InterruptException:
            raise InputError(f"the query took more than {time_s:g} s and was stopped; ask for less") from None
        except duckdb.OutOfMemoryException:
            raise InputError(f"the query needs more than {memory} of memory; ask for less") from None
        except duckdb.Error as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            known = ", ".join("texts" if name == _STORED else name for name in tables) or "not there yet"
            raise InputError(f"the query can't be run: {first}; the tables are {known}") from None
        finally:
            timer.cancel()


def _tables(store: Store, plan: Plan, sql: str) -> dict[str, Any]:
    """The tables of a run that are there, as they were written; ``texts`` under another name, as they lack labels.

    Texts and tokens are read piece by piece while a query runs, and checked beforehand if it names them.
    """
    complete = store.manifest() is not None
    kinds = {"texts": _STORED, "tokens": "tokens"} if store.shards("texts") else {}
    named = re.findall(r"\w+", sql.lower())
    found = {name: store.scanned(kind, check=kind in named) for kind, name in kinds.items()}
    return found | ({name: labelled(store.table(name), plan) for name in TABLES} if complete else {})


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
