"""Print the longest sentences of README, documents and strings, the longest first: ``python docs/longest.py [N]``."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Documents that are made from the code, or are a record.
LEFT_OUT = ("CHANGELOG.md", "log.md", "cli.md", "findings.md", "model_card.md", "model_attribution.md", "python.md")
#: Where a sentence ends: not after an abbreviation, nor within a number or a name.
_END = re.compile(r"(?<!\bet al)(?<!\be\.g)(?<!\bi\.e)[.!?:](?=\s|$)|\n\s*\n")
_CODE = re.compile(r"```.*?```|`[^`]*`|<[^>]*>|\]\([^)]*\)|^(?: *[|]|#| {4})[^\n]*$", re.DOTALL | re.MULTILINE)


def sentences() -> Iterator[tuple[int, str, str]]:
    """The words, the file and the text of each sentence; code, tables and headings are left out of documents."""
    for path in sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))):
        if path.name not in LEFT_OUT:
            text = _CODE.sub(lambda found: "x" if found[0][:1] == "`" else "", path.read_text(encoding="utf-8"))
            text = re.sub(r"^\s*([-*>]|\d+\.) ", "\n\n", text, flags=re.MULTILINE)
            yield from _split(text, path)
    for path in sorted((ROOT / "src" / "thermoscope").rglob("*.py")):
        for text in _strings(path):
            yield from _split(text, path)


def _split(text: str, path: Path) -> Iterator[tuple[int, str, str]]:
    for sentence in _END.split(text):
        words = re.findall(r"[\w'’{}=<>.,/-]*[A-Za-z{][\w'’{}=<>.,/-]*", sentence)
        yield len(words), str(path.relative_to(ROOT)), " ".join(sentence.split())


def _strings(path: Path) -> Iterator[str]:
    """The strings of a file that are sentences, but for docstrings; what is put into them is written ``{}``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield from re.findall(r".{30,}[,.;:].*|.*[,.;:].{30,}", node.value)


def main(most: int) -> None:
    """Print the longest sentences."""
    for words, name, text in sorted(set(sentences()), reverse=True)[:most]:
        sys.stdout.write(f"{words} {name}: {text}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
