"""Diversity against likelihood: which settings no other beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from thermoscope.report.records.schema import Curve, Frontier, FrontierPoint

#: A setting is said to loop if more than this share of its texts end in a loop, and more than the reference's.
LOOPS = 0.05
#: Measures of diversity between samples, the first that is known at all settings is taken.
DIVERSITY = ("semantic_dispersion", "self_bleu", "distinct_2")


def frontier(curves: Sequence[Curve], loop_limit: float | None) -> Frontier | None:
    """The frontier of diversity against perplexity; None if one of them is not known, or there is one setting alone."""
    means: Mapping[str, Mapping[int, float]] = {c.measure: {p.setting: p.mean for p in c.points} for c in curves}
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
