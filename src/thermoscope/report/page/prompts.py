"""A list of prompts in which each is told from the others, whatever they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

#: Characters of a prompt in the list, and of a beginning that several share before it is left out.
_LONGEST, _SHARED = 90, 30


def told_apart(prompts: Sequence[str]) -> list[str]:
    """Each prompt on one line and not too long, from where it differs from the others if they begin alike."""
    lines = [" ".join(prompt.split()) for prompt in prompts]
    order = sorted(range(len(lines)), key=lines.__getitem__)
    shared = [0] * len(lines)
    for one, other in pairwise(order):  # the longest common beginning is with a neighbour
        alike = _alike(lines[one], lines[other])
        shared[one], shared[other] = max(shared[one], alike), max(shared[other], alike)
    return [_from(line, alike) for line, alike in zip(lines, shared, strict=True)]


def _from(line: str, alike: int) -> str:
    """A line from the word in which it differs."""
    start = line.rfind(" ", 0, alike) + 1 if alike >= _SHARED else 0
    shown = line[start:]
    cut = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
    return f"…{cut}" if start else cut


def _alike(one: str, other: str) -> int:
    """How many characters two lines begin with alike; none where they are the same, since nothing tells them apart."""
    if one == other:
        return 0
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
