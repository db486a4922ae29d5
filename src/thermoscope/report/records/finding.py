"""What a report found, in three sentences at most, made from its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

from thermoscope.report.records.schema import Curve, Difference, Differences, Point, Ran, Setting
from thermoscope.statistics.evidence import MOST_SETTINGS
from thermoscope.statistics.frontier import LOOPS, Frontier
from thermoscope.statistics.verdicts import CLAIMS, claim_verdict
from thermoscope.words import count, first_upper, joined, short

#: What a measure is called in a sentence.
_CALLED = {"rep_4": "the share of repeated 4-grams", "perplexity": "perplexity"}
#: With none in so many texts, a rate of one in twenty is unlikely (at 95%, about 3 / n).
_ENOUGH = 60
_VERBS = {"higher": "rises", "lower": "falls"}
_UNTOLD = ", which is no clear difference"
#: The same at the beginning of a sentence.
_TITLED = {"rep_4": "Repetition (rep_4)", "perplexity": "Perplexity"}
#: Nats per token by which a text may be less likely than the model's own text is to the model.
_UNLIKELY = 0.1


def of_one_run(
    settings: Sequence[Setting],
    curves: Sequence[Curve],
    differences: Sequence[Differences],
    frontier: Frontier | None,
    ran: Ran,
) -> tuple[str, ...]:
    """Sentences on one run: what changes along it, where it is best or stops looping, which claims hold."""
    by_name = {curve.measure: curve for curve in curves}
    pairs = {(d.measure, p.a, p.b): p for d in differences for p in d.pairs}
    sentences = [
        _along(settings, by_name, pairs, ran.unit),
        _nearest(settings, by_name, differences, _failing(by_name, frontier))
        or _loops(settings, frontier, by_name.get("loop_rate")),
        _claims(ran) or _neighbours(settings, pairs),
    ]
    return tuple(sentence for sentence in sentences if sentence)


def of_two_runs(
    settings: Sequence[Setting], differences: Sequence[Differences], runs: Sequence[Ran], notes: Sequence[str]
) -> tuple[str, ...]:
    """Sentences on the second run against the first; without differences the notes say why there are none."""
    if not differences:
        return tuple(sentence for sentence in [*notes, _claims_apart(runs)] if sentence)
    by_name = {found.measure: found for found in differences}
    names = [name for name in ("rep_4", "perplexity") if name in by_name] or list(by_name)[:2]
    sentences = [_apart(by_name[name], runs, settings) for name in names]
    return tuple(sentence for sentence in [*sentences, _claims_apart(runs)] if sentence)


def _along(
    settings: Sequence[Setting],
    curves: Mapping[str, Curve],
    pairs: Mapping[tuple[str, int, int], Difference],
    unit: str,
) -> str | None:
    """How repetition and perplexity go from the first setting to the last of the axis."""
    there = [name for name in _CALLED if name in curves]
    if not there:
        return None
    placed = [i for i, s in enumerate(settings) if s.x is not None and s.series == settings[0].series]
    ends = (
        (min(placed, key=lambda i: settings[i].x or 0.0), max(placed, key=lambda i: settings[i].x or 0.0))
        if placed
        else (0, 0)
    )
    parts = []
    for name in there:
        first, last = (_point(curves[name], end) for end in ends)
        if first is None or last is None:
            continue
        if ends[0] == ends[1]:
            parts.append(f"{_CALLED[name]} is {_with_interval(first)}")
            continue
        pair = pairs.get((name, *ends)) or _turned(pairs.get((name, ends[1], ends[0])))
        told = "unknown" if pair is None else pair.told
        verb, untold = _VERBS.get(told, "goes"), _UNTOLD if told == "can't be told" else ""
        path = f"from {_with_interval(first)} to {_with_interval(last)}"
        parts.append(f"{_CALLED[name]} {verb} {path}{untold}")
    if not parts:
        return None
    a, b = (settings[end] for end in ends)
    where = f"At {a.label}" if ends[0] == ends[1] else f"From {a.label} to {b.label}"
    units = max(p.units for name in there for p in curves[name].points)
    texts = max(p.texts for name in there for p in curves[name].points)
    behind = count(texts, "text") if unit == "seed" else f"{count(texts, 'text')} of {count(units, unit)}"
    said = (", and " if any(part.endswith(_UNTOLD) for part in parts) else " and ").join(parts)
    known = any(p.low is not None for name in there for p in curves[name].points)
    return f"{where} {said} ({'means with 95% intervals; ' if known else ''}{behind} each)."


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
    others = {p.b if p.a == best.setting else p.a for p in found.pairs
              if best.setting in (p.a, p.b) and p.told not in ("higher", "lower")}  # fmt: skip
    compared = {p.b if p.a == best.setting else p.a for p in found.pairs if best.setting in (p.a, p.b)}
    name = settings[best.setting].label
    limit = f" {first_upper(curve.note)}." if curve.note else ""
    distance = f"its reference_distance is {_with_interval(best)}"
    said = f"{name} is closest to the reference, text written by people: {distance}"
    if first.setting != best.setting:
        limit = f" {settings[first.setting].label} is closer in figures, but fails {failing[first.setting]}.{limit}"
    if not others:
        return f"{said}; every other setting is further away.{limit}"
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


def _claims(ran: Ran) -> str | None:
    """Which of the article's claims hold."""
    parts = []
    for verdict, (one, several) in CLAIMS.items():
        names = [f"“{claim['name']}”" for claim in ran.claims if claim["verdict"] == verdict]
        if names and verdict != "not tested":
            verb = several if len(names) > 1 else f"is {one}" if several.startswith("are ") else one
            parts.append(f"{joined(names)} {verb}")
    return f"Of the article's claims, {'; '.join(parts)}." if parts else None


def _neighbours(settings: Sequence[Setting], pairs: Mapping[tuple[str, int, int], Difference]) -> str | None:
    """How many neighbouring settings differ clearly."""
    name = next((n for n in ("rep_4", "perplexity") if any(key[0] == n for key in pairs)), None)
    beside = [pairs[name, i, i + 1] for i in range(len(settings) - 1) if name and (name, i, i + 1) in pairs]
    if name is None or not beside or all(pair.told == "unknown" for pair in beside):
        return "With one text per setting there are no intervals; run more seeds to see how certain this is."
    apart = sum(pair.told in ("higher", "lower") for pair in beside)
    if not apart:
        which = "the two" if len(settings) == 2 else "neighbouring"
        return f"{_TITLED[name]} did not change clearly between {which} settings."
    return f"{_TITLED[name]} changed clearly in {apart} of {count(len(beside), 'step')} between neighbouring settings."


def _apart(found: Differences, runs: Sequence[Ran], settings: Sequence[Setting]) -> str:
    """At how many settings the second run lies above or below the first."""
    first, second = (run.name for run in runs)
    told = {
        kind: [p for p in found.pairs if p.told == kind] for kind in ("higher", "lower", "can't be told", "unknown")
    }
    parts: list[str] = []
    both = count(len(found.pairs), "setting")
    for kind in ("higher", "lower"):
        if told[kind]:
            most = max(told[kind], key=lambda p: abs(p.effect if found.kind == "difference" else log(p.effect)))
            size = f"{short(most.effect)} times" if found.kind == "ratio" else f"by {short(abs(most.effect))}"
            where = f"{len(told[kind])} of {both}" if not parts else str(len(told[kind]))
            parts.append(f"{kind} at {where} ({size} at {_plain(settings[most.b].label, second)})")
    rest = len(told["can't be told"]) + len(told["unknown"])
    if not parts:
        where = "the one setting that both have" if len(found.pairs) == 1 else f"any of the {both} that both have"
        return f"{second} against {first}: no clear difference in {found.measure} at {where}."
    more = f"; no clear difference at {rest}" if rest else ""
    return f"{second} against {first}: {found.measure} is {joined(parts)}{more}."


def _claims_apart(runs: Sequence[Ran]) -> str | None:
    """Which of the claims that both runs test come out differently, and which one alone tests."""
    if not all(run.claims for run in runs):
        return None
    tested = [{c["name"]: c["verdict"] for c in run.claims if c["verdict"] != "not tested"} for run in runs]
    first, second = tested
    both = [name for name in first if name in second]
    changed = [name for name in both if first[name] != second[name]]
    shown = [
        f"“{n}” ({claim_verdict(first[n])} for {runs[0].name}, {claim_verdict(second[n])} for {runs[1].name})"
        for n in changed
    ]
    parts = []
    if changed:
        parts.append(f"{joined(shown)} {'comes' if len(changed) == 1 else 'come'} out differently")
    elif both:
        parts.append(f"{joined(f'“{n}”' for n in both)} {'comes' if len(both) == 1 else 'come'} out the same for both")
    for run, own, other in ((runs[0], first, second), (runs[1], second, first)):
        alone = [f"“{name}”" for name in own if name not in other]
        if alone:
            parts.append(f"{joined(alone)} {'is' if len(alone) == 1 else 'are'} tested only for {run.name}")
    return (
        f"Of the article's claims, {'; '.join(parts)}." if parts else "Neither run tests any of the article's claims."
    )


def _turned(pair: Difference | None) -> Difference | None:
    """The same pair the other way round, as far as ``told`` goes."""
    if pair is None:
        return None
    turned: dict[str, Any] = {"higher": "lower", "lower": "higher"}
    values = {name: getattr(pair, name) for name in pair.__slots__}
    return Difference(**{**values, "told": turned.get(pair.told, pair.told)})


def _plain(label: str, run: str) -> str:
    return label.removesuffix(f" ({run})")


def _point(curve: Curve, setting: int) -> Point | None:
    return next((point for point in curve.points if point.setting == setting), None)


def _with_interval(point: Point) -> str:
    interval = "" if point.low is None else f" ({short(point.low)} to {short(point.high)})"
    return f"{short(point.mean)}{interval}"
