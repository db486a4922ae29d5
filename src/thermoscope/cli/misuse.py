"""What is said of a command line that can't be understood: the rule, and the way to that command's help."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import typer

#: Characters of a message, and of one word in it, beyond which the middle is left out.
_LONGEST, _LONGEST_WORD = 2000, 300
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(:\S*)?")


def misuse(error: typer.TyperException, words: Sequence[str]) -> str:
    """One line on a command line that Typer refuses.

    Parameters
    ----------
    error
        What it raised.
    words
        What was typed after the program's name.
    """
    context = getattr(error, "ctx", None)
    name = getattr(error, "option_name", None)
    message = error.format_message().rstrip(".")
    if context is not None and isinstance(name, str) and hasattr(error, "possibilities"):
        known = [option for parameter in context.command.params for option in _names(parameter)]
        message = f"no such option: {name}{_meant(name, known)}"
    if hint := separate_numbers(words):
        message = f"{message}; {hint}"
    named = ["thermoscope", *(word for word in words[:1] if not word.startswith("-"))]
    command = context.command_path if context is not None else " ".join(named)
    return f"{message[:1].lower()}{message[1:]} (see {command} --help)"


def separate_numbers(words: Sequence[str]) -> str:
    """A hint for temperatures that were typed with a space between them; "" if none were."""
    for option, first, second in zip(words, words[1:], words[2:], strict=False):
        if option in ("-t", "--temperature") and _NUMBER.fullmatch(first) and _NUMBER.fullmatch(second):
            return f"several temperatures are joined by commas: {option} {first},{second}"
    return ""


def shortened(message: str) -> str:
    """A message on one line, without the middle of words and of a whole that nobody would read."""
    line = " ".join(message.split())
    if len(line) > _LONGEST_WORD:
        long = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")
        line = long.sub(lambda word: f"{word.group()[:100]}...{word.group()[-80:]}", line)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 500]} ... {line[-400:]}"


def _names(parameter: object) -> list[str]:
    return [*getattr(parameter, "opts", ()), *getattr(parameter, "secondary_opts", ())]


def _meant(name: str, known: Sequence[str]) -> str:
    """The option that a wrong one begins, or is nearly, as a question."""
    options = sorted(option for option in known if option.startswith("--"))
    longer = [option for option in options if len(name) > 3 and option.startswith(name)]
    close = longer or (difflib.get_close_matches(name, options, n=3) if len(name) < 100 else [])
    return f" (did you mean {' or '.join(close)}?)" if close else ""
