"""Sentences as a list in the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text


def bullets(sentences: Iterable[str]) -> Table:
    """Sentences, each behind a dash and indented where it goes on."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # else a line of wide characters that is just full loses its last word's end
    for sentence in sentences:
        table.add_row(Text("-"), Text(sentence))
    return table
