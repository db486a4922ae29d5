"""The sentences that the code says: what every language must have."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import thermoscope
from thermoscope.report.records.measures import by_summary

SOURCE = Path(thermoscope.__file__).parent
#: Functions whose first argument is a sentence.
_SAY = ("say", "phrase", "worded")
#: Names with which ``count`` is called where reports are made.
_REPORTING = ("report", "statistics", "comparison", "recommending")
_IN_TEMPLATES = re.compile(r'\bt\(("(?:[^"\\]|\\.)*")')


def sentences() -> set[str]:
    """Every English sentence: in the code, in templates and scripts of pages, and of the measures."""
    found = set(_of_measures())
    for path in SOURCE.rglob("*.py"):
        found |= set(_in_code(path))
    for path in (SOURCE / "report" / "page" / "templates").iterdir():
        found |= {json.loads(text) for text in _IN_TEMPLATES.findall(path.read_text(encoding="utf-8"))}
    return found


def _in_code(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if name in _SAY:
            yield from texts
        elif name == "count" and path.relative_to(SOURCE).parts[0] in _REPORTING:
            yield from (form for text in texts for form in (f"{{number:,}} {text}", f"{{number:,}} {text}s"))


def _of_measures() -> Iterator[str]:
    for measure in by_summary().values():
        yield from filter(None, (measure.meaning, measure.direction, measure.unit))


def values_of(sentence: str) -> set[str]:
    """The names of the values in a sentence."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}
