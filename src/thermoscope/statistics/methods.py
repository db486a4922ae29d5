"""How intervals and bands were made, and why there is no band, in plain words: said once for a whole table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from thermoscope.metrics.registry import MEASURES
from thermoscope.statistics.bootstrap import FEWEST_RESAMPLED
from thermoscope.words import first_upper, joined

#: So many measures are named; more of them are counted.
_NAMED = 4
_NONE = "no band"
_INTERVALS = {
    False: "Intervals: Wilson's score interval for shares; for other means Student's t, or a studentised bootstrap "
    "where that is wider",
    True: "Intervals of differences: for shares Wilson's score intervals of both sides, combined; otherwise "
    "Student's t of paired differences",
}


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
    of_measures: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        of_measures.setdefault(str(row["measure"]), []).append(row)
    known = [row for rows in of_measures.values() for row in rows if row["units"]]
    if known and all(row["units"] < 2 for row in known):
        return (f"There are no intervals and no bands, as there are fewer than two {unit}s.",)
    if known and not any(row.get("band_method") for row in known):
        return (
            "How the intervals and bands were made is not recorded: an older version measured this run. The command "
            "that made it measures it anew.",
        )
    groups: dict[str, dict[str, list[str]]] = {"shares": {}, "other measures": {}}
    for name, own in of_measures.items():
        if how := _how(name, own, unit):
            groups["shares" if _is_share(name) else "other measures"].setdefault(how, []).append(name)
    made, without = [], []
    for group, ways in groups.items():
        bands = sorted((way for way in ways if not way.startswith(_NONE)), key=lambda way: -len(ways[way]))
        made += [f"for {_named(ways[way]) if place else group}, {way}" for place, way in enumerate(bands)]
        without += [f"{first_upper(way)}: {_named(ways[way])}." for way in ways if way.startswith(_NONE)]
    if not made and not without:
        return ()
    return (f"{_INTERVALS[paired]}.", *([f"Bands: {'; '.join(made)}."] if made else []), *without)


def _how(name: str, rows: Sequence[Mapping[str, Any]], unit: str) -> str:
    """How one measure's band was made; "" where nothing is known of the measure at all."""
    units = [int(row["units"]) for row in rows if row["units"]]
    method = rows[0]["band_method"]
    if not units:
        return ""
    if method == "none":
        few = max(units) < 2
        return f"{_NONE}, as there are fewer than two {unit}s" if few else f"{_NONE}, as all values are the same"
    if method == "Bonferroni":
        if _is_share(name) or min(units) >= FEWEST_RESAMPLED:
            return "Bonferroni's correction of these intervals"
        return f"Bonferroni's correction of Student's t (fewer than {FEWEST_RESAMPLED} {unit}s are too few to resample)"
    if method == "sign flips":
        return f"the largest deviation when the signs of whole {unit}s are flipped"
    return f"the largest deviation when {unit}s are resampled"


def _is_share(name: str) -> bool:
    measure = next((m for m in MEASURES.values() if m.summary_name == name), None)
    return measure is not None and measure.scale in ("share", "indicator")


def _named(names: Sequence[str]) -> str:
    shown = list(names[:_NAMED])
    return joined(shown if len(names) <= _NAMED else [*shown, f"{len(names) - _NAMED} more"])
