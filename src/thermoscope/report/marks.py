"""Marks in a text: where it first differs from its neighbour, what is repeated, where a loop begins.

The marks are signs, so that they are there without colour; colour comes on top.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from rich.text import Text

from thermoscope.comparison.comparison import ComparedText
from thermoscope.comparison.spans import place_of, repeated_ranges
from thermoscope.escape import shown
from thermoscope.language.saying import say
from thermoscope.segments import complete


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs, for terminals that know Unicode and for those that don't."""

    differs: str
    opens: str
    closes: str
    loop: str
    dot: str
    rule: str
    times: str
    ellipsis: str
    ascii_only: bool


UNICODE = Signs("▸", "‹", "›", "⟳", " · ", "─", "×", "…", ascii_only=False)
ASCII = Signs(">>", "[", "]", "(loop)", " | ", "-", "x", "...", ascii_only=True)

DIFFERS, REPEATED, LOOPING, WRITTEN_OUT = "bold magenta", "yellow", "bold red", "dim"

#: Line ends that would be seen as empty space or not at all: at the start, at the end, and three or more in a row.
_BLANK_LINES = re.compile(r"\A\n+|\n+\Z|\n{3,}")


def legend(texts: Iterable[ComparedText], signs: Signs) -> str:
    """What the signs that occur in some texts mean; "" if none does."""
    compared = list(texts)
    meanings = signs_meaning(
        signs,
        differs=any(text.differs_at is not None for text in compared),
        repeated=any(_repeated(text) for text in compared),
        loop=any(text.loop for text in compared),
    )
    return signs.dot.join(meanings)


def signs_meaning(signs: Signs, *, differs: bool, repeated: bool, loop: bool) -> list[str]:
    """What each of the signs that occur means."""
    meanings = (
        (differs, say("{sign} differs from the text before", sign=signs.differs)),
        (repeated, say("{sign} repeated from earlier", sign=f"{signs.opens}{signs.ellipsis}{signs.closes}")),
        (loop, say("{sign} start of a loop", sign=signs.loop)),
    )
    return [meaning for occurs, meaning in meanings if occurs]


def marked(compared: ComparedText, signs: Signs) -> Text:
    r"""The text with its marks, escaped.

    Line ends that would be blank space (at the start, at the end, three or more in a row) are written out as
    ``\n``; inside the text a real one follows them.
    """
    text = compared.sample.text
    pieces = visible(text, signs)
    styles = _styles(compared, pieces)
    result = Text()
    done = 0
    for place, _, sign, style in [*_marks(compared, signs), (len(text), 9, "", "")]:
        for run_style, run in groupby(range(done, place), key=styles.__getitem__):
            result.append("".join(pieces[at] for at in run), run_style)
        result.append(sign, style)
        done = place
    return result


def visible(text: str, signs: Signs) -> list[str]:
    """What is shown for each character of a text; nothing for a character that the end of the text cuts in two."""
    pieces = shown(text, ascii_only=signs.ascii_only)
    for at in range(len(complete(text)), len(text)):
        pieces[at] = ""
    for blank in _BLANK_LINES.finditer(text):
        pieces[blank.start() : blank.end()] = ["\\n"] * (blank.end() - blank.start())
        if blank.start() > 0 and blank.end() < len(text):
            pieces[blank.end() - 1] += "\n"
    return pieces


def _marks(compared: ComparedText, signs: Signs) -> list[tuple[int, int, str, str]]:
    """The marks as (place, rank, sign, style), sorted; at one place closing comes before opening."""
    text = compared.sample.text
    marks: list[tuple[int, int, str, str]] = []
    for a, b in _repeated(compared):
        marks += [(a, 3, signs.opens, REPEATED), (b, 0, signs.closes, REPEATED)]
    if compared.loop is not None:
        marks.append((place_of(text, compared.sample.text_ends, compared.loop.start), 2, signs.loop, LOOPING))
    if compared.differs_at is not None:
        marks.append((place_of(text, compared.sample.text_ends, compared.differs_at), 1, signs.differs, DIFFERS))
    return sorted(marks)


def _repeated(compared: ComparedText) -> list[tuple[int, int]]:
    """The repeated passages as ranges of characters."""
    return repeated_ranges(compared.sample.text, compared.sample.text_ends, compared.repeated)


def _styles(compared: ComparedText, pieces: list[str]) -> list[str | None]:
    """The style of each character: repeated passages, and line ends that are written out."""
    text = compared.sample.text
    styles: list[str | None] = [None] * len(text)
    for a, b in _repeated(compared):
        styles[a:b] = [REPEATED] * (b - a)
    for at, (character, piece) in enumerate(zip(text, pieces, strict=True)):
        if character == "\n" and piece != "\n":
            styles[at] = WRITTEN_OUT
    return styles
