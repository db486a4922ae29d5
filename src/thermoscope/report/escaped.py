"""A report with its sentences in the language that is spoken, and every string made safe to show, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from thermoscope.comparison.passages import Passage
from thermoscope.escape import escape
from thermoscope.language.saying import again, mapped
from thermoscope.report.marks import UNICODE, visible
from thermoscope.report.records.schema import Report

_Record = TypeVar("_Record")


def escaped(report: Report) -> Report:
    """The report in the language that is spoken, with all its strings escaped but for the texts: these as a whole.

    See ``visible_passages``: what joins two characters is judged by both, also where a passage ends between them.
    """
    return replace(report, **{f.name: safe(getattr(report, f.name)) for f in fields(report) if f.name != "texts"})


def safe(record: _Record) -> _Record:
    """A record in the language that is spoken, with all its strings escaped, those of its texts too."""
    made: _Record = mapped(record, lambda text: escape(again(text)))
    return made


def visible_passages(passages: Sequence[Passage]) -> Iterator[tuple[str, Passage]]:
    """Each passage as it is shown: escaped, and blank line ends written out."""
    pieces = visible("".join(passage.text for passage in passages), UNICODE)
    done = 0
    for passage in passages:
        yield "".join(pieces[done : done + len(passage.text)]), passage
        done += len(passage.text)
