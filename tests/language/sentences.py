"""The sentences that the code says: what every language must have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import get_args, get_type_hints

import thermoscope
from thermoscope.auditing.audit import Verdict
from thermoscope.recommending.bounds import Bound
from thermoscope.recommending.recommendation import Feasible
from thermoscope.report.records.measures import by_summary
from thermoscope.statistics.claims import CLAIMS

SOURCE = Path(thermoscope.__file__).parent
#: Functions whose arguments are sentences.
_SAY = ("say", "phrase", "worded")
#: Rooms whose counts (``count(3, "prompt")``) come into reports.
_REPORTING = ("report", "statistics", "comparison", "recommending", "sources")
_IN_TEMPLATES = re.compile(r'\b(?:t|say)\(("(?:[^"\\]|\\.)*")')


@cache
def sentences() -> frozenset[str]:
    """Every English sentence: in the code, in templates and scripts of pages, of measures, claims and records."""
    found = {*_of_measures(), *_of_records()}
    for path in SOURCE.rglob("*.py"):
        found |= set(_in_code(path))
    for path in (SOURCE / "report" / "page" / "templates").iterdir():
        found |= {ast.literal_eval(text) for text in _IN_TEMPLATES.findall(path.read_text(encoding="utf-8"))}
    return frozenset(found)


def _in_code(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if node.func.id in _SAY:
            yield from texts
        elif node.func.id == "count" and path.relative_to(SOURCE).parts[0] in _REPORTING:
            yield from (form for text in texts for form in (f"{{number:,}} {text}", f"{{number:,}} {text}s"))


def _of_measures() -> Iterator[str]:
    for measure in by_summary().values():
        yield from filter(None, (measure.meaning, measure.direction, measure.unit))


def _of_records() -> Iterator[str]:
    """What records hold as one of a few words."""
    for name, statement, *_ in CLAIMS:
        yield from (name, statement)
    for kind in (Verdict, Feasible, get_type_hints(Bound)["source"]):
        yield from get_args(kind)


def values_of(sentence: str) -> set[str]:
    """The names of the values in a sentence."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}
