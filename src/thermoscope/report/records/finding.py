"""What a report found, in three sentences at most, made from its numbers: the answer first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from thermoscope.report.records.effects import Effect, is_clear, is_own, ranked
from thermoscope.report.records.schema import Curve, Difference, Differences, Point, Ran, Setting
from thermoscope.report.records.settings import neighbours
from thermoscope.statistics.evidence import MOST_SETTINGS
from thermoscope.statistics.frontier import LOOPS, Frontier
from thermoscope.words import count, estimate, first_upper, joined, short

#: What a measure is called in a sentence; others by their names.
_CALLED = {"rep_4": "the share of repeated 4-grams"}
#: The same at the beginning of a sentence.
_TITLED = {"rep_4": "Repetition (rep_4)"}
#: What a finding speaks of where nothing is clear.
_USUAL = ("rep_4", "perplexity")
#: Measures in one sentence.
_TOGETHER = 2
#: With none in so many texts, a rate of one in twenty is unlikely (at 95%, about 3 / n).
_ENOUGH = 60
_VERBS = {"higher": "rises", "lower": "falls"}
_OPPOSITE = {"higher": "lower", "lower": "higher"}
_UNTOLD = ", which is no clear difference"
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
        names = [e.measure for e in known if is_clear(e.pair) and _told(pairs, e.measure, ends) in _VERBS][:_TOGETHER]
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
        where = f"in any of {many}" if len(known) > 1 else f"in {known[0].measure}"
        return f"No clear difference between {settings[pair.a].label} and {settings[pair.b].label} {where}."
    first = effects[0]
    pair = first.pair
    a, b = settings[pair.a].label, settings[pair.b].label
    by = estimate(pair.effect, pair.low, pair.high)
    size = f"{by} times that of {a}" if first.kind == "ratio" else f"the difference from {a} is {by}"
    more = f"; they differ clearly in {len(effects)} of {many}" if len(known) > 1 else ""
    return f"{b} has clearly {pair.told} {first.measure} than {a}: {size}{more}."


def _sentence(
    settings: Sequence[Setting], ends: tuple[int, int], said: Mapping[str, tuple[Point, Point, str]], unit: str
) -> str:
    """How measures go from one setting to another, or what they are at the only one."""
    alone = ends[0] == ends[1]
    parts = []
    for name, (a, b, told) in said.items():
        called = _CALLED.get(name, name)
        if alone:
            parts.append(f"{called} is {_estimate(a)}")
            continue
        untold = _UNTOLD if told == "can't be told" else ""
        parts.append(f"{called} {_VERBS.get(told, 'goes')} from {_estimate(a)} to {_estimate(b)}{untold}")
    first, last = (settings[end].label for end in ends)
    where = f"At {first}" if alone else f"From {first} to {last}"
    behind = _behind([point for a, b, _ in said.values() for point in (a, b)], unit)
    together = (", and " if any(part.endswith(_UNTOLD) for part in parts) else " and ").join(parts)
    return f"{where} {together} ({behind} each)."


def _behind(points: Sequence[Point], unit: str) -> str:
    """How many texts are behind means, and what their intervals are."""
    texts, units = max(p.texts for p in points), max(p.units for p in points)
    counted = count(texts, "text") if unit == "seed" else f"{count(texts, 'text')} of {count(units, unit)}"
    if unit != "seed" and texts == units:  # one each, or one value for the texts of a prompt together
        counted = count(units, unit)
    return f"{'means with 95% intervals; ' if any(p.low is not None for p in points) else ''}{counted}"


def _along(settings: Sequence[Setting], pair: Difference) -> tuple[int, int]:
    """The settings of a pair from the smaller to the larger value on the axis, or as they are listed."""
    a, b = settings[pair.a].x, settings[pair.b].x
    return (pair.b, pair.a) if a is not None and b is not None and a > b else (pair.a, pair.b)


def _ends(settings: Sequence[Setting]) -> tuple[int, int]:
    """The first and the last setting on the axis."""
    placed = {i: s.x for i, s in enumerate(settings) if s.x is not None and s.series == settings[0].series}
    return (min(placed, key=lambda i: placed[i]), max(placed, key=lambda i: placed[i])) if placed else (0, 0)


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
    parts = []
    for name in unclear:
        least, most = (pick(curves[name].points, key=lambda p: p.mean) for pick in (min, max))
        parts.append(
            f"{name} does not differ clearly between any two settings ({_estimate(least)} at "
            f"{settings[least.setting].label}, {_estimate(most)} at {settings[most.setting].label})"
        )
    return f"{first_upper(joined(parts))}."


def _failing(curves: Mapping[str, Curve], frontier: Frontier | None) -> dict[int, str]:
    """The settings that no headline may point at, each with the first constraint that it fails.

    A text drawn from a model's own distribution (T=1) has, on average, a log-perplexity equal to its entropy: what is
    clearly less likely than that is not fluent to this model, however near its other measures are to a reference.
    """
    failing: dict[int, str] = {}
    if frontier is not None:
        failing |= {point.setting: "loops" for point in frontier.points if point.loops}
    for point in curves["drift"].points if "drift" in curves else ():
        if point.low is not None and point.low > 0:
            failing.setdefault(point.setting, "drift")
    if "perplexity" in curves and "entropy" in curves:
        entropies = {point.setting: point.mean for point in curves["entropy"].points}
        for point in curves["perplexity"].points:
            if point.setting in entropies and log(point.mean) > entropies[point.setting] + _UNLIKELY:
                failing.setdefault(point.setting, "perplexity")
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
        return (
            "No setting gives text that is free of loops and drift and as likely as this model's own: "
            f"{settings[first.setting].label} is closest to the reference in figures, but fails "
            f"{failing[first.setting]}. This model is too weak to say which setting is best."
        )
    best = min(fluent, key=lambda point: point.mean)
    found = next((d for d in differences if d.measure == curve.measure), None)
    if found is None:
        return None
    unclear = {p.b if p.a == best.setting else p.a for p in found.pairs
               if best.setting in (p.a, p.b) and not is_clear(p)}  # fmt: skip
    others = unclear - set(failing)
    compared = {p.b if p.a == best.setting else p.a for p in found.pairs if best.setting in (p.a, p.b)}
    name = settings[best.setting].label
    limit = f" {first_upper(curve.note)}." if curve.note else ""
    distance = f"its reference_distance is {_estimate(best)}"
    said = f"{name} is closest to the reference, text written by people: {distance}"
    if first.setting != best.setting:
        limit = f" {settings[first.setting].label} is closer in figures, but fails {failing[first.setting]}.{limit}"
    if not others:
        which = "every other setting that fails nothing" if unclear or first is not best else "every other setting"
        return f"{said}; {which} is further away.{limit}"
    if len(settings) > MOST_SETTINGS and len(compared) < len(curve.points) - 1:
        return f"{said}; only its neighbours are compared with it.{limit}"
    rest = joined(settings[i].label for i in sorted(others))
    return f"{said}; {rest} {'is' if len(others) == 1 else 'are'} not clearly further away.{limit}"


def _loops(settings: Sequence[Setting], frontier: Frontier | None, curve: Curve | None) -> str | None:
    """Where texts end in loops."""
    if frontier is None or curve is None or all(point.loop_rate is None for point in frontier.points):
        return None
    looping = sorted(point.setting for point in frontier.points if point.loops)
    most = max(frontier.points, key=lambda point: point.loop_rate or 0.0)
    if not looping:
        if not most.loop_rate:
            texts = min(point.texts for point in curve.points)
            few = "; too few to rule out rare loops" if texts < _ENOUGH else ""
            return f"No text ends in a loop ({count(texts, 'text')} per setting{few})."
        if most.loop_rate > LOOPS:
            return "At no setting do texts end in a loop more often than the reference."
        return "At every setting, at most one text in twenty ends in a loop."
    which = joined(settings[i].label for i in looping)
    rate = f"({short(most.loop_rate)})"
    where = which if len(looping) == 1 else f"{which}, most often at {settings[most.setting].label}"
    return f"More than one text in twenty ends in a loop at {where} {rate}."


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
        return "With one text per setting there are no intervals; run more seeds to see how certain this is."
    apart = sum(map(is_clear, known))
    called = _TITLED.get(name, first_upper(name) if name == "perplexity" else name)
    if not apart:
        which = "the two" if len(settings) == 2 else "neighbouring"
        return f"{called} did not change clearly between {which} settings."
    return f"{called} changed clearly in {apart} of {count(len(known), 'step')} between neighbouring settings."


def _either(pairs: Mapping[tuple[str, int, int], Difference], name: str, a: int, b: int) -> Difference | None:
    return pairs.get((name, a, b)) or pairs.get((name, b, a))


def _point(curve: Curve, setting: int) -> Point | None:
    return next((point for point in curve.points if point.setting == setting), None)


def _estimate(point: Point) -> str:
    return estimate(point.mean, point.low, point.high)
