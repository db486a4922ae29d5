"""What a report of two runs found: the second run against the first, the largest clear effects first."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.language.saying import say
from thermoscope.report.records.effects import is_own, ranked, size
from thermoscope.report.records.finding import verdict
from thermoscope.report.records.schema import Differences, Ran, Setting
from thermoscope.words import count, joined, short

#: Measures that have a sentence each, besides the user's own.
_SENTENCES = 2
#: So many measures without a clear difference are named; more are counted.
_NAMED = 3


def of_two_runs(
    settings: Sequence[Setting], differences: Sequence[Differences], runs: Sequence[Ran], notes: Sequence[str]
) -> tuple[str, ...]:
    """Sentences on the second run against the first; without differences the notes say why there are none."""
    if not differences:
        return tuple(notes)
    by_name = {found.measure: found for found in differences}
    clear = [effect.measure for effect in ranked(differences)]
    own = [name for name in by_name if is_own(name) and name not in clear]
    names = clear[:_SENTENCES]
    if max(len(found.pairs) for found in differences) == 1:
        said = verdict(settings, differences)
        return (said,) if said else tuple(notes)
    sentences = [_apart(by_name[name], runs, settings) for name in names]
    if not clear or own:
        sentences.append(_nothing(own if clear else list(by_name), by_name, runs))
    return tuple(sentences)


def _apart(found: Differences, runs: Sequence[Ran], settings: Sequence[Setting]) -> str:
    """At how many settings the second run lies clearly above or below the first."""
    first, second = (run.name for run in runs)
    parts: list[str] = []
    for kind in ("higher", "lower"):
        told = [pair for pair in found.pairs if pair.told == kind]
        if told:
            most = max(told, key=lambda pair: size(pair, found.kind))
            by = (
                say("{ratio} times", ratio=short(most.effect))
                if found.kind == "ratio"
                else say("by {difference}", difference=short(abs(most.effect)))
            )
            where: str = str(len(told))
            if not parts:
                where = say("{n} of {settings}", n=len(told), settings=count(len(found.pairs), "setting"))
            label = settings[most.b].label.removesuffix(f" ({second})")
            parts.append(
                say("higher at {where} ({by} at {setting})", where=where, by=by, setting=label)
                if kind == "higher"
                else say("lower at {where} ({by} at {setting})", where=where, by=by, setting=label)
            )
    rest = sum(pair.told not in ("higher", "lower") for pair in found.pairs)
    values = {"first": first, "second": second, "measure": found.measure, "parts": joined(parts)}
    if rest:
        return say(
            "{second} against {first}: {measure} is {parts}; no clear difference at {rest}.", rest=rest, **values
        )
    return say("{second} against {first}: {measure} is {parts}.", **values)


def _nothing(names: Sequence[str], by_name: dict[str, Differences], runs: Sequence[Ran]) -> str:
    """That measures show no clear difference anywhere."""
    first, second = (run.name for run in runs)
    pairs = max(len(by_name[name].pairs) for name in names)
    where = say("the one setting that both have")
    if pairs != 1:
        where = say("any of the {settings} that both have", settings=count(pairs, "setting"))
    what = joined(names) if len(names) <= _NAMED else say("any of {measures}", measures=count(len(names), "measure"))
    return say("{second} against {first}: no clear difference in {what} at {where}.", first=first, second=second,
               what=what, where=where)  # fmt: skip
