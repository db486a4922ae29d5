"""The runs in a folder, and SQL on one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from thermoscope.errors import InputError, ThermoscopeError
from thermoscope.runs.plan import Plan
from thermoscope.runs.store import TABLES, Store


def runs_in(folder: Path) -> list[dict[str, Any]]:
    """What is known of every run in a folder, by name; folders that are no runs are left out."""
    found: list[dict[str, Any]] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not (path / "plan.json").is_file():
            continue
        store = Store(path)
        try:
            plan, manifest = Plan.from_dict(store.plan_record(), path), store.manifest()
        except ThermoscopeError:
            found.append(dict.fromkeys(("done", "texts", "settings", "prompts", "seeds", "model"), "?")
                         | {"run": path.name, "state": "unreadable"})  # fmt: skip
            continue
        done = sum(len(c.seeds) * len(plan.settings) for c in plan.chunks() if store.has(c))
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


def query(folder: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a DuckDB query on a run's tables.

    The tables are views of the run's files: ``texts`` and ``tokens`` (as far as they are there), and once the run is
    complete ``measures``, ``groups``, ``settings`` and ``differences``.

    Raises
    ------
    InputError
        DuckDB can't run it.
    """
    import duckdb

    places = {"texts": folder / "texts" / "*.parquet", "tokens": folder / "tokens" / "*.parquet"}
    places |= {name: folder / f"{name}.parquet" for name in TABLES}
    there = {name: place for name, place in places.items() if any(place.parent.glob(place.name))}
    with duckdb.connect() as connection:
        try:
            for name, place in there.items():
                quoted = str(place).replace("'", "''")
                connection.execute(
                    f"create view {name} as select * from read_parquet('{quoted}', union_by_name = true)"
                )
            cursor = connection.execute(sql)
            if cursor is None or cursor.description is None:
                raise InputError(f"a query must ask for something; got {sql!r}; write select * from texts")
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
        except duckdb.Error as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            known = ", ".join(there) or "not there yet"
            raise InputError(f"the query can't be run: {first}; the tables are {known}") from None
    return names, rows
