"""What is given per row as lists, arrays or tensors: checked, and made into plain lists."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from thermoscope.errors import InputError


def token_ids(name: str, given: Any, rows: int, vocabulary: int) -> list[list[int]] | None:
    """Token ids of each row as lists; errors as in ``per_row``, and for an id that is not among V."""
    lists = per_row(name, given, rows, Integral, "token ids")
    beyond = next((token for row in lists or () for token in row if not 0 <= token < vocabulary), None)
    if beyond is not None:
        raise InputError(f"{name} must be token ids from 0 to {vocabulary - 1}; got {beyond}; take it out")
    return lists


def per_row(name: str, given: Any, rows: int, kind: type, what: str) -> list[list[Any]] | None:
    """One list per row, from lists, arrays or tensors; None stays None.

    Raises
    ------
    InputError
        There is not one list per row, or a list holds something else.
    """
    if given is None:
        return None

    def plain(value: Any) -> Any:
        value = value.tolist() if hasattr(value, "tolist") else value
        return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else value

    outer = plain(given)
    if not isinstance(outer, list):
        raise InputError(f"{name} must be one list of {what} per row; got {type(given).__name__}")
    lists = [plain(row) for row in outer]
    if len(lists) != rows:
        raise InputError(f"{name} must have one entry per row; got {len(lists)} for {rows} rows of logits")
    for row in lists:
        if not isinstance(row, list) or not all(isinstance(value, kind) for value in row):
            raise InputError(f"{name} must be one list of {what} per row; got {row!r:.60}")
    return lists
