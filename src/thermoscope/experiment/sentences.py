"""Pieces of sentences that readings and reports are made of."""

from __future__ import annotations

from collections.abc import Iterable


def first_upper(text: str) -> str:
    """A sentence's beginning."""
    return text[:1].upper() + text[1:]


def joined(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; "" for none."""
    listed = list(names)
    return ", ".join(listed[:-1]) + f" and {listed[-1]}" if len(listed) > 1 else "".join(listed)
