"""Who counts: compiled loops, or numpy where there are none or too little to do for compiling them."""

from __future__ import annotations

from typing import Any

from thermoscope.cpu import plain_texts, probe


def loops_for(size: int) -> Any:
    """The module whose functions treat so many values: ``text_loops`` or ``plain_texts``, the same numbers."""
    if not probe.measures(size):
        return plain_texts
    from thermoscope.cpu import text_loops

    return text_loops
