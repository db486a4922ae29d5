"""What a report found, in three sentences at most, made from its numbers: the answer first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from thermoscope.language.saying import phrase, say, worded
from thermoscope.report.records.effects import Effect, is_clear, is_own, ranked
from thermoscope.report.records.schema import Curve, Difference, Differences, Point, Ran, Setting
from thermoscope.report.records.settings import neighbours
from thermoscope.statistics.evidence import MOST_SETTINGS
from thermoscope.statistics.frontier import LOOPS, Frontier
from thermoscope.words import count, estimate, first_upper, joined, short

#: What a measure is called in a sentence; others by their names.
_CALLED = {"rep_4": phrase("the share of repeated 4-grams")}
#: The same at the beginning of a sentence.
_TITLED = {"rep_4": phrase("Repetition (rep_4)"), "perplexity": phrase("Perplexity")}
#: What a finding speaks of where nothing is clear.
_USUAL = ("rep_4", "perplexity")
#: Measures in one sentence.
_TOGETHER = 2
#: With none in so many texts, a rate of one in twenty is unlikely (at 95%, about 3 / n).
_ENOUGH = 60
#: How a measure goes from one setting to another.
_GOES = {
    "higher": phrase("{measure} rises from {a} to {b}"),
    "lower": phrase("{measure} falls from {a} to {b}"),
    "can't be told": phrase("{measure} goes from {a} to {b}, which is no clear difference"),
    "unknown": phrase("{measure} goes from {a} to {b}"),
}
_OPPOSITE = {"higher": "lower", "lower": "higher"}
#: Nats per token by which a text may be less likely than the model's own text is to the model.
_UNLIKELY = 0.1


def of_one_run(
    settings: Sequence[Setting],
    curves: Sequence[Curve],
    differences: Sequence[Differences],
    frontier: Frontier | None,
    ran: Ran,
) -> tuple[str, ...]:
    """Sentences on one run: its largest clear effect, where it is best or stops looping, and where it changes."""
    by_name = {curve.measure: curve for curve in curves}
    pairs = {(d.measure, p.a, p.b): p for d in differences for p in d.pairs}
    effects = ranked(differences)
    of_two = verdict(settings, differences) if len(settings) == 2 else None
    sentences = [
        of_two,
        _lead(settings, by_name, pairs, effects, ran.unit),
        _unclear_own(settings, by_name, effects),
        _nearest(settings, by_name, differences, _failing(by_name, frontier))
        or _loops(settings, frontier, by_name.get("loop_rate")),
        _neighbours(settings, pairs, effects) if of_two is None else None,
    ]
    return tuple(sentence for sentence in sentences if sentence)[:3]


def _lead(
    settings: Sequence[Setting],
    curves: Mapping[str, Curve],
    pairs: Mapping[tuple[str, int, int], Difference],
    effects: Sequence[Effect],
    unit: str,
) -> str | None:
    """The largest clear effect, and what else is clear between the same settings; or how measures go where none is."""
    known = [effect for effect in effects if effect.measure in curves]
    if known:
        ends = _along(settings, known[0].pair)
        names = [e.measure for e in known if is_clear(e.pair) and _told(pairs, e.measure, ends) in _OPPOSITE][
            :_TOGETHER
        ]
    else:
        ends = _ends(settings)
        names = [name for name in curves if is_own(name)] or [name for name in _USUAL if name in curves]
    points = {name: [_point(curves[name], end) for end in ends] for name in names}
    said = {
        name: (a, b, _told(pairs, name, ends)) for name, (a, b) in points.items() if a is not None and b is not None
    }
    return _sentence(settings, ends, said, unit) if said else None


def verdict(settings: Sequence[Setting], differences: Sequence[Differences]) -> str | None:
    """One line on two settings: whether they differ clearly, in what most, and in how many measures.

    ``differences`` hold one pair of settings each; without intervals nothing is said.
    """
    known = [found for found in differences if found.pairs and found.pairs[0].told != "unknown"]
    if not known:
        return None
    effects = ranked(known)
    many = count(len(known), "measure")
    if not effects:
        pair = known[0].pairs[0]
        a, b = settings[pair.a].label, settings[pair.b].label
        if len(known) > 1:
            return say("No clear difference between {a} and {b} in any of {measures}.", a=a, b=b, measures=many)
        return say("No clear difference between {a} and {b} in {measure}.", a=a, b=b, measure=known[0].measure)
    first = effects[0]
    pair = first.pair
    a, b = settings[pair.a].label, settings[pair.b].label
    by = estimate(pair.effect, pair.low, pair.high)
    size = (
        say("{effect} times that of {a}", effect=by, a=a)
        if first.kind == "ratio"
        else say("the difference from {a} is {effect}", effect=by, a=a)
    )
    if len(known) > 1:
        size = say("{size}; they differ clearly in {n} of {measures}", size=size, n=len(effects), measures=many)
    values = {"a": a, "b": b, "measure": first.measure, "size": size}
    if pair.told == "higher":
        return say("{b} has clearly higher {measure} than {a}: {size}.", **values)
    return say("{b} has clearly lower {measure} than {a}: {size}.", **values)


def _sentence(
    settings: Sequence[Setting], ends: tuple[int, int], said: Mapping[str, tuple[Point, Point, str]], unit: str
) -> str:
    """How measures go from one setting to another, or what they are at the only one."""
    alone = ends[0] == ends[1]
    parts: list[str] = []
    for name, (a, b, told) in said.items():
        called = worded(_CALLED[name]) if name in _CALLED else name
        if alone:
            parts.append(say("{measure} is {value}", measure=called, value=_estimate(a)))
        else:
            parts.append(say(_GOES.get(told, _GOES["unknown"]), measure=called, a=_estimate(a), b=_estimate(b)))
    untold = not alone and any(told == "can't be told" for _, _, told in said.values())
    first, last = (settings[end].label for end in ends)
    behind = _behind([point for a, b, _ in said.values() for point in (a, b)], unit)
    together = parts[0]
    for part in parts[1:]:
        together = (
            say("{first}, and {last}", first=together, last=part)
            if untold
            else say("{first} and {last}", first=together, last=part)
        )
    if alone:
        return say("At {setting} {measures} ({behind} each).", setting=first, measures=together, behind=behind)
    return say(
        "From {first} to {last} {measures} ({behind} each).", first=first, last=last, measures=together, behind=behind
    )


def _behind(points: Sequence[Point], unit: str) -> str:
    """How many texts are behind means, and what their intervals are."""
    texts, units = max(p.texts for p in points), max(p.units for p in points)
    counted = count(texts, "text")
    if unit != "seed":
        counted = say("{texts} of {units}", texts=counted, units=count(units, unit))
    if unit != "seed" and texts == units:  # one each, or one value for the texts of a prompt together
        counted = count(units, unit)
    if any(p.low is not None for p in points):
        return say("means with 95% intervals; {counted}", counted=counted)
    return counted


def _along(settings: Sequence[Setting], pair: Difference) -> tuple[int, int]:
    """The settings of a pair from the smaller to the larger value on the axis, or as they are listed."""
    a, b = settings[pair.a].x, settings[pair.b].x
    return (pair.b, pair.a) if a is not None and b is not None and a > b else (pair.a, pair.b)


def _ends(settings: Sequence[Setting]) -> tuple[int, int]:
    """The first and the last setting on the axis; as they are listed where there is none."""
    placed = {i: s.x for i, s in enumerate(settings) if s.x is not None and s.series == settings[0].series}
    if not placed:
        return 0, len(settings) - 1
    return min(placed, key=lambda i: placed[i]), max(placed, key=lambda i: placed[i])


def _told(pairs: Mapping[tuple[str, int, int], Difference], name: str, ends: tuple[int, int]) -> str:
    """How the second of two settings differs from the first in a measure."""
    a, b = ends
    if (name, a, b) in pairs:
        return pairs[name, a, b].told
    other = pairs[name, b, a].told if (name, b, a) in pairs else "unknown"
    return _OPPOSITE.get(other, other)


def _unclear_own(settings: Sequence[Setting], curves: Mapping[str, Curve], effects: Sequence[Effect]) -> str | None:
    """The user's own measures that show no clear difference, where another measure leads."""
    clear = {effect.measure for effect in effects}
    unclear = [name for name in curves if is_own(name) and name not in clear]
    if not clear or not unclear or len(settings) < 2:
        return None
    parts: list[str] = []
    for name in unclear:
        least, most = (pick(curves[name].points, key=lambda p: p.mean) for pick in (min, max))
        parts.append(
            say(
                "{measure} does not differ clearly between any two settings ({least} at {where_least}, {most} at "
                "{where_most})",
                measure=name if parts else first_upper(name),
                least=_estimate(least), where_least=settings[least.setting].label,
                most=_estimate(most), where_most=settings[most.setting].label,
            )
        )  # fmt: skip
    return say("{sentence}.", sentence=joined(parts))


def _failing(curves: Mapping[str, Curve], frontier: Frontier | None) -> dict[int, str]:
    """The settings that no headline may point at, each with the first constraint that it fails.

    A text drawn from a model's own distribution (T=1) has, on average, a log-perplexity equal to its entropy: what is
    clearly less likely than that is not fluent to this model, however near its other measures are to a reference.
    """
    failing: dict[int, str] = {}
    if frontier is not None:
        failing |= {point.setting: phrase("loops") for point in frontier.points if point.loops}
    for point in curves["drift"].points if "drift" in curves else ():
        if point.low is not None and point.low > 0:
            failing.setdefault(point.setting, phrase("drift"))
    if "perplexity" in curves and "entropy" in curves:
        entropies = {point.setting: point.mean for point in curves["entropy"].points}
        for point in curves["perplexity"].points:
            if point.setting in entropies and log(point.mean) > entropies[point.setting] + _UNLIKELY:
                failing.setdefault(point.setting, phrase("perplexity"))
    return failing


def _nearest(
    settings: Sequence[Setting],
    curves: Mapping[str, Curve],
    differences: Sequence[Differences],
    failing: Mapping[int, str],
) -> str | None:
    """The setting closest to the reference of those that fail no constraint, and those not clearly further away."""
    curve = curves.get("reference_distance")
    if curve is None or len(curve.points) < 2:
        return None
    fluent = [point for point in curve.points if point.setting not in failing]
    first = min(curve.points, key=lambda point: point.mean)
    if not fluent:
        return say(
            "No setting gives text that is free of loops and drift and as likely as this model's own: {setting} is "
            "closest to the reference in figures, but fails {constraint}. This model is too weak to say which setting "
            "is best.",
            setting=settings[first.setting].label, constraint=worded(failing[first.setting]),
        )  # fmt: skip
    best = min(fluent, key=lambda point: point.mean)
    found = next((d for d in differences if d.measure == curve.measure), None)
    if found is None:
        return None
    unclear = {p.b if p.a == best.setting else p.a for p in found.pairs
               if best.setting in (p.a, p.b) and not is_clear(p)}  # fmt: skip
    others = unclear - set(failing)
    compared = {p.b if p.a == best.setting else p.a for p in found.pairs if best.setting in (p.a, p.b)}
    if not others:
        beside = (
            say("every other setting that fails nothing is further away")
            if unclear or first is not best
            else say("every other setting is further away")
        )
    elif len(settings) > MOST_SETTINGS and len(compared) < len(curve.points) - 1:
        beside = say("only its neighbours are compared with it")
    else:
        rest = joined(settings[i].label for i in sorted(others))
        beside = (
            say("{settings} is not clearly further away", settings=rest)
            if len(others) == 1
            else say("{settings} are not clearly further away", settings=rest)
        )
    said = say(
        "{setting} is closest to the reference, text written by people: its reference_distance is {distance}; "
        "{others}.",
        setting=settings[best.setting].label, distance=_estimate(best), others=beside,
    )  # fmt: skip
    if first.setting != best.setting:
        closer = say("{setting} is closer in figures, but fails {constraint}.", setting=settings[first.setting].label,
                     constraint=worded(failing[first.setting]))  # fmt: skip
        said = say("{sentence} {next}", sentence=said, next=closer)
    return say("{sentence} {next}", sentence=said, next=f"{first_upper(curve.note)}.") if curve.note else said


def _loops(settings: Sequence[Setting], frontier: Frontier | None, curve: Curve | None) -> str | None:
    """Where texts end in loops."""
    if frontier is None or curve is None or all(point.loop_rate is None for point in frontier.points):
        return None
    looping = sorted(point.setting for point in frontier.points if point.loops)
    most = max(frontier.points, key=lambda point: point.loop_rate or 0.0)
    if not looping:
        if not most.loop_rate:
            texts = min(point.texts for point in curve.points)
            if texts < _ENOUGH:
                return say(
                    "No text ends in a loop ({texts} per setting; too few to rule out rare loops).",
                    texts=count(texts, "text"),
                )
            return say("No text ends in a loop ({texts} per setting).", texts=count(texts, "text"))
        if most.loop_rate > LOOPS:
            return say("At no setting do texts end in a loop more often than the reference.")
        return say("At every setting, at most one text in twenty ends in a loop.")
    where: str = joined(settings[i].label for i in looping)
    if len(looping) > 1:
        where = say("{settings}, most often at {setting}", settings=where, setting=settings[most.setting].label)
    return say(
        "More than one text in twenty ends in a loop at {where} ({rate}).", where=where, rate=short(most.loop_rate)
    )


def _neighbours(
    settings: Sequence[Setting], pairs: Mapping[tuple[str, int, int], Difference], effects: Sequence[Effect]
) -> str | None:
    """Between how many neighbouring settings the leading measure differs clearly; neighbours as in the charts."""
    measures = [*(effect.measure for effect in effects), *_USUAL]
    for name in measures:
        beside = [_either(pairs, name, a, b) for a, b in neighbours(settings)]
        known = [pair for pair in beside if pair is not None]
        if known:
            break
    else:
        known = []
    if not known:
        return None
    if all(pair.told == "unknown" for pair in known):
        return say("With one text per setting there are no intervals; run more seeds to see how certain this is.")
    apart = sum(map(is_clear, known))
    called = worded(_TITLED.get(name, name))
    if not apart and len(settings) == 2:
        return say("{measure} did not change clearly between the two settings.", measure=called)
    if not apart:
        return say("{measure} did not change clearly between neighbouring settings.", measure=called)
    return say("{measure} changed clearly in {n} of {steps} between neighbouring settings.", measure=called, n=apart,
               steps=count(len(known), "step"))  # fmt: skip


def _either(pairs: Mapping[tuple[str, int, int], Difference], name: str, a: int, b: int) -> Difference | None:
    return pairs.get((name, a, b)) or pairs.get((name, b, a))


def _point(curve: Curve, setting: int) -> Point | None:
    return next((point for point in curve.points if point.setting == setting), None)


def _estimate(point: Point) -> str:
    return estimate(point.mean, point.low, point.high)
