"""Text from anywhere in Markdown: read as text, and as nothing else, by the sites that Markdown is pasted to."""

from __future__ import annotations

import re

from thermoscope.escape import escape

#: What is markup within a line.
_INLINE = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
#: What makes a line a heading, a list, a rule or a table where it begins one; numbers of lists have up to nine digits.
_AT_START = re.compile(r"^( *)(?:([-+=:])|(\d{1,9})([.)]))")
#: A space of no width, as other tools write it into what they quote: it parts what sites would make a link of.
_APART = "&#8203;"
#: People, issues, merge requests and labels by their signs; links and addresses; emoji.
_ALIVE = re.compile(
    r"@(?=\w)|[#!%$&~](?=\d)|\b(?:GH(?=-\d)|(?:https?|ftp|mailto|xmpp)(?=:)|www(?=\.))|:(?=(?:[\w+-]|\\_)+:)",
    re.IGNORECASE,
)


def plain(text: str, *, begins: bool = True) -> str:
    """Text that no Markdown reader takes for markup, and no site for a mention or a link, on one line.

    ``begins`` says whether it is where a line, a list's entry or a cell begins.
    """
    return _line(escape(text, keep="")) if begins else _within(escape(text, keep=""))


def lines(text: str) -> str:
    """The same for a text of several lines, each with the blanks that it begins with."""
    return "\n".join(map(_line, escape(text).split("\n")))


def _line(text: str) -> str:
    body = text.lstrip(" ")
    blanks = len(text) - len(body)
    return ("&nbsp;" * blanks if blanks > 1 else " " * blanks) + _AT_START.sub(_start, _within(body))


def _within(text: str) -> str:
    return _ALIVE.sub(rf"\g<0>{_APART}", _INLINE.sub(r"\\\1", text))


def _start(found: re.Match[str]) -> str:
    sign, number, closes = found[2], found[3], found[4]
    return f"\\{sign}" if sign else f"{number}\\{closes}"
