"""Text from anywhere, made safe to print: what would move a cursor or reorder a line is shown, not sent."""

from __future__ import annotations

import unicodedata

#: Besides controls (Cc): characters that reorder or hide what stands around them, or are letters without a shape.
_HIDDEN = frozenset("\u2028\u2029\u200b\u200e\u200f\u2060\ufeff\u115f\u1160\u3164\uffa0\u2800\u034f") | {
    chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
#: Zero-width (non-)joiner: Persian, Indic scripts and emoji are misspelled without them.
_JOINERS = "\u200c\u200d"


def escape(text: str, *, keep: str = "\n", ascii_only: bool = False) -> str:
    r"""Replace control, bidirectional and invisible characters by what Python writes for them (``\x1b``).

    A zero-width joiner or non-joiner stays where it has something to join: after a letter, mark or symbol that is
    not ASCII.

    Parameters
    ----------
    text
        Any text.
    keep
        Characters that are left as they are.
    ascii_only
        Whether every character that is not ASCII is replaced as well, for terminals that can't show it.
    """
    return "".join(shown(text, keep=keep, ascii_only=ascii_only))


def shown(text: str, *, keep: str = "\n", ascii_only: bool = False) -> list[str]:
    """What is shown for each character of a text; ``escape`` joins it."""
    before = ["", *text]
    return [
        c if c in keep or not (_unsafe(c, b) or (ascii_only and not c.isascii())) else _name(c)
        for b, c in zip(before, text, strict=False)
    ]


def _unsafe(c: str, before: str) -> bool:
    if c.isascii():
        return not c.isprintable()
    if c in _JOINERS:
        return not before or before.isascii() or unicodedata.category(before)[0] not in "LMS" or before in _HIDDEN
    return c in _HIDDEN or (not c.isprintable() and unicodedata.category(c) in ("Cc", "Cs", "Cf", "Co"))


def _name(c: str) -> str:
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(c) or c.encode("unicode_escape").decode()
