"""The article's claims, tested on a run: which hold for this model and use case, with effect, interval and n.

A claim is a set of contrasts that must all hold. It *holds* if every interval is on the claimed side, *does not hold*
if one is on the other side, and *can't be told* otherwise. Nothing is said that no interval supports.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from thermoscope.settings.grid import label, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.evidence import Evidence, effect
from thermoscope.words import joined

Verdict = Literal["holds", "does not hold", "can't be told", "not tested"]
#: The article's temperatures. One of the run stands for them if it is no further away than this.
LOW, MIDDLE, HIGH, NEAR = 0.3, 0.5, 0.9, 0.1 + 1e-9
TOO_LOW, ADJUSTED, TOO_HIGH = 0.2, 0.7, 1.2
#: So many settings are named, at most, where more than one could stand for a temperature.
_NAMED = 6
#: Two distances are called as large as each other if their ratio lies within this factor.
AS_BAD = 2.0


@dataclass(frozen=True, slots=True)
class Contrast:
    """One comparison behind a claim.

    Attributes
    ----------
    measure
        What is compared.
    a, b
        Temperatures: b against a; a is None where b stands alone.
    claimed
        What is claimed of the effect: "above", "below" or "within" the bounds.
    bounds
        What it is held against: 0 for a difference, 1 for a ratio.
    effect, low, high
        b - a (b / a for perplexity) with its 95 % interval; None where unknown.
    units, texts
        Prompts (seeds, if there is one prompt) and values behind it.
    """

    measure: str
    a: float | None
    b: float
    claimed: Literal["above", "below", "within"]
    bounds: tuple[float, ...]
    effect: float | None
    low: float | None
    high: float | None
    units: int
    texts: int

    @property
    def verdict(self) -> Verdict:
        """What this contrast says of the claim."""
        if self.low is None or self.high is None:
            return "can't be told"
        least, most = min(self.bounds), max(self.bounds)
        if self.claimed == "within":
            if least < self.low and self.high < most:
                return "holds"
            return "does not hold" if self.high < least or self.low > most else "can't be told"
        above, below = self.low > most, self.high < least
        if above or below:
            return "holds" if above == (self.claimed == "above") else "does not hold"
        return "can't be told"


@dataclass(frozen=True, slots=True)
class Claim:
    """One of the article's claims and what a run says of it.

    Attributes
    ----------
    name
        Short name.
    statement
        What is claimed, in terms of what is measured.
    verdict
        What the contrasts say together.
    contrasts
        The comparisons.
    reason
        Why it was not tested, or what limits it; "" if nothing does.
    """

    name: str
    statement: str
    verdict: Verdict
    contrasts: tuple[Contrast, ...]
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record = asdict(self)
        for made, contrast in zip(record["contrasts"], self.contrasts, strict=True):
            made["bounds"] = list(contrast.bounds)
            made["verdict"] = contrast.verdict
        record["contrasts"] = list(record["contrasts"])
        return record


def judge(evidence: Evidence, objective: str, reference: str = "") -> list[Claim]:
    """Test the article's claims.

    Parameters
    ----------
    evidence
        The run's measures.
    objective
        The use case's: some claims are about stories ("creative") or explanations ("technical").
    reference
        Why there is no reference, or what limits it; "" if nothing does.
    """
    return [
        _claim(evidence, name, statement, [] if about and objective != about else parts, reference, about)
        for name, statement, about, parts in _CLAIMS
    ]


#: What claims about one objective are about, and a use case that tests them.
_ABOUT = {"creative": ("stories", "creative-story"), "technical": ("explanations", "technical-explanation")}
#: A contrast to be made: measure, a, b, what is claimed.
_Part = tuple[str, float | None, float, Literal["above", "below", "within"]]
_CLAIMS: Sequence[tuple[str, str, str, list[_Part]]] = (
    (
        "low repeats",
        "more 4-grams of a text were there before at T=0.3 than at T=0.9",
        "",
        [("rep_4", HIGH, LOW, "above")],
    ),
    (
        "middle balances",
        "at T=0.5 texts repeat themselves less than at T=0.3, and still more than at T=0.9",
        "",
        [("rep_4", MIDDLE, LOW, "above"), ("rep_4", HIGH, MIDDLE, "above")],
    ),
    (
        "high drifts",
        "at T=0.9 the second half of a text is less likely to the model than the first, and more so than at T=0.5",
        "",
        [("drift", None, HIGH, "above"), ("drift", MIDDLE, HIGH, "above")],
    ),
    (
        "too low is as bad as too high",
        "stories at T=0.2 and at T=1.2 are both further from stories by people than at T=0.9, "
        f"within a factor of {AS_BAD:g} as far as each other",
        "creative",
        [
            ("reference_distance", HIGH, TOO_LOW, "above"),
            ("reference_distance", HIGH, TOO_HIGH, "above"),
            ("reference_distance", TOO_HIGH, TOO_LOW, "within"),
        ],
    ),
    (
        "0.7 beats 0.9",
        "explanations at T=0.7 are closer to explanations by people than at T=0.9",
        "technical",
        [("reference_distance", HIGH, ADJUSTED, "below")],
    ),
)


def _claim(evidence: Evidence, name: str, statement: str, parts: Sequence[_Part], reference: str, about: str) -> Claim:
    def untested(reason: str) -> Claim:
        return Claim(name, statement, "not tested", (), reason)

    if not parts:
        what, case = _ABOUT[about]
        return untested(f"it is about {what}; measure a use case such as {case}")
    contrasts = []
    for measure, a, b, claimed in parts:
        cube = evidence.cubes.get(measure)
        if cube is None:
            return untested(reference or f"{measure} is not measured")
        first, second = (None if t is None else _nearest(evidence.settings, t) for t in (a, b))
        for missing in (first, second):
            if isinstance(missing, str):
                return untested(missing)
        assert not isinstance(first, str)
        assert isinstance(second, int)
        if first == second:
            return untested(f"the run's nearest temperature to {a:g} and {b:g} is the same; add T={a:g} and T={b:g}")
        found = effect(cube, first, second)
        bounds: tuple[float, ...] = (1.0,) if cube.scale == "log" else (0.0,)
        if claimed == "within":
            bounds = (1 / AS_BAD, AS_BAD)
        low, high = (
            None if first is None else evidence.settings[first].temperature,
            evidence.settings[second].temperature,
        )
        contrasts.append(Contrast(measure, low, high, claimed, bounds, **_plain(found)))
    verdicts = [contrast.verdict for contrast in contrasts]
    verdict: Verdict = (
        "does not hold" if "does not hold" in verdicts else "holds" if set(verdicts) == {"holds"} else "can't be told"
    )
    uses_reference = any(part[0] == "reference_distance" for part in parts)
    return Claim(name, statement, verdict, tuple(contrasts), reference if uses_reference else "")


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in found.items()}


def _nearest(settings: Sequence[Any], temperature: float) -> int | str:
    """The setting whose temperature is nearest, or why there is none: none is near, or several are as near."""
    apart = {i: abs(s.temperature - temperature) for i, s in enumerate(settings) if isinstance(s, SamplingParams)}
    least = min(apart.values(), default=math.inf)
    if least > NEAR:
        return f"the run has no temperature near {temperature:g}; add T={temperature:g}"
    nearest = [i for i, distance in apart.items() if distance - least < 1e-9]
    if len(nearest) == 1:
        return nearest[0]
    differing = ["temperature", *(name for name in varying([settings[i] for i in apart]) if name != "temperature")]
    names = [label(settings[i], differing) for i in nearest]
    if len(names) > _NAMED:
        names = [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    fix = f"add T={temperature:g}" if least > 1e-9 else "vary the temperature alone"
    return f"{len(nearest)} settings of the run are equally near T={temperature:g}: {joined(names)}; {fix}"
