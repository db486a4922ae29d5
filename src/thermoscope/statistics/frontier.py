"""Diversity against likelihood: the settings that no other beats in both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: A setting is said to loop if more than this share of its texts end in a loop, and more than the reference's.
LOOPS = 0.05
#: Measures of diversity between samples; the first that is known at all settings is taken.
DIVERSITY = ("semantic_dispersion", "self_bleu", "distinct_2")


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One setting: likelihood x, diversity y; on the frontier if no other is as likely and more varied, or the reverse.

    ``loops`` says whether more texts than the reference's, or than one in twenty, end in a loop.
    """

    setting: int
    x: float
    y: float
    loop_rate: float | None
    loops: bool
    on_frontier: bool


@dataclass(frozen=True, slots=True)
class Frontier:
    """Diversity (measure ``y``) against likelihood (measure ``x``, perplexity: lower is more likely)."""

    x: str
    y: str
    points: tuple[FrontierPoint, ...]


def frontier(means: Mapping[str, Mapping[int, float]], loop_limit: float | None) -> Frontier | None:
    """The frontier of diversity against perplexity; None if either is unknown, or there is only one setting.

    Parameters
    ----------
    means
        For each measure its mean at each setting where it is known.
    loop_limit
        The reference's share of texts that end in a loop, if there is a reference.
    """
    likelihood = means.get("perplexity", {})
    name = next((n for n in DIVERSITY if likelihood and set(likelihood) <= set(means.get(n, {}))), None)
    if name is None or len(likelihood) < 2:
        return None
    varied = {s: 1 - v if name == "self_bleu" else v for s, v in means[name].items()}
    limit = max(LOOPS, loop_limit or 0.0)
    places = [(s, x, varied[s]) for s, x in likelihood.items()]

    def beaten(x: float, y: float) -> bool:
        return any(a <= x and b >= y and (a, b) != (x, y) for _, a, b in places)

    points = []
    for setting, x, y in sorted(places, key=lambda place: place[1:]):
        loop_rate = means.get("loop_rate", {}).get(setting)
        points.append(
            FrontierPoint(
                setting=setting,
                x=x,
                y=y,
                loop_rate=loop_rate,
                loops=loop_rate is not None and loop_rate > limit,
                on_frontier=not beaten(x, y),
            )
        )
    return Frontier("perplexity", "1 - self_bleu" if name == "self_bleu" else name, tuple(points))
