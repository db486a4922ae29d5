"""JSON, TOML and YAML as values: depth, digits and length of keys are bounded before a parser sees them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from thermoscope.errors import InputError
from thermoscope.words import quoted

#: Levels that values may be nested, digits that a number may have, parts that a key may have (``a.b.c`` has three).
DEEPEST, MOST_DIGITS, MOST_PARTS = 100, 400, 20
#: Characters of YAML that are read: its parser is slow.
MOST_YAML = 2**18

#: A JSON string, as far as it goes, or a bracket; possessive, so that time is linear in the text.
_JSON = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
#: TOML: comments and strings of all four kinds as far as they go; brackets; long keys; long numbers.
_TOML = re.compile(
    r"""[#][^\n]*+
    |'''(?:(?!''').)*+(?:'''|\Z) |\"\"\"(?:[^"\\]++|\\.|"(?!""))*+(?:\"\"\"|\\?\Z)
    |'[^'\n]*+(?:'|\n|\Z) |"(?:[^"\\\n]++|\\.)*+(?:"|\n|\\?\Z)
    |[\[\]{}]""",
    re.DOTALL | re.VERBOSE,
)
_BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}
_LONG_NUMBER = re.compile(rf"[0-9_]{{{MOST_DIGITS + 1}}}")
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]++[ \t]*+\.[ \t]*+){{{MOST_PARTS}}}")


class Twice:
    """Stands for the value of a field that is there more than once."""


TWICE = Twice()


def check_json_depth(text: str, where: str) -> None:
    """Raise InputError if JSON is nested too deeply; time is linear in the text."""
    if text.count("[") + text.count("{") > DEEPEST:  # else it can't be
        _check_depth((match.group() for match in _JSON.finditer(text)), where)


def json_value(text: str, where: str, once: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The value of a JSON text.

    Parameters
    ----------
    text
        The text.
    where
        The file, for messages.
    once
        Makes an object of its pairs; by default a field that is there twice is an error.

    Raises
    ------
    InputError
        It is no JSON, is nested deeper than 100 levels, or has a number of more than 400 digits.
    """
    check_json_depth(text, where)

    def integer(digits: str) -> int:
        if len(digits) > MOST_DIGITS:
            _long_number(where)
        return int(digits)

    try:
        return json.loads(text, parse_int=integer, object_pairs_hook=once or (lambda pairs: fields_once(pairs, where)))
    except InputError:
        raise
    except json.JSONDecodeError as error:
        raise InputError(f"{where}, line {error.lineno}: not JSON ({error.msg}); fix it") from None
    except RecursionError:  # no stack is as deep as this takes
        _too_deep(where)


def fields_once(pairs: Iterable[tuple[str, Any]], where: str) -> dict[str, Any]:
    """The fields by name; InputError for one that is there twice, which would hide one of its values."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise InputError(f"{where}: the field {quoted(name)} is there more than once; keep one")
        fields[name] = value
    return fields


def toml_value(text: str, where: str) -> dict[str, Any]:
    """The table of a TOML text; errors as in ``json_value``, and for keys of more than 20 parts."""
    outside = _TOML.sub(lambda match: match.group() if match.group() in _BRACKETS else '""', text)
    # a quoted part of a key counts as a part
    if _LONG_KEY.search(outside.replace('""', "q")):
        raise InputError(f"{where}: a key may have {MOST_PARTS} parts; one has more; shorten it")
    if _LONG_NUMBER.search(outside):
        _long_number(where)
    _check_depth((character for character in outside if character in _BRACKETS), where)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        line = place.group(1) if place and place.group(1) else str(max(1, len(text.splitlines())))
        message = str(error).replace(place.group(0) if place else "", "")
        raise InputError(f"{where}, line {line}: not TOML ({message[:1].lower()}{message[1:200]}); fix it") from None
    except ValueError as error:  # a date that there is not, a number too long to convert
        raise InputError(f"{where}: not TOML ({str(error)[:100]}); fix it") from None
    except RecursionError:
        _too_deep(where)


def yaml_value(text: str, where: str) -> Any:
    """The value of a YAML text: plain scalars are JSON's numbers, true, false, null, or text, and nothing else.

    Raises
    ------
    InputError
        It is no YAML, has anchors, tags or several documents, or breaks the bounds of ``json_value``.
    """
    import yaml

    if len(text) > MOST_YAML:
        raise InputError(f"{where}: YAML may have {MOST_YAML:,} characters; this has more; write it as JSON")
    if _LONG_NUMBER.search(text):
        _long_number(where)
    try:
        return _from_events(yaml.parse(text, Loader=yaml.SafeLoader), where)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        why = " ".join(str(getattr(error, "problem", None) or error).split())[:100]
        raise InputError(f"{where}{line}: not YAML ({why}); fix it") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where}: not YAML ({str(error)[:100]}); fix it") from None


def _from_events(events: Iterable[Any], where: str) -> Any:
    """The value that the parser's events describe, built without recursion."""
    import yaml

    root: list[Any] = []
    stack: list[tuple[str, list[Any]]] = [("top", root)]
    for event in events:
        if getattr(event, "anchor", None) is not None:
            raise InputError(
                f"{where}, line {event.start_mark.line + 1}: anchors and aliases are not read; write it out"
            )
        if isinstance(event, yaml.ScalarEvent):
            stack[-1][1].append(event.value if event.style else plain_scalar(event.value))
        elif isinstance(event, yaml.CollectionStartEvent):
            stack.append(("map" if isinstance(event, yaml.MappingStartEvent) else "list", []))
            if len(stack) > DEEPEST:
                _too_deep(where)
        elif isinstance(event, yaml.CollectionEndEvent):
            kind, items = stack.pop()
            pairs = zip(map(_key, items[::2]), items[1::2], strict=True)
            stack[-1][1].append(items if kind == "list" else fields_once(pairs, where))
    if len(root) > 1:
        raise InputError(f"{where}: YAML must be one document; this has {len(root)}; keep one")
    return root[0] if root else None


def _key(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def plain_scalar(word: str) -> Any:
    """A word without quotes as JSON reads it: a number, true, false or null; else the word itself."""
    known = {"": None, "~": None, "null": None, "true": True, "True": True, "false": False, "False": False}
    if word in known:
        return known[word]
    if re.fullmatch(r"[-+]?[0-9]{1,400}", word):
        return int(word)
    if re.fullmatch(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?", word):
        return float(word)
    return word


def _check_depth(marks: Iterable[str], where: str) -> None:
    depth = 0
    for mark in marks:
        depth += _BRACKETS.get(mark, 0)
        if depth > DEEPEST:
            _too_deep(where)


def _too_deep(where: str) -> NoReturn:
    raise InputError(f"{where}: values may be nested {DEEPEST} levels deep; these are deeper; flatten them")


def _long_number(where: str) -> NoReturn:
    raise InputError(f"{where}: a number may have {MOST_DIGITS} digits; one has more; shorten it")
