"""What the charts of a report say, in words and numbers: captions, alternative texts and tables. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thermoscope.language.saying import phrase, say, worded
from thermoscope.report.records.schema import Curve, Point, Report
from thermoscope.statistics.frontier import Frontier, FrontierPoint
from thermoscope.words import estimate, first_upper, joined, short

#: How parameters are called on labels.
_SHORT = {"temperature": "T"}
#: Signs and what they mean in the chart of the frontier; the last is of settings that loop.
FRONTIER_KEY = (
    (phrase("filled"), phrase("no other setting is as likely and as varied")),
    (phrase("hollow"), phrase("another is")),
    (phrase("loops"), phrase("too many texts end in a loop")),
)
#: What intervals are over, in the plural.
_UNITS = {"prompt": phrase("prompts"), "seed": phrase("seeds")}
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
    return say("unknown") if low is None or high is None else say("{low} to {high}", low=number(low), high=number(high))


def unit_of(report: Report) -> str:
    """What intervals are over, in the plural."""
    units = [worded(_UNITS[unit]) for unit in dict.fromkeys(run.unit for run in report.runs)]
    return units[0] if len(units) == 1 else say("{one} or {other}", one=units[0], other=units[1])


def along_axis(report: Report, settings: Sequence[int]) -> bool:
    """Whether settings stand at places of the axis: all have one, and not all the same."""
    places = {report.settings[number].x for number in settings}
    return report.axis is not None and None not in places and len(places) > 1


def curve_figure(report: Report, curve: Curve) -> Figure:
    """A measure over the settings."""
    header = (say("setting"), say("mean (95% interval)"), say("95% band"), unit_of(report), say("values"))
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
    title = titled(curve.measure, worded(curve.unit))
    says = " ".join(_course(report, name, points) for name, points in by_series(report, curve.points))
    shown: str = title
    if along_axis(report, [p.setting for p in curve.points]):
        shown = say("{measure} over {axis}", measure=shown, axis=report.axis)
    if curve.scale == "log":
        shown = say("{measure}, log scale", measure=shown)
    alt = say(
        "{chart}: {meaning}. {says} The table below has all numbers.", chart=shown, meaning=curve.meaning, says=says
    )
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
    measure, value = titled(curve.measure, worded(curve.unit)), shown.pop()
    said = (
        say(
            "{measure}: {value} at every setting (95% intervals within {interval}).",
            measure=measure, value=value, interval=interval(min(lows), max(highs)),
        )
        if highs and lows
        else say("{measure}: {value} at every setting.", measure=measure, value=value)
    )  # fmt: skip
    return f"{said} {curve.missing}." if curve.missing else said


def _stops(report: Report, curve: Curve) -> str:
    """Where a band stops, and why."""
    without = [p for p in curve.points if p.band_low is None]
    if not without or len(without) == len(curve.points):
        return ""
    few, same = ([p for p in without if (p.units < 2) is is_few] for is_few in (True, False))

    def at(points: Sequence[Point]) -> str:
        return joined(report.settings[p.setting].label for p in points)

    parts: list[str] = []
    if same:
        parts.append(say("the band stops at {settings}, where all values are the same", settings=at(same)))
    if few:
        parts.append(
            say("the band stops at {settings}, where fewer than two {units} have a value", settings=at(few),
                units=unit_of(report))
        )  # fmt: skip
    return "; ".join(parts)


def by_series(report: Report, points: Sequence[Point]) -> list[tuple[str, list[Point]]]:
    """The points of a curve by series, in the order of their first."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(report.settings[point.setting].series, []).append(point)
    return list(found.items())


def _course(report: Report, name: str, points: Sequence[Point]) -> str:
    """Where a series begins and ends, and its extremes."""

    def at(point: Point) -> str:
        return say("{value} at {setting}", value=number(point.mean), setting=report.settings[point.setting].label)

    head = f"{name}: " if name else ""
    if len(points) == 1:
        ends = interval(points[0].low, points[0].high)
        return head + say("{point} (95% interval {interval}).", point=at(points[0]), interval=ends)
    least, most = (pick(points, key=lambda p: p.mean) for pick in (min, max))
    return head + say(
        "from {first} to {last}; lowest {least}, highest {most}; {n} settings.",
        first=at(points[0]), last=at(points[-1]), least=at(least), most=at(most), n=len(points),
    )  # fmt: skip


def place(report: Report, setting: int) -> str:
    """Where on the axis a setting stands: ``T=0.7``."""
    axis, x = report.axis or "", report.settings[setting].x
    return f"{_SHORT.get(axis, axis)}={say('off') if x is None else f'{x:g}'}"


def frontier_labels(report: Report, frontier: Frontier) -> list[str]:
    """What stands at each point: where the setting stands on the axis, its name, or its number where names are long."""
    names = [report.settings[p.setting].label for p in frontier.points]
    if len({s.series for s in report.settings}) < 2 and along_axis(report, [p.setting for p in frontier.points]):
        names = [place(report, p.setting) for p in frontier.points]
    if max(map(len, names)) > _LABEL:
        names = [str(p.setting + 1) for p in frontier.points]
    return [
        say("{setting} (loops)", setting=name) if p.loops else name
        for name, p in zip(names, frontier.points, strict=True)
    ]


def frontier_numbers(report: Report, frontier: Frontier) -> list[tuple[int, str]]:
    """The settings by the numbers that stand at their points; empty where names do."""
    if not all(label.split(" ")[0].isdecimal() for label in frontier_labels(report, frontier)):
        return []
    return sorted((p.setting + 1, report.settings[p.setting].label) for p in frontier.points)


def frontier_figure(report: Report, frontier: Frontier) -> Figure:
    """Diversity against likelihood."""
    header = (say("setting"), frontier.x, frontier.y, say("texts that end in a loop"), say("on the frontier"))

    def label(point: FrontierPoint) -> str:
        return report.settings[point.setting].label

    def share(point: FrontierPoint) -> str:
        rate = number(point.loop_rate)
        return say("{rate}, too many", rate=rate) if point.loops else rate

    rows = tuple(
        (label(p), number(p.x), number(p.y), share(p), say("yes") if p.on_frontier else say("no"))
        for p in frontier.points
    )
    best = [label(point) for point in frontier.points if point.on_frontier]
    loops = [label(point) for point in frontier.points if point.loops]
    alt = say(
        "{y} against {x} of {n} settings. On the frontier: {best}. Settings where too many texts end in a loop: "
        "{loops}. The table below has all numbers.",
        y=frontier.y, x=frontier.x, n=len(frontier.points), best=", ".join(best) or say("none"),
        loops=", ".join(loops) or say("none"),
    )  # fmt: skip
    caption = say(
        "{y} (up: more varied) against {x} (left: more likely). For settings on the line, no other setting is better "
        "on both axes.",
        y=frontier.y, x=frontier.x,
    )  # fmt: skip
    return Figure("frontier", say("{y} against {x}", y=frontier.y, x=frontier.x), caption, alt, header, rows)


def titled(measure: str, unit: str) -> str:
    """A measure with its unit, unless the unit says the same."""
    return f"{measure} ({unit})" if unit and unit not in (measure, worded(measure)) else measure
