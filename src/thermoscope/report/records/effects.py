"""Which differences a finding leads with: clear ones, in the user's own measures first, the largest effect first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log

from thermoscope.metrics.registry import LAST
from thermoscope.report.records.measures import by_summary
from thermoscope.report.records.schema import Difference, Differences

#: Measures that a finding speaks of before others: what they say of a text needs no further knowledge.
_TELLING = (
    "rep_4", "loop_rate", "self_bleu", "perplexity", "distinct_2", "drift", "semantic_dispersion", "agreement",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effect:
    """The largest clear difference in one measure."""

    measure: str
    kind: str
    pair: Difference


def is_own(measure: str) -> bool:
    """Whether a measure is the user's own: a scorer's, or one that was registered."""
    known = by_summary().get(measure)
    return known is not None and (known.needs == "scorer" or known.shown == LAST)


def is_clear(pair: Difference) -> bool:
    """Whether the band excludes no difference."""
    return pair.told in ("higher", "lower")


def size(pair: Difference, kind: str) -> float:
    """How large an effect is within its measure; that of a ratio by its logarithm."""
    return abs(_linear(pair.effect, kind))


def ranked(differences: Sequence[Differences]) -> list[Effect]:
    """The largest clear effect of each measure that has one.

    The user's own measures come first, a score before others; then the measures that say most without explanation;
    then the rest; each by how many times its band's half width an effect is, which compares measures of any unit.
    """
    found = []
    for of_measure in differences:
        pairs = [pair for pair in of_measure.pairs if is_clear(pair)]
        if pairs:
            largest = max(pairs, key=lambda pair: size(pair, of_measure.kind))
            found.append(Effect(of_measure.measure, of_measure.kind, largest))
    return sorted(found, key=lambda effect: (_tier(effect.measure), -_strength(effect)))


def _tier(measure: str) -> int:
    known = by_summary().get(measure)
    if known is not None and known.needs == "scorer":
        return 0
    return 1 if is_own(measure) else 2 if measure in _TELLING else 3


def _strength(effect: Effect) -> float:
    """An effect by the half width of its band."""
    pair = effect.pair
    if pair.band_low is None or pair.band_high is None:
        return 0.0
    width = _linear(pair.band_high, effect.kind) - _linear(pair.band_low, effect.kind)
    return size(pair, effect.kind) / width if width > 0 else inf


def _linear(value: float, kind: str) -> float:
    if kind == "difference":
        return value
    return log(value) if value > 0 else -inf
