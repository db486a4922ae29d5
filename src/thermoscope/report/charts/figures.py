"""What the charts of a report say, in words and numbers: captions, alternative texts and tables. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thermoscope.report.records.schema import Curve, Point, Report
from thermoscope.statistics.frontier import Frontier, FrontierPoint
from thermoscope.words import estimate, first_upper, joined, short

#: How parameters are called on labels.
_SHORT = {"temperature": "T"}
#: Signs and what they mean in the chart of the frontier.
FRONTIER_KEY = (
    ("filled", "no other setting is as likely and as varied"),
    ("hollow", "another is"),
    ("loops", "too many texts end in a loop"),
)
#: Letters of labels at the points of the frontier; settings with longer ones are numbered.
_LABEL = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart in words.

    Attributes
    ----------
    id
        Its name on a page.
    title
        The measure, with its unit.
    caption
        What is seen, one line.
    alt
        What the chart shows, from the numbers, for whoever doesn't see it.
    header, rows
        Its numbers as a table; the first column names the row.
    """

    id: str
    title: str
    caption: str
    alt: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def number(value: float | None) -> str:
    """Three digits, with a minus sign that is as wide as a plus."""
    return short(value).replace("-", "−")


def estimated(mean: float | None, low: float | None, high: float | None) -> str:
    """``0.037 (0.011 to 0.116)``, with minus signs as in ``number``."""
    return estimate(mean, low, high).replace("-", "−")


def interval(low: float | None, high: float | None) -> str:
    """``0.120 to 0.340``; ``unknown``."""
    return "unknown" if low is None or high is None else f"{number(low)} to {number(high)}"


def unit_of(report: Report) -> str:
    """What intervals are over, in the plural."""
    return " or ".join(dict.fromkeys(f"{run.unit}s" for run in report.runs))


def along_axis(report: Report, settings: Sequence[int]) -> bool:
    """Whether settings stand at places of the axis: all have one, and not all the same."""
    places = {report.settings[number].x for number in settings}
    return report.axis is not None and None not in places and len(places) > 1


def curve_figure(report: Report, curve: Curve) -> Figure:
    """A measure over the settings."""
    over = f" over {report.axis}" if along_axis(report, [p.setting for p in curve.points]) else ""
    header = ("setting", "mean (95% interval)", "95% band", unit_of(report), "values")
    rows = tuple(
        (
            report.settings[p.setting].label,
            estimated(p.mean, p.low, p.high),
            interval(p.band_low, p.band_high),
            str(p.units),
            str(p.texts),
        )
        for p in curve.points
    )
    title = titled(curve.measure, curve.unit)
    says = " ".join(_course(report, name, points) for name, points in by_series(report, curve.points))
    scale = ", log scale" if curve.scale == "log" else ""
    alt = f"{title}{over}{scale}: {curve.meaning}. {says} The table below has all numbers."
    limits = (curve.meaning, curve.note, curve.missing, _stops(report, curve))
    caption = " ".join(f"{first_upper(said)}." for said in limits if said)
    return Figure(f"curve-{curve.measure}", title, caption, alt, header, rows)


def constant(report: Report, curve: Curve) -> str:
    """A measure that is the same at every setting, in one line; "" if it isn't."""
    shown = {number(p.mean) for p in curve.points}
    if len(curve.points) < 2 or len(shown) > 1:
        return ""
    highs = [p.high for p in curve.points if p.high is not None]
    lows = [p.low for p in curve.points if p.low is not None]
    within = f" (95% intervals within {interval(min(lows), max(highs))})" if highs and lows else ""
    lacking = f". {curve.missing}" if curve.missing else ""
    return f"{titled(curve.measure, curve.unit)}: {shown.pop()} at every setting{within}{lacking}."


def _stops(report: Report, curve: Curve) -> str:
    """Where a band stops, and why."""
    without = [p for p in curve.points if p.band_low is None]
    if not without or len(without) == len(curve.points):
        return ""
    few, same = ([p for p in without if (p.units < 2) is is_few] for is_few in (True, False))

    def at(points: Sequence[Point]) -> str:
        return joined(report.settings[p.setting].label for p in points)

    parts = [f"at {at(same)}, where all values are the same"] if same else []
    parts += [f"at {at(few)}, where fewer than two {unit_of(report)} have a value"] if few else []
    return f"the band stops {' and '.join(parts)}"


def by_series(report: Report, points: Sequence[Point]) -> list[tuple[str, list[Point]]]:
    """The points of a curve by series, in the order of their first."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(report.settings[point.setting].series, []).append(point)
    return list(found.items())


def _course(report: Report, name: str, points: Sequence[Point]) -> str:
    """Where a series begins and ends, and its extremes."""

    def at(point: Point) -> str:
        return f"{number(point.mean)} at {report.settings[point.setting].label}"

    head = f"{name}: " if name else ""
    if len(points) == 1:
        return f"{head}{at(points[0])} (95% interval {interval(points[0].low, points[0].high)})."
    least, most = (pick(points, key=lambda p: p.mean) for pick in (min, max))
    ends = f"from {at(points[0])} to {at(points[-1])}"
    return f"{head}{ends}; lowest {at(least)}, highest {at(most)}; {len(points)} settings."


def place(report: Report, setting: int) -> str:
    """Where on the axis a setting stands: ``T=0.7``."""
    axis, x = report.axis or "", report.settings[setting].x
    return f"{_SHORT.get(axis, axis)}={'off' if x is None else f'{x:g}'}"


def frontier_labels(report: Report, frontier: Frontier) -> list[str]:
    """What stands at each point: where the setting stands on the axis, its name, or its number where names are long."""
    names = [report.settings[p.setting].label for p in frontier.points]
    if len({s.series for s in report.settings}) < 2 and along_axis(report, [p.setting for p in frontier.points]):
        names = [place(report, p.setting) for p in frontier.points]
    if max(map(len, names)) > _LABEL:
        names = [str(p.setting + 1) for p in frontier.points]
    return [f"{name} (loops)" if p.loops else name for name, p in zip(names, frontier.points, strict=True)]


def frontier_numbers(report: Report, frontier: Frontier) -> list[tuple[int, str]]:
    """The settings by the numbers that stand at their points; empty where names do."""
    shown = {label.split(" ")[0] for label in frontier_labels(report, frontier)}
    if not all(label.isdecimal() for label in shown):
        return []
    return sorted((p.setting + 1, report.settings[p.setting].label) for p in frontier.points)


def frontier_figure(report: Report, frontier: Frontier) -> Figure:
    """Diversity against likelihood."""
    header = ("setting", frontier.x, frontier.y, "texts that end in a loop", "on the frontier")

    def label(point: FrontierPoint) -> str:
        return report.settings[point.setting].label

    def share(point: FrontierPoint) -> str:
        rate = number(point.loop_rate)
        return f"{rate}, too many" if point.loops else rate

    rows = tuple(
        (label(p), number(p.x), number(p.y), share(p), "yes" if p.on_frontier else "no") for p in frontier.points
    )
    best = [label(point) for point in frontier.points if point.on_frontier]
    loops = [label(point) for point in frontier.points if point.loops]
    alt = (
        f"{frontier.y} against {frontier.x} of {len(frontier.points)} settings. On the frontier: "
        f"{', '.join(best) or 'none'}. Settings where too many texts end in a loop: {', '.join(loops) or 'none'}. "
        "The table below has all numbers."
    )
    caption = (
        f"{frontier.y} (up: more varied) against {frontier.x} (left: more likely). For settings on the line, no other "
        "setting is better on both axes."
    )
    return Figure("frontier", f"{frontier.y} against {frontier.x}", caption, alt, header, rows)


def titled(measure: str, unit: str) -> str:
    """A measure with its unit, unless the unit says the same."""
    return f"{measure} ({unit})" if unit and unit != measure else measure
