"""Fields by path: ``response.body.choices[0].message.content``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from thermoscope.errors import InputError
from thermoscope.files.parsing import DEEPEST, TWICE
from thermoscope.words import quoted

#: A part of a path: a place in a list, all of a list, or the name of a field.
_PART = re.compile(r"\[(-?[0-9]{1,9})\]|\[\]|([^.\[\]]+)")

#: Nothing is there.
MISSING: Any = object()


def parts_of(path: str) -> tuple[str | int | None, ...]:
    """The parts of a path: names, places in lists, None for all of a list.

    Raises
    ------
    InputError
        It is no path.
    """
    parts: list[str | int | None] = []
    at = 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None or len(parts) == DEEPEST:
            raise InputError(f"a column must be a name, or a path such as choices[0].text; got {quoted(path)}")
        parts.append(int(match.group(1)) if match.group(1) else match.group(2))
        at = match.end()
        at += path.startswith(".", at) and at + 1 < len(path)
    return tuple(parts)


def found_at(row: Mapping[str, Any], path: str) -> Any:
    """What stands at a path of a row, ``MISSING`` if nothing does.

    A field that has the whole path as its name comes first. A list on the way, without a place, gives the list of what
    its items have there.
    """
    if path in row:
        return row[path]
    if "." not in path and "[" not in path:
        return MISSING
    return _within(row, parts_of(path))


def _within(value: Any, parts: Sequence[str | int | None]) -> Any:
    for number, part in enumerate(parts):
        if value is TWICE:
            return TWICE
        if isinstance(value, list) and not isinstance(part, int):
            rest = parts[number + 1 :] if part is None else parts[number:]
            inside = [found for item in value if (found := _within(item, rest)) is not MISSING]
            return inside if inside else MISSING
        if isinstance(part, int):
            if not isinstance(value, list) or not -len(value) <= part < len(value):
                return MISSING
            value = value[part]
        elif part is None or not isinstance(value, Mapping) or part not in value:
            return MISSING
        else:
            value = value[part]
    return value


def leaves(value: Any) -> Iterator[Any]:
    """The single values of lists within lists, in order."""
    stack = [iter([value])]
    while stack:
        for item in stack[-1]:
            if isinstance(item, list):
                stack.append(iter(item))
                break
            yield item
        else:
            stack.pop()
