"""Fragments of HTML for notebooks: self-contained, escaped, in the notebook's own colours, without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape as html_escape

from thermoscope.escape import escape
from thermoscope.segments import complete

#: Lines that are seen on light and on dark ground.
_LINE = "1px solid rgba(128, 128, 128, 0.4)"
_CELL = f"text-align: left; vertical-align: top; padding: 0.25em 0.75em 0.25em 0; border-bottom: {_LINE}"
_SOFT = "opacity: 0.75"
#: Letters of a cell that is not broken.
_SHORT = 30


def safe(text: str) -> str:
    """Text that no browser takes for markup, with what would hide or reorder it written out."""
    return html_escape(escape(text))


def shown(text: str, mark: int | None = None) -> str:
    """A model's text with its line ends, and a sign in front of the character at ``mark``; no part of a character."""
    text = complete(text)
    if not text:
        return f'<em style="{_SOFT}">(no text)</em>'
    body = safe(text) if mark is None else f"{safe(text[:mark])}<strong>▸</strong>{safe(text[mark:])}"
    return f'<span dir="auto" style="white-space: pre-wrap; overflow-wrap: anywhere">{body}</span>'


def soft(text: str) -> str:
    """A line that stands back."""
    return f'<div style="{_SOFT}">{safe(text)}</div>'


def listed(sentences: Iterable[str]) -> str:
    """Sentences as a list; "" for none."""
    items = "".join(f"<li>{safe(sentence)}</li>" for sentence in sentences)
    return f'<ul style="margin: 0.5em 0; padding-left: 1.5em">{items}</ul>' if items else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: names of columns as text, and cells that are HTML already."""
    names = "".join(f'<th scope="col" style="{_CELL}">{safe(name)}</th>' for name in head)
    lines = ("".join(f'<td style="{_CELL}{_wrapping(cell)}">{cell}</td>' for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    style = "border-collapse: collapse; font: inherit; margin: 0.5em 0; background: none; color: inherit"
    return f'<table style="{style}"><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>'


def _wrapping(cell: str) -> str:
    """Numbers and names stay on their line."""
    return "" if "<" in cell or len(cell) > _SHORT else "; white-space: nowrap"


def fragment(title: str, *parts: str) -> str:
    """A result in a notebook: its title, then parts that are HTML already."""
    head = f'<div style="font-weight: 600">{safe(title)}</div>'
    return f'<div style="max-width: 64em; overflow-x: auto; line-height: 1.45">{head}{"".join(parts)}</div>'


def clipped(text: str, most: int = 60) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
