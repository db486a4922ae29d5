"""Checks of single values that many functions take: whole numbers, texts."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from numbers import Integral
from typing import Any

from thermoscope.errors import InputError
from thermoscope.words import quoted


def check_text(what: str, text: str, error: type[InputError]) -> None:
    """Raise the error if a text holds half a surrogate pair (as undecodable bytes of a command line become)."""
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise error(
            f"{what} must be Unicode text; got {text[fault.start]!r} at character {fault.start}; write it in UTF-8"
        ) from None


def compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression; what may mean something else in later versions of Python is no error.

    Raises
    ------
    ValueError
        It is none; the message says why.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None


def at_least_one(name: str, value: int | None) -> int | None:
    """The number as a plain int, numpy's too; None stays None.

    Raises
    ------
    InputError
        It is not a whole number >= 1.
    """
    return None if value is None else whole_number(name, value, least=1, example="a number such as 60")


def whole_number(name: str, value: Any, *, least: int, example: str) -> int:
    """The number as a plain int, numpy's too.

    Raises
    ------
    InputError
        It is not a whole number, or less than ``least``; the message suggests the example.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}; got {quoted(value)}; use {example}")
    return int(value)


def one_of(name: str, value: Any, known: Iterable[str]) -> str:
    """The value, if it is one of the known words.

    Raises
    ------
    InputError
        It is not; the message has them all.
    """
    words = tuple(known)
    if value not in words:
        raise InputError(f"{name} must be one of {', '.join(words)}; got {value!r}")
    return str(value)
