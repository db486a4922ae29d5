"""What makes a setting feasible: bounds on measures that need no labels, from a reference, from use, or the user's own.

Each bound makes one edge of the range of temperatures: texts loop and repeat themselves where it is too low; they
become unlikely and uncertain, and drift, where it is too high.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from thermoscope.errors import InputError
from thermoscope.language.saying import phrase, say, worded
from thermoscope.statistics.claims import MARGIN
from thermoscope.statistics.frontier import LOOPS
from thermoscope.statistics.reference import Reference
from thermoscope.words import nearest, quoted, short

Side = Literal["lower", "upper"]
#: Measures that bound the range, which edge each makes, and what is said of texts beyond it.
EDGES: Mapping[str, tuple[Side, str]] = {
    "loop_rate": ("lower", phrase("texts end in loops")),
    "rep_4": ("lower", phrase("texts repeat themselves")),
    "perplexity": ("upper", phrase("texts become unlikely to the model")),
    "tempered_entropy": ("upper", phrase("the next token becomes too uncertain")),
    "surprise": ("upper", phrase("texts become less likely than the model's own")),
    "drift": ("upper", phrase("texts drift")),
}
#: Measures that are bounded on the scale of their logarithm.
LOGS = ("perplexity",)
#: The share of 4-grams that texts may repeat where there is no reference.
REPEATS = 0.05
#: Log-perplexity may exceed the mean entropy by so much (nats): texts drawn at T=1 exceed it by nothing on average.
SURPRISE = 0.1
#: Nats per token by which the second half of a text may be less likely than the first, where there is no reference.
DRIFT = 0.25


@dataclass(frozen=True, slots=True)
class Bound:
    """The largest value that a measure may have.

    Attributes
    ----------
    measure
        Of ``EDGES``.
    edge
        Which edge of the range of temperatures it makes.
    most
        The largest mean that is feasible; of perplexity itself, not of its logarithm.
    source
        Whose bound it is: "yours", "the reference" or "usual".
    """

    measure: str
    edge: Side
    most: float
    source: Literal["yours", "the reference", "usual"]

    @property
    def said(self) -> str:
        """The bound in words: ``rep_4 at most 0.031 (the reference)``."""
        return say("{measure} at most {most} ({source})", measure=self.measure, most=short(self.most),
                   source=worded(self.source))  # fmt: skip


def bounds_of(reference: Reference | None, given: Mapping[str, float], *, margin: float = MARGIN) -> tuple[Bound, ...]:
    """The bounds that hold: the user's, else the reference's mean and some standard deviations, else usual ones.

    Parameters
    ----------
    reference
        Statistics of text by people under the same model, if there are any.
    given
        The user's own, by measure.
    margin
        Standard deviations of the reference's windows that a mean may lie above theirs; usual bounds are multiplied
        by it.
    """
    found: dict[str, Bound] = {}
    for measure, (edge, _) in EDGES.items():
        if measure in given:
            found[measure] = Bound(measure, edge, given[measure], "yours")
        elif (most := _of_reference(reference, measure, margin)) is not None:
            found[measure] = Bound(measure, edge, most, "the reference")
        elif (usual := _usual(measure, reference)) is not None:
            found[measure] = Bound(measure, edge, usual * margin, "usual")
    return tuple(found.values())


def _of_reference(reference: Reference | None, measure: str, margin: float) -> float | None:
    """The reference's mean and margin; the sampler's entropy is held against the model's own on text by people."""
    if reference is None or measure == "surprise":
        return None
    name = "entropy" if measure == "tempered_entropy" else measure
    if name not in reference.mean:
        return None
    value = reference.mean[name] + margin * reference.sd[name]
    if measure == "loop_rate":
        return max(value, LOOPS)
    return math.exp(value) if measure in LOGS else value


def _usual(measure: str, reference: Reference | None) -> float | None:
    """Bounds where there is no reference; with one, whatever it does not bound is not bounded."""
    if reference is not None and "perplexity" in reference.mean:
        return None
    return {"loop_rate": LOOPS, "rep_4": REPEATS, "surprise": SURPRISE, "drift": DRIFT}.get(measure)


def given_bounds(words: Sequence[str] | Mapping[str, Any] | None) -> dict[str, float]:
    """The user's bounds from ``MEASURE=MOST`` words, or as a mapping.

    Raises
    ------
    InputError
        A word is none, or there is no bound on such a measure.
    """
    pairs: list[tuple[str, Any]] = []
    if isinstance(words, Mapping):
        pairs = list(words.items())
    else:
        for word in words or ():
            name, sign, value = word.partition("=")
            if not sign:
                raise InputError(f"a bound must be MEASURE=MOST; got {quoted(word)}; write rep_4=0.05")
            pairs.append((name.strip(), value))
    found: dict[str, float] = {}
    for name, value in pairs:
        if name not in EDGES:
            raise InputError(f"a bound must be on {', '.join(EDGES)}; got {quoted(name)}{nearest(str(name), EDGES)}")
        if name in found:
            raise InputError(f"the bound on {name} is given twice; leave one out")
        try:
            most = float(value)
        except (TypeError, ValueError):
            most = math.nan
        if not math.isfinite(most) or (name in LOGS and most <= 0):
            raise InputError(
                f"the bound on {name} must be a number; got {quoted(value)}; write {name}={_EXAMPLES[name]}"
            )
        found[name] = most
    return found


_EXAMPLES = {"loop_rate": 0.05, "rep_4": 0.05, "perplexity": 20, "tempered_entropy": 3, "surprise": 0.1, "drift": 0.2}
