"""Where the labels of points go: every point has one, and none lies on another or on a point where there is room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

#: Pixels: of a letter (on average), of a line, of a point, and from a point to its label.
_LETTER, _LINE, _POINT, _GAP = 6.2, 13, 10, 9

_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Label:
    """A label and its point, as shares of the chart's width and height (up)."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a label stands beside its point: pixels to the right and down, and which end of it is there."""

    dx: float
    dy: float
    align: Literal["left", "center", "right"]


def placed(labels: Sequence[Label], width: int, height: int, line: Sequence[tuple[float, float]] = ()) -> list[Place]:
    """Where each label goes in a chart of so many pixels.

    Greedy, in the order given: at the nearest place where it keeps off points, other labels and a line through the
    points ``line``, given as shares like theirs; where there is none, at the place where it covers least.
    """
    half = _POINT / 2
    points = [(label.x * width, (1 - label.y) * height) for label in labels]
    taken: list[_Box] = [(x - half, y - half, x + half, y + half) for x, y in points]
    taken += [(x - 1, y - 1, x + 1, y + 1) for x, y in _along([(x * width, (1 - y) * height) for x, y in line])]
    places = []
    for label, (x, y) in zip(labels, points, strict=True):
        boxes = {place: _box(place, x, y, len(label.text) * _LETTER) for place in _PLACES}
        place = min(_PLACES, key=lambda place: _covered(boxes[place], taken) + _outside(boxes[place], width, height))
        places.append(place)
        taken.append(boxes[place])
    return places


def _box(place: Place, x: float, y: float, long: float) -> _Box:
    """What a label covers."""
    left = x + place.dx - {"left": 0.0, "center": long / 2, "right": long}[place.align]
    return left, y + place.dy - _LINE / 2, left + long, y + place.dy + _LINE / 2


def _near(distance: float) -> list[Place]:
    """Places around a point."""
    down = distance + _LINE / 2 - 2
    return [
        Place(6, down - 3, "left"), Place(-6, 3 - down, "right"), Place(distance, 0, "left"),
        Place(-distance, 0, "right"), Place(0, down, "center"), Place(0, -down, "center"),
        Place(6, 3 - down, "left"), Place(-6, down - 3, "right"),
    ]  # fmt: skip


#: Where labels may go, the best first.
_PLACES = tuple(place for distance in (_GAP, 16, 24, 34, 46) for place in _near(distance))


def _along(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Places along a line, some five pixels apart."""
    found = []
    for (x0, y0), (x1, y1) in pairwise(line):
        steps = max(1, int(math.hypot(x1 - x0, y1 - y0) / 5))
        found += [(x0 + (x1 - x0) * n / steps, y0 + (y1 - y0) * n / steps) for n in range(steps + 1)]
    return found


def _outside(box: _Box, width: int, height: int) -> float:
    """How far a box leaves the chart, weighed as more than anything that it may cover inside."""
    beyond = max(0.0, -box[0]) + max(0.0, -box[1]) + max(0.0, box[2] - width) + max(0.0, box[3] - height)
    return 1000.0 * beyond


def _covered(box: _Box, others: Sequence[_Box]) -> float:
    """The area that a box has in common with others."""
    widths = ((min(box[2], o[2]) - max(box[0], o[0]), min(box[3], o[3]) - max(box[1], o[1])) for o in others)
    return sum(wide * high for wide, high in widths if wide > 0 and high > 0)
