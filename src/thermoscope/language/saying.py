"""Sentences with values, in the language that is spoken.

The English sentence is the key: ``say("{n} of {count} differ", n=2, count=3)``. A language is one file beside this
module that gives each English sentence in its words; what it lacks is said in English. A sentence remembers its key
and values, so that one that was made in one language can be said again in another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar, overload

from thermoscope.errors import InputError

ENGLISH = "en"
_spoken: ContextVar[str] = ContextVar("spoken", default=ENGLISH)
_Record = TypeVar("_Record")


class Said(str):
    """A sentence in the language that was spoken when it was made, with its English key and its values.

    Attributes
    ----------
    key
        The English sentence, with the names of values in braces.
    values
        The values by name; None for a sentence that is taken as it stands.
    """

    key: str
    values: Mapping[str, object] | None

    def __new__(cls, text: str, key: str, values: Mapping[str, object] | None) -> Said:
        """A sentence as it reads, and what it was made of."""
        made = super().__new__(cls, text)
        made.key, made.values = key, values
        return made

    def __getnewargs__(self) -> tuple[str, str, Mapping[str, object] | None]:  # type: ignore[override]
        """What copies and pickles are made from."""
        return str(self), self.key, self.values


def say(key: str, /, **values: object) -> Said:
    """A sentence with its values, in the language that is spoken; values that are sentences are said in it too."""
    shown = {name: again(value) for name, value in values.items()}
    return Said(_strings(_spoken.get()).get(key, key).format(**shown), key, values)


def together(parts: Sequence[str], separator: str = "; ") -> Said:
    """Sentences one after the other; each is said in the language that is spoken."""
    key = separator.join(f"{{part{n}}}" for n in range(len(parts)))
    return say(key, **{f"part{n}": part for n, part in enumerate(parts)})


def worded(key: str) -> Said:
    """A sentence of a table (``phrase``) in the language that is spoken; one that the language lacks as it is."""
    if isinstance(key, Said):
        return again(key)
    return Said(_strings(_spoken.get()).get(key, key), key, None)


def phrase(key: str) -> str:
    """Mark a sentence of a table as one that every language has; ``worded`` says it where it is shown."""
    return key


@overload
def again(value: Said) -> Said: ...
@overload
def again(value: _Record) -> _Record: ...
def again(value: Any) -> Any:
    """A sentence in the language that is spoken now; anything else as it is."""
    if not isinstance(value, Said):
        return value
    return worded(value.key) if value.values is None else say(value.key, **value.values)


def in_words(record: _Record) -> _Record:
    """A record with all its sentences in the language that is spoken now."""
    made: _Record = mapped(record, again)
    return made


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A record with every string in it changed, however deep it lies in mappings, lists, tuples and dataclasses."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {mapped(key, change): mapped(entry, change) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(mapped(entry, change) for entry in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: mapped(getattr(value, f.name), change) for f in fields(value)})
    return value


def spoken() -> str:
    """The code of the language that is spoken, such as ``en``."""
    return _spoken.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say sentences in a language; ends with the block.

    Raises
    ------
    InputError
        There is no such language.
    """
    before = _spoken.set(checked_language(language))
    try:
        yield
    finally:
        _spoken.reset(before)


def checked_language(language: str, name: str = "language") -> str:
    """A language that there is; ``name`` is what the argument or option is called.

    Raises
    ------
    InputError
        There is no such language.
    """
    if language not in languages():
        raise InputError(f"{name} must be one of {', '.join(languages())}; got {language!r}")
    return language


@cache
def languages() -> tuple[str, ...]:
    """The codes of all languages, English first."""
    found = (entry.name.removesuffix(".json") for entry in _folder().iterdir() if entry.name.endswith(".json"))
    return ENGLISH, *sorted(found)


@cache
def _strings(language: str) -> Mapping[str, str]:
    """The sentences of a language by the English ones."""
    if language == ENGLISH:
        return {}
    strings: dict[str, str] = json.loads((_folder() / f"{language}.json").read_text(encoding="utf-8"))
    return strings


def _folder() -> Any:
    return files("thermoscope.language")
