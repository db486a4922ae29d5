"""How an interval of temperatures is split at a step: what goes on as texts of its own, and what is merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thermoscope.spectra.envelope import Segment


@dataclass(frozen=True, slots=True)
class Interval:
    """Temperatures that one text stands for while it grows.

    Attributes
    ----------
    low, high
        What it stands for, ``(low, high]``.
    exact_low, exact_high
        Where it is exact.
    zero
        Whether it stands for T = 0 itself too, exactly.
    budget
        The most leaves that it may become; None if there is no limit.
    """

    low: float
    high: float
    exact_low: float
    exact_high: float
    zero: bool
    budget: int | None

    @property
    def splits(self) -> bool:
        """Whether more than T = 0 is in it."""
        return self.exact_high > self.exact_low


def split(
    interval: Interval, segments: Sequence[Segment], greedy: int | None, resolution: float
) -> list[tuple[int, Interval]]:
    """Split an interval at a step.

    An interval narrower than the resolution is not split: it goes on with the token of its widest part (at the
    lower end 0, the part that has T = 0). With a budget of b leaves the b widest parts go on, and the budget is
    shared out by their widths. Neither depends on what else is being decoded.

    Parameters
    ----------
    interval
        The interval.
    segments
        Its envelope, over ``(exact_low, exact_high]``; empty if T = 0 is all that is in it.
    greedy
        The token at T = 0, if that is in the interval.
    resolution
        In units of temperature.

    Returns
    -------
    list of (column, Interval)
        In order of temperature; together they stand for the same temperatures.
    """
    parts = list(segments)
    if interval.zero and greedy is not None and (not parts or parts[0].column != greedy):
        parts.insert(0, Segment(greedy, 0.0, 0.0))  # equal logits: noise decides above T = 0, the lowest id at 0
    alone = interval.zero and parts[0].high == 0.0
    most = len(parts)
    if interval.exact_high - interval.exact_low < resolution:
        most = 2 if alone else 1
    if interval.budget is not None:
        most = min(most, interval.budget)
    widest = sorted(range(len(parts)), key=lambda i: (not (i == 0 and interval.zero), parts[i].low - parts[i].high, i))
    kept = sorted(widest[:most])
    budgets = _share(interval.budget, [parts[i].high - parts[i].low for i in kept])
    # what is not kept belongs to the kept part before it, or to the first above T = 0
    borders = [interval.low, *(parts[i].low for i in kept[1:]), interval.high]
    if alone and len(kept) > 1:
        borders[1] = 0.0
    return [
        (
            parts[i].column,
            Interval(borders[n], borders[n + 1], parts[i].low, parts[i].high, interval.zero and i == 0, budgets[n]),
        )
        for n, i in enumerate(kept)
    ]


def _share(budget: int | None, widths: Sequence[float]) -> list[int | None]:
    """One leaf for each part, and the rest of the budget by width; what rounding leaves goes to the widest."""
    if budget is None:
        return [None] * len(widths)
    spare, total = budget - len(widths), sum(widths) or 1.0
    shares = [1 + int(spare * (width / total)) for width in widths]
    shares[max(range(len(widths)), key=widths.__getitem__)] += budget - sum(shares)
    return list(shares)
