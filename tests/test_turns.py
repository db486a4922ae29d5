"""Turns of phrase that no string and no document has: what a reader of plain English would stumble over."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: What was found once, with what to write instead.
TURNS = {
    r"the setting's doing": "any difference comes from the setting",
    r"the truth about what ran": "every result records how it was made",
    r"[Tt]o make it again": "to reproduce it",
    r"texts from elsewhere": "texts you already have",
    r"what stands where": "explains each section",
    r"and leave\.": "and exit",
    r"\(to included\)": "(end included)",
    r"come twice": "repeat",
    r"mend (it|the|its)\b": "fix it",
    r"[Ss]ays nothing about sampling": "ignored (not a sampling parameter)",
    r"part at the first token": "differ from the first token",
    r"(was|were) there before": "repeated",
    r"comes to its end": "ended by itself",
    r"to the model .* is the likeliest": "the model finds ... most likely",
    r"is not to be told": "no clear difference",
    r"for who (finds|comes)|who comes late": "a plain sentence",
    r"unless given\)": "[default: ...]",
    r"what it can't\.": "what isn't supported",
    r"\bcan't be told apart\b": "cannot be distinguished",
}
DOCUMENTS = sorted(
    path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if path.name not in ("CHANGELOG.md", "log.md")
)
SOURCES = sorted((ROOT / "src" / "thermoscope").rglob("*.py"))


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a file but for docstrings: what a user may see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    silent = {
        id(node.body[0].value) for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value


def found_in(text: str) -> list[str]:
    return [f"{match[0]!r}: write {better!r}" for turn, better in TURNS.items() for match in re.finditer(turn, text)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_has_such_turns(path: Path) -> None:
    assert found_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.slow
def test_no_string_has_such_turns() -> None:
    assert [
        (path.name, line, found) for path in SOURCES for line, text in strings(path) if (found := found_in(text))
    ] == []


def test_a_turn_is_found() -> None:
    assert found_in("Texts from elsewhere are measured; texts from elsewhere") == [
        "'texts from elsewhere': write 'texts you already have'"
    ]
    assert found_in("the file is broken; mend it") == ["'mend it': write 'fix it'"]


#: A sentence may have so many words; ``docs/longest.py`` lists the longest.
MOST_WORDS = 40


def test_no_sentence_is_longer_than_a_reader_can_hold() -> None:
    longest = runpy.run_path(str(ROOT / "docs" / "longest.py"))
    found = sorted(longest["sentences"](), reverse=True)
    assert len(found) > 2000 and {name for _, name, _ in found} >= {"README.md", "docs/faq.md"}
    assert [one for one in found if one[0] > MOST_WORDS] == []


#: Names that say nothing of what a thing is.
VAGUE = {"whole", "opening", "way", "how", "asked", "heed"}


def test_no_class_or_function_has_a_vague_name() -> None:
    defined = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, defined) and node.name.strip("_").lower() in VAGUE
    ]
    assert not found
