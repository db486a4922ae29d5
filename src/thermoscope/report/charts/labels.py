"""Where the labels of points go, so that none lies on another or on a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Pixels: of a letter (on average), of a line, of a point, and from a point to its label.
_LETTER, _LINE, _POINT, _GAP = 6.2, 13, 10, 9


@dataclass(frozen=True, slots=True)
class Label:
    """A label and its point, as shares of the chart's width and height (up)."""

    text: str
    x: float
    y: float


_Box = tuple[float, float, float, float]


def placed(labels: Sequence[Label], width: int, height: int, line: Sequence[tuple[float, float]] = ()) -> list[str]:
    """For each label the side of its point ("lower right", "left", ...; "" for no room) in a chart of so many pixels.

    Greedy, in the order given. Labels keep off points, off each other and off a line through the points ``line``,
    given as shares like theirs.
    """
    half = _POINT / 2
    points = [(label.x * width, (1 - label.y) * height) for label in labels]
    taken: list[_Box] = [(x - half, y - half, x + half, y + half) for x, y in points]
    taken += [(x - 1, y - 1, x + 1, y + 1) for x, y in _along([(x * width, (1 - y) * height) for x, y in line])]
    sides = []
    for label, (x, y) in zip(labels, points, strict=True):
        long = len(label.text) * _LETTER
        boxes: dict[str, _Box] = {
            "lower right": (x + 6, y + 4, x + 6 + long, y + 4 + _LINE),
            "upper left": (x - 6 - long, y - 4 - _LINE, x - 6, y - 4),
            "right": (x + _GAP, y - _LINE / 2, x + _GAP + long, y + _LINE / 2),
            "left": (x - _GAP - long, y - _LINE / 2, x - _GAP, y + _LINE / 2),
            "below": (x - long / 2, y + _GAP, x + long / 2, y + _GAP + _LINE),
            "above": (x - long / 2, y - _GAP - _LINE, x + long / 2, y - _GAP),
        }
        free = [side for side, box in boxes.items() if _inside(box, width, height) and not _meets(box, taken)]
        sides.append(free[0] if free else "")
        if free:
            taken.append(boxes[free[0]])
    return sides


def _along(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Places along a line, some five pixels apart."""
    found = []
    for (x0, y0), (x1, y1) in pairwise(line):
        steps = max(1, int(math.hypot(x1 - x0, y1 - y0) / 5))
        found += [(x0 + (x1 - x0) * n / steps, y0 + (y1 - y0) * n / steps) for n in range(steps + 1)]
    return found


def _inside(box: _Box, width: int, height: int) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height


def _meets(box: _Box, others: Sequence[_Box]) -> bool:
    return any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in others)
