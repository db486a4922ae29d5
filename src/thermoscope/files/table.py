"""Rows of a file as they are read: values keep what the file has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Number(str):
    """A number of a JSON file, as it is written there: ``1.50`` stays ``1.50``."""

    __slots__ = ()


@dataclass(slots=True)
class Table:
    """Rows of a file.

    Attributes
    ----------
    source
        The file, for messages.
    form
        What kind of file it is, in words.
    rows
        Fields by name; a field that stands twice has the value ``TWICE``.
    lines
        The line of each row, or its place in a list, for messages.
    typed
        Whether values have types of their own, as in JSON, or are all text, as in CSV.
    notes
        What was skipped, a sentence each.
    all_names
        The names of all columns, where some were not read, or there is no row.
    log
        The tool whose log it is known to be from its form alone, or "".
    """

    source: str
    form: str
    rows: list[dict[str, Any]]
    lines: list[int]
    typed: bool = True
    notes: list[str] = field(default_factory=list)
    all_names: list[str] = field(default_factory=list)
    log: str = ""

    @property
    def names(self) -> list[str]:
        """The names of all fields, in order of first appearance."""
        return self.all_names or list(dict.fromkeys(name for row in self.rows for name in row))
