"""What the charts of a report say, in words and numbers: captions, alternative texts and tables. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thermoscope.report.numbers import short
from thermoscope.report.records.schema import Curve, Difference, Differences, Frontier, FrontierPoint, Point, Report

#: How parameters are called on labels.
_SHORT = {"temperature": "T"}
#: How many settings an alternative text names, at most, before it counts the rest.
_NAMED = 6


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


def interval(low: float | None, high: float | None) -> str:
    """``.12 to .34``; ``unknown``."""
    return "unknown" if low is None or high is None else f"{number(low)} to {number(high)}"


def unit_of(report: Report) -> str:
    """What intervals are over, in the plural."""
    return " or ".join(dict.fromkeys(f"{run.unit}s" for run in report.runs))


def series_of(report: Report, setting: int) -> str:
    """What tells a setting from others at the same place of the axis; "" if nothing does."""
    there = report.settings[setting]
    run = report.runs[there.run].name if len(report.runs) > 1 else ""
    return " · ".join(part for part in (run, there.series) if part)


def along_axis(report: Report, settings: Sequence[int]) -> bool:
    """Whether settings stand at places of the axis: all have one, and not all the same."""
    places = {report.settings[number].x for number in settings}
    return report.axis is not None and None not in places and len(places) > 1


def curve_figure(report: Report, curve: Curve) -> Figure:
    """A measure over the settings."""
    over = f" over {report.axis}" if along_axis(report, [p.setting for p in curve.points]) else ""
    header = ("setting", "mean", "95 % interval", "95 % band", unit_of(report), "values")
    rows = tuple(
        (
            report.settings[p.setting].label,
            number(p.mean),
            interval(p.low, p.high),
            interval(p.band_low, p.band_high),
            str(p.units),
            str(p.texts),
        )
        for p in curve.points
    )
    title = titled(curve.measure, curve.unit)
    says = " ".join(_course(report, name, points) for name, points in by_series(report, curve.points))
    scale = ", on a logarithmic scale" if curve.scale == "log" else ""
    alt = f"{title}{over}{scale}: {curve.meaning}. {says} The table below has all numbers."
    return Figure(f"curve-{curve.measure}", title, f"{_first_upper(curve.meaning)}.", alt, header, rows)


def by_series(report: Report, points: Sequence[Point]) -> list[tuple[str, list[Point]]]:
    """The points of a curve by series, in the order of their first."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(series_of(report, point.setting), []).append(point)
    return list(found.items())


def _course(report: Report, name: str, points: Sequence[Point]) -> str:
    """Where a series begins and ends, and its extremes."""

    def at(point: Point) -> str:
        return f"{number(point.mean)} at {report.settings[point.setting].label}"

    head = f"{name}: " if name else ""
    if len(points) == 1:
        return f"{head}{at(points[0])} (95 % interval {interval(points[0].low, points[0].high)})."
    least, most = (pick(points, key=lambda p: p.mean) for pick in (min, max))
    ends = f"from {at(points[0])} to {at(points[-1])}"
    return f"{head}{ends}; least {at(least)}, most {at(most)}; {len(points)} settings."


def pair_names(report: Report, pairs: Sequence[Difference]) -> tuple[list[str], str]:
    """What each pair is called, and what all of them are: ``T=0.7`` under ``against T=0.3``."""
    settings = report.settings

    def across(pair: Difference) -> bool:
        a, b = settings[pair.a], settings[pair.b]
        return a.run != b.run and a.x is not None and (a.x, a.series) == (b.x, b.series)

    runs = {(settings[pair.a].run, settings[pair.b].run) for pair in pairs}
    references = {pair.a for pair in pairs}
    if len(runs) == 1 and all(across(pair) for pair in pairs):
        first, second = next(iter(runs))
        series = {settings[pair.b].series for pair in pairs}
        names = [place(report, pair.b) + (f" {settings[pair.b].series}" if series != {""} else "") for pair in pairs]
        said = f"{report.runs[second].name} against {report.runs[first].name}"
    elif len(references) == 1:
        names = [settings[pair.b].label for pair in pairs]
        said = f"against {settings[next(iter(references))].label}"
    else:
        names = [f"{settings[pair.a].label} → {settings[pair.b].label}" for pair in pairs]
        said = "the second setting against the first"
    if len(set(names)) < len(names):
        names = [f"{place + 1}. {name}" for place, name in enumerate(names)]
    return names, said


def place(report: Report, setting: int) -> str:
    """Where on the axis a setting stands: ``T=0.7``."""
    axis, x = report.axis or "", report.settings[setting].x
    return f"{_SHORT.get(axis, axis)}={'off' if x is None else f'{x:g}'}"


def differences_figure(report: Report, differences: Differences) -> Figure:
    """The paired differences of one measure."""
    names, said = pair_names(report, differences.pairs)
    ratio = differences.kind == "ratio"
    header = ("pair", differences.kind, "95 % interval", "95 % band", unit_of(report), "values", "told")
    rows = tuple(
        (
            name,
            number(pair.effect),
            interval(pair.low, pair.high),
            interval(pair.band_low, pair.band_high),
            str(pair.units),
            str(pair.texts),
            pair.told,
        )
        for name, pair in zip(names, differences.pairs, strict=True)
    )
    counted = []
    for told in ("higher", "lower", "can't be told", "unknown"):
        there = [name for name, pair in zip(names, differences.pairs, strict=True) if pair.told == told]
        if there:
            rest = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
            counted.append(f"{told} in {len(there)} of {len(names)} ({', '.join(there[:_NAMED])}{rest})")
    nothing = "a ratio of 1" if ratio else "0"
    alt = (
        f"Paired {differences.kind}s of {differences.measure}, {said}, held against {nothing}: {'; '.join(counted)}. "
        "The table below has all numbers."
    )
    caption = f"{_first_upper(differences.kind)}s, {said}."
    return Figure(f"differences-{differences.measure}", differences.measure, caption, alt, header, rows)


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
        f"{', '.join(best) or 'none'}. Too many texts end in a loop: {', '.join(loops) or 'none'}. "
        "The table below has all numbers."
    )
    caption = (
        f"{frontier.y} (up: more varied) against {frontier.x} (left: likelier). On the line no other setting is as "
        "likely and more varied."
    )
    return Figure("frontier", f"{frontier.y} against {frontier.x}", caption, alt, header, rows)


def titled(measure: str, unit: str) -> str:
    """A measure with its unit, unless the unit says the same."""
    return f"{measure} ({unit})" if unit and unit != measure else measure


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
