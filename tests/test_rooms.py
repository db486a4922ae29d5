"""The rooms of docs/flow.md: a module imports only from rooms above its own, and inside a room in no circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import thermoscope

SOURCE = Path(thermoscope.__file__).parent
FLOW = Path(__file__).parents[1] / "docs" / "flow.md"


def rooms() -> list[set[str]]:
    """The rooms of the table, in order; those of one line may import each other."""
    lines = re.findall(r"^\| (`[^|]*) \|", FLOW.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [{name.rstrip("/") for name in re.findall(r"`([^`]*)`", line)} for line in lines]


def imports(path: Path) -> Iterator[str]:
    """The rooms that a module names in its imports, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name.startswith("thermoscope."))


def test_every_room_is_in_the_table() -> None:
    found = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert {name for name in found if not name.startswith("_")} == set().union(*rooms())


def test_imports_go_up() -> None:
    place = {name: number for number, names in enumerate(rooms()) for name in names}
    wrong = set()
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room in place:
            wrong |= {(room, to) for to in imports(path) if to in place and place[to] > place[room]}
    assert not wrong


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, modules: set[str]) -> Iterator[str]:
    """The modules that one imports: inside functions and for types alone as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from whole & modules if whole <= modules else {*(whole & modules), node.module}


def test_files_import_each_other_in_no_circle() -> None:
    paths = {module_name(path): path for path in SOURCE.rglob("*.py")}
    del paths["thermoscope"]  # the public names, which everything is below
    graph = {name: set(imported(path, set(paths))) - {name} for name, path in paths.items()}
    assert sum(map(len, graph.values())) > 500
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None
