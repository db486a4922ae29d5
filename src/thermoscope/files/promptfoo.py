"""promptfoo's CSV: one row a test, with a column of outputs for each provider and prompt, made one row an output."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: What follows each column of outputs.
_AFTER = ("Status", "Score")
#: Columns that may stand before the variables of a test.
_BEFORE = frozenset({"Description"})
_LABEL = re.compile(r"\[(?P<provider>[^\]]+)\] (?P<template>.*)", re.DOTALL)
_VARIABLE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")
#: What promptfoo puts before a cell that a spreadsheet would take for a formula.
_GUARDED = re.compile(r"'(?=[=+\-@\t\r])")
#: The names of the fields that each output gets.
FIELDS = ("output", "test", "prompt", "provider", "prompt template")


def outputs_in(names: Sequence[str]) -> list[int]:
    """The columns that hold outputs, by place; none where the file is not promptfoo's."""
    return [place for place in range(len(names)) if tuple(names[place + 1 : place + 3]) == _AFTER]


def one_row_each(names: Sequence[str], values: Sequence[str], outputs: Sequence[int]) -> list[dict[str, str]]:
    """The outputs of one test, each with the fields ``FIELDS``.

    Parameters
    ----------
    names, values
        The names of all columns and one row of the file.
    outputs
        ``outputs_in(names)``, not empty.

    Notes
    -----
    A prompt's label is its template unless the user named it: with the test's variables in place it is the prompt that
    the model saw. A label without a variable is no prompt, and the field is missing.
    """
    variables = {
        name: _unguarded(value) for name, value in zip(names[: outputs[0]], values, strict=False) if name not in _BEFORE
    }
    test = (
        next(iter(variables.values())) if len(variables) == 1 else ", ".join(f"{k}={v}" for k, v in variables.items())
    )
    rows = []
    for place in outputs:
        found = _LABEL.fullmatch(names[place])
        template = found["template"] if found else names[place]
        row = {"output": _unguarded(values[place]), "test": test, "prompt template": template}
        row["provider"] = found["provider"] if found else ""
        if set(_VARIABLE.findall(template)) & variables.keys():
            row["prompt"] = _VARIABLE.sub(lambda name: variables.get(name[1], name[0]), template)
        rows.append(row)
    return rows


def _unguarded(cell: str) -> str:
    return _GUARDED.sub("", cell, count=1) if cell.startswith("'") else cell
