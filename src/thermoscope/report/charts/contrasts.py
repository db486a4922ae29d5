"""Which paired differences are shown together: of neighbours, against one setting, or between two runs; in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from thermoscope.language.saying import phrase, say, worded
from thermoscope.report.charts.figures import estimated, interval, number, place, unit_of
from thermoscope.report.records.schema import Difference, Differences, Report
from thermoscope.report.records.settings import neighbours
from thermoscope.statistics.outcome import Outcome
from thermoscope.statistics.verdicts import OUTCOMES, outcome_shown

#: Signs and what they mean.
TOLD_KEY = (
    *((OUTCOMES[told][1], OUTCOMES[told][0]) for told in ("higher", "lower", "can't be told")),
    ("¦", phrase("zero, or a ratio of 1")),
)
#: What the kinds of differences are called.
KINDS = {"difference": phrase("difference"), "ratio": phrase("ratio")}
#: Rows of all choices of all measures together, at most; with more, only neighbours are offered.
_MOST_ROWS = 6000
#: Pairs in one chart, at most.
_MOST_PAIRS = 60
#: How many pairs an alternative text names before it counts the rest.
_NAMED = 6
_OTHER: dict[Outcome, Outcome] = {"higher": "lower", "lower": "higher"}


@dataclass(frozen=True, slots=True)
class Choice:
    """Differences of one measure that are shown together.

    Attributes
    ----------
    name
        "neighbours", "against T=0.7", or the two runs.
    pairs, names
        The differences, turned so that b is the one that is compared, and what each is called.
    alt
        What they say, from the numbers.
    """

    name: str
    pairs: tuple[Difference, ...]
    names: tuple[str, ...]
    alt: str


def header(report: Report, differences: Differences) -> tuple[str, ...]:
    """The columns of ``table``."""
    kind = say("{kind} (95% interval)", kind=worded(KINDS[differences.kind]))
    return (say("pair"), kind, say("95% band"), unit_of(report), say("values"), say("result"))


def unchanged(differences: Differences) -> str:
    """Differences that are all nothing, in one line; "" if some are not."""
    nothing = 1.0 if differences.kind == "ratio" else 0.0
    if any(pair.effect != nothing for pair in differences.pairs):
        return ""
    return say("{measure}: no difference between any two settings.", measure=differences.measure)


def table(choice: Choice) -> tuple[tuple[str, ...], ...]:
    """The numbers of a choice."""
    return tuple(
        (
            name,
            estimated(pair.effect, pair.low, pair.high),
            interval(pair.band_low, pair.band_high),
            str(pair.units),
            str(pair.texts),
            outcome_shown(pair.told),
        )
        for name, pair in zip(choice.names, choice.pairs, strict=True)
    )


def choices(report: Report, differences: Differences) -> tuple[Choice, ...]:
    """All that can be chosen, the first being shown unless asked otherwise."""
    if len(report.runs) > 1:
        return (_choice(report, differences, *_between(report, differences.pairs)),)
    pairs = {(pair.a, pair.b): pair for pair in differences.pairs}
    pairs |= {(pair.b, pair.a): turned(pair, differences.kind) for pair in differences.pairs}
    beside = [pairs[couple] for couple in neighbours(report.settings) if couple in pairs]
    found = []
    if beside:
        names = [_step(report, pair) for pair in beside]
        found.append(_choice(report, differences, say("neighbours"), beside[:_MOST_PAIRS], names[:_MOST_PAIRS]))
    count = len(report.settings)
    if found and count * count * len(report.differences) > _MOST_ROWS:
        return tuple(found)
    for reference, setting in enumerate(report.settings):
        against = [pairs[reference, b] for b in range(count) if (reference, b) in pairs][:_MOST_PAIRS]
        if against:
            names = [report.settings[pair.b].label for pair in against]
            name = say("against {setting}", setting=setting.label)
            found.append(_choice(report, differences, name, against, names))
    return tuple(found)


def _step(report: Report, pair: Difference) -> str:
    """What neighbours are called: ``T=0.3 → T=0.4``, with their series after it."""
    a, b = report.settings[pair.a], report.settings[pair.b]
    if a.x is None or b.x is None:
        return f"{a.label} → {b.label}"
    return f"{place(report, pair.a)} → {place(report, pair.b).split('=')[-1]}" + (f", {b.series}" if b.series else "")


def turned(pair: Difference, kind: str) -> Difference:
    """The same difference seen from the other side."""

    def other(value: float | None) -> float | None:
        if value is None:
            return None
        return -value if kind == "difference" else 1 / value if value else None

    effect = other(pair.effect)
    assert effect is not None, "a ratio of measures that are compared by ratios is not 0"
    return replace(
        pair,
        a=pair.b,
        b=pair.a,
        effect=effect + 0.0,
        low=other(pair.high),
        high=other(pair.low),
        band_low=other(pair.band_high),
        band_high=other(pair.band_low),
        told=_OTHER.get(pair.told, pair.told),
    )


def _between(report: Report, pairs: Sequence[Difference]) -> tuple[str, list[Difference], list[str]]:
    """The pairs of two runs, named by their place where both stand at the same."""
    settings = report.settings
    shown = list(pairs[:_MOST_PAIRS])
    same = all(settings[p.a].x is not None and settings[p.a].x == settings[p.b].x for p in shown)
    names = [place(report, p.b) for p in shown]
    if not same or len(set(names)) < len(names):
        names = [f"{settings[p.a].label} → {settings[p.b].label}" for p in shown]
    first, second = report.runs
    return say("{second} against {first}", first=first.name, second=second.name), shown, names


def _choice(
    report: Report, differences: Differences, name: str, pairs: Sequence[Difference], names: Sequence[str]
) -> Choice:
    if len(set(names)) < len(names):
        names = [f"{place_ + 1}. {name_}" for place_, name_ in enumerate(names)]
    counted = []
    for told in ("higher", "lower", "can't be told", "unknown"):
        there = [name_ for name_, pair in zip(names, pairs, strict=True) if pair.told == told]
        if there:
            listed = ", ".join(there[:_NAMED])
            if len(there) > _NAMED:
                listed = say("{listed} and {n} more", listed=listed, n=len(there) - _NAMED)
            counted.append(
                say("{result} in {n} of {of} ({listed})", result=outcome_shown(told), n=len(there), of=len(names),
                    listed=listed)
            )  # fmt: skip
    least, most = (pick(range(len(pairs)), key=lambda n: pairs[n].effect) for pick in (min, max))
    what = (
        say(
            "Paired ratios of {measure}, {choice}, compared with a ratio of 1", measure=differences.measure, choice=name
        )
        if differences.kind == "ratio"
        else say("Paired differences of {measure}, {choice}, compared with 0", measure=differences.measure, choice=name)
    )
    alt = say(
        "{what}: {counted}. Smallest {least} ({where_least}), largest {most} ({where_most}). The table below has all "
        "numbers.",
        what=what, counted="; ".join(counted), least=number(pairs[least].effect), where_least=names[least],
        most=number(pairs[most].effect), where_most=names[most],
    )  # fmt: skip
    return Choice(name, tuple(pairs), tuple(names), alt)
