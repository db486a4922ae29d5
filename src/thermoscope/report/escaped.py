"""A report with every string made safe to show, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from thermoscope.comparison.passages import Passage
from thermoscope.escape import escape
from thermoscope.report.marks import UNICODE, visible
from thermoscope.report.records.schema import Report

_Record = TypeVar("_Record")


def escaped(report: Report) -> Report:
    """The report with all its strings escaped but for the texts, which are escaped as a whole.

    See ``visible_passages``: what joins two characters is judged by both, also where a passage ends between them.
    """
    return replace(report, **{f.name: _safe(getattr(report, f.name)) for f in fields(report) if f.name != "texts"})


def safe(record: _Record) -> _Record:
    """A record with all its strings escaped, those of its texts too."""
    made: _Record = _safe(record)
    return made


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {_safe(key): _safe(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_safe(entry) for entry in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _safe(getattr(value, f.name)) for f in fields(value)})
    return value


def visible_passages(passages: Sequence[Passage]) -> Iterator[tuple[str, Passage]]:
    """Each passage as it is shown: escaped, and blank line ends written out."""
    pieces = visible("".join(passage.text for passage in passages), UNICODE)
    done = 0
    for passage in passages:
        yield "".join(pieces[done : done + len(passage.text)]), passage
        done += len(passage.text)
