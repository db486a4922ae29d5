"""What ran, and the command that reproduces it, at the end of every report in the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from thermoscope.escape import escape
from thermoscope.ran.facts import facts
from thermoscope.ran.provenance import WhatRan

#: A word as ``shlex.join`` writes it: quoted parts may hold white space.
_SHELL_WORD = re.compile(r"(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+")
#: A flag, and no negative number.
_FLAG = re.compile(r"--?[A-Za-z]")


def print_ran(ran: WhatRan, console: Console) -> None:
    """Print both parts to a console of any width."""
    ascii_only = not console.encoding.lower().startswith("utf")
    for part in (*what_ran(ran, ascii_only=ascii_only), *make_again(ran, console.width, ascii_only=ascii_only)):
        console.print(part, highlight=False, markup=False, crop=False)


def what_ran(ran: WhatRan, *, ascii_only: bool) -> Iterator[RenderableType]:
    """The part "What ran" of a report; to be printed without highlighting, markup and cropping."""
    yield Text("\nWhat ran", style="bold")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts(ran):
        table.add_row(Text(name), Text(escape(value, keep="", ascii_only=ascii_only)))
    yield table


def make_again(ran: WhatRan, width: int, *, ascii_only: bool) -> Iterator[RenderableType]:
    """The part "To reproduce": its lines may be longer than the width where a word is."""
    yield Text("\nTo reproduce", style="bold")
    yield as_it_is(command_lines(escape(ran.command, ascii_only=ascii_only), width))


def as_it_is(lines: Sequence[str]) -> RenderableType:
    """Lines to copy: never folded, whatever the width; to be printed without cropping."""
    return Group(*(Text(line, no_wrap=True, overflow="ignore") for line in lines))


def command_lines(command: str, width: int) -> list[str]:
    """The command in lines of at most ``width``, joined by backslashes as a shell reads them.

    Words are not broken, nor is a flag parted from its value, so that the lines can be copied: only what is longer
    makes a longer line.
    """
    lines: list[str] = []
    for part in _parts(_SHELL_WORD.findall(command)):
        if lines and len(lines[-1]) + len(part) + 3 <= width:  # a space, and room for " \\"
            lines[-1] += " " + part
        else:
            lines.append(part)
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _parts(words: Sequence[str]) -> Iterator[str]:
    """The words, a flag together with the word after it unless that is a flag as well."""
    left = list(words)
    while left:
        word = left.pop(0)
        has_value = _FLAG.match(word) and "=" not in word and left and left[0] != "--" and not _FLAG.match(left[0])
        yield f"{word} {left.pop(0)}" if has_value else word
