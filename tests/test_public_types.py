"""Every type of ours in a public signature is public."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import thermoscope


@cache
def imported(module: str) -> dict[str, tuple[str, str]]:
    """What names mean in a module's annotations: the module and the name that they were imported from.

    Imports for type checking alone, and those inside functions, count as well.
    """
    path = sys.modules[module].__file__
    assert path is not None
    found = {}
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("thermoscope."):
            found |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            found[node.name] = (module, node.name)
    return found


def annotations(thing: Any) -> Iterator[tuple[str, str, str]]:
    """(place, module, annotation) of a function's parameters and result, or of a class's fields and public members."""
    if inspect.isclass(thing):
        for parent in thing.__mro__:
            if not parent.__module__.startswith("thermoscope"):
                continue
            for name, annotation in vars(parent).get("__annotations__", {}).items():
                if not name.startswith("_"):
                    yield f"{thing.__name__}.{name}", parent.__module__, str(annotation)
            for name, member in vars(parent).items():
                if not name.startswith("_") or name == "__init__":
                    function = getattr(member, "fget", None) or getattr(member, "func", None) or member
                    function = inspect.unwrap(getattr(function, "__func__", function))
                    if inspect.isfunction(function):
                        for place, module, annotation in annotations(function):
                            yield f"{thing.__name__}.{place}", module, annotation
    elif inspect.isfunction(thing):
        module = inspect.unwrap(thing).__module__
        for name, annotation in inspect.get_annotations(inspect.unwrap(thing)).items():
            yield f"{thing.__name__}({name})", module, str(annotation)


def ours(module: str, annotation: str) -> Iterator[type]:
    """Our own types in an annotation."""
    if not module.startswith("thermoscope"):
        return
    for node in ast.walk(ast.parse(annotation, mode="eval")):
        if isinstance(node, ast.Name) and node.id in imported(module):
            where, name = imported(module)[node.id]
            type_ = getattr(importlib.import_module(where), name)
            if inspect.isclass(type_):  # an alias says what it stands for
                yield type_


def hidden(public: list[str]) -> list[str]:
    """Types in the signatures of public names that are not public themselves."""
    things = {name: getattr(thermoscope, name) for name in public}
    found = set()
    for thing in things.values():
        for place, module, annotation in annotations(thing):
            found |= {f"{place}: {one.__name__}" for one in ours(module, annotation) if one not in things.values()}
    return sorted(found)


def test_every_type_in_a_public_signature_is_public() -> None:
    assert hidden(thermoscope.__all__) == []


def test_a_type_that_is_not_public_is_found() -> None:
    public = [name for name in thermoscope.__all__ if name != "Sample"]
    assert "generate(return): Sample" in hidden(public)
    assert "ComparedText.sample: Sample" in hidden(public)


def test_public_types_are_those_of_their_modules() -> None:
    for name, module in thermoscope._LAZY.items():
        assert getattr(thermoscope, name) is getattr(importlib.import_module(module), name)
