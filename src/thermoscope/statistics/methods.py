"""How intervals and bands were made, and why there is no band, in plain words: said once for a whole table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from thermoscope.language.saying import phrase, say, together, worded
from thermoscope.metrics.registry import MEASURES
from thermoscope.statistics.bootstrap import FEWEST_RESAMPLED
from thermoscope.words import joined

#: So many measures are named; more of them are counted.
_NAMED = 4
_INTERVALS = {
    False: phrase(
        "Intervals: Wilson's score interval for shares; for other means Student's t, or a studentised bootstrap where "
        "that is wider."
    ),
    True: phrase(
        "Intervals of differences: for shares Wilson's score intervals of both sides, combined; otherwise Student's t "
        "of paired differences."
    ),
}
#: What units are called in the plural.
_UNITS = {"prompt": phrase("prompts"), "seed": phrase("seeds"), "text": phrase("texts")}
#: Groups of measures.
_SHARES, _OTHERS = phrase("shares"), phrase("other measures")


def methods(rows: Iterable[Mapping[str, Any]], unit: str, *, paired: bool = False) -> tuple[str, ...]:
    """What made the intervals and the bands of a table, or why there are none, a sentence each; empty without rows.

    Parameters
    ----------
    rows
        Of the table ``settings``, or of ``differences`` for ``paired``: measure, low, units and band_method, which
        tables of older versions lack.
    unit
        What the units are: "prompt", "seed" or "text".
    """
    units = worded(_UNITS[unit])
    of_measures: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        of_measures.setdefault(str(row["measure"]), []).append(row)
    known = [row for rows in of_measures.values() for row in rows if row["units"]]
    if known and all(row["units"] < 2 for row in known):
        return (say("There are no intervals and no bands, as there are fewer than two {units}.", units=units),)
    if known and not any(row.get("band_method") for row in known):
        return (
            say(
                "How the intervals and bands were made is not recorded: an older version measured this run. The "
                "command that made it measures it anew."
            ),
        )
    groups: dict[str, dict[str, list[str]]] = {_SHARES: {}, _OTHERS: {}}
    lacking: dict[str, list[str]] = {}
    for name, own in of_measures.items():
        if not any(row["units"] for row in own):
            continue
        if own[0]["band_method"] == "none":
            lacking.setdefault(_why_none(own, units), []).append(name)
        else:
            groups[_SHARES if _is_share(name) else _OTHERS].setdefault(_band_made(name, own, units), []).append(name)
    made: list[str] = []
    for group, ways in groups.items():
        for place, way in enumerate(sorted(ways, key=lambda way: -len(ways[way]))):
            made.append(say("for {measures}, {way}", measures=_named(ways[way]) if place else worded(group), way=way))
    without = [say("{why}: {measures}.", why=why, measures=_named(names)) for why, names in lacking.items()]
    if not made and not without:
        return ()
    bands = [say("Bands: {ways}.", ways=together(made))] if made else []
    return (worded(_INTERVALS[paired]), *bands, *without)


def _why_none(rows: Sequence[Mapping[str, Any]], units: str) -> str:
    """Why a measure has no band."""
    if max(row["units"] or 0 for row in rows) < 2:
        return say("No band, as there are fewer than two {units}", units=units)
    return say("No band, as all values are the same")


def _band_made(name: str, rows: Sequence[Mapping[str, Any]], units: str) -> str:
    """How one measure's band was made."""
    method = rows[0]["band_method"]
    if method == "Bonferroni":
        if _is_share(name) or min(int(row["units"]) for row in rows if row["units"]) >= FEWEST_RESAMPLED:
            return say("Bonferroni's correction of these intervals")
        return say(
            "Bonferroni's correction of Student's t (fewer than {n} {units} are too few to resample)",
            n=FEWEST_RESAMPLED, units=units,
        )  # fmt: skip
    if method == "sign flips":
        return say("the largest deviation when the signs of whole {units} are flipped", units=units)
    return say("the largest deviation when {units} are resampled", units=units)


def _is_share(name: str) -> bool:
    measure = next((m for m in MEASURES.values() if m.summary_name == name), None)
    return measure is not None and measure.scale in ("share", "indicator")


def _named(names: Sequence[str]) -> str:
    shown = list(names[:_NAMED])
    return joined(shown if len(names) <= _NAMED else [*shown, say("{n} more", n=len(names) - _NAMED)])
