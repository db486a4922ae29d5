"""The temperature of a text as one self-contained page: the finding, its numbers, and the curve along the text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from thermoscope.auditing.text_temperature import TextTemperature, TextWindow
from thermoscope.escape import escape
from thermoscope.report.page.pages import render

#: Size of a curve, in the units of its drawing, and the room that its axes take.
_WIDTH, _HEIGHT, _LEFT, _BELOW = 640.0, 180.0, 40.0, 28.0
#: The least top of the scale.
_TOP = 2.0


@dataclass(frozen=True, slots=True)
class _Curve:
    """The curve along one text: a line of points and the band around it, as SVG takes them, and ticks (y, value)."""

    text: int
    line: str
    band: str
    ticks: tuple[tuple[float, float], ...]
    windows: tuple[TextWindow, ...]


def text_temperature_page(found: TextTemperature) -> str:
    """The page of a text's temperature. It loads nothing and runs no script."""
    texts = dict.fromkeys(window.text for window in found.curve)
    return render(
        "text_temperature.html.j2",
        found=replace(found, model=escape(found.model), notes=tuple(map(escape, found.notes))),
        curves=[_curve(text, [window for window in found.curve if window.text == text]) for text in texts],
        size=(_WIDTH, _HEIGHT, _LEFT),
        colours={"light": {}, "dark": {}},
    )


def _curve(text: int, windows: list[TextWindow]) -> _Curve:
    end, top = windows[-1].end, max(_TOP, *(window.temperature for window in windows))

    def x(window: TextWindow) -> float:
        return _LEFT + (window.start + window.end) / 2 / end * (_WIDTH - _LEFT)

    def y(value: float) -> float:
        return (_HEIGHT - _BELOW) * (1 - min(value, top) / top) + 8

    def points(pairs: list[tuple[float, float]]) -> str:
        return " ".join(f"{across:.1f},{up:.1f}" for across, up in pairs)

    upper, lower = ([(x(one), y(value)) for one, value in zip(windows, values, strict=True)]
                    for values in ([one.high for one in windows], [one.low for one in windows]))  # fmt: skip
    return _Curve(
        text=text,
        line=points([(x(one), y(one.temperature)) for one in windows]),
        band=points([*upper, *reversed(lower)]),
        ticks=tuple((y(half / 2), half / 2) for half in range(int(2 * top) + 1)),
        windows=tuple(windows),
    )
