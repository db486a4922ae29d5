"""Which way a paired difference goes, as far as its band can tell."""

from __future__ import annotations

from typing import Literal

Outcome = Literal["higher", "lower", "can't be told", "unknown"]


def outcome(low: float | None, high: float | None, kind: Literal["difference", "ratio"]) -> Outcome:
    """Whether b is higher or lower than a: only where the whole band lies on one side of no difference.

    Parameters
    ----------
    low, high
        The ends of the band, None where it is unknown.
    kind
        A difference is compared with 0, a ratio with 1.
    """
    if low is None or high is None:
        return "unknown"
    nothing = 1.0 if kind == "ratio" else 0.0
    if low > nothing:
        return "higher"
    return "lower" if high < nothing else "can't be told"
