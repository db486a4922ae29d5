"""The article's claims, tested on a run: which hold for this model and use case, with effect, interval and n.

A claim is a set of contrasts that must all hold. It *holds* if every interval is on the claimed side, *does not hold*
if one is on the other side, and *can't be told* otherwise. Nothing is said that no interval supports.

The intervals of all contrasts of all claims that are tested hold at once (Bonferroni): where nothing differs, some
claim does not hold in at most one run of twenty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from thermoscope.settings.grid import label, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.evidence import Cube, Evidence, effect
from thermoscope.words import joined

Verdict = Literal["holds", "does not hold", "can't be told", "not tested"]
#: The article's temperatures. One of the run stands for them if it is no further away than this, and if the two of a
#: contrast are no further apart than the article's: what holds from 0.2 to 1.0 need not hold from 0.3 to 0.9.
LOW, MIDDLE, HIGH, NEAR = 0.3, 0.5, 0.9, 0.1 + 1e-9
TOO_LOW, ADJUSTED, TOO_HIGH = 0.2, 0.7, 1.2
#: So many settings are named, at most, where more than one could stand for a temperature.
_NAMED = 6
#: Two distances are called as large as each other if their ratio lies within this factor.
AS_BAD = 2.0
#: What is "not above the reference" may lie above its mean by so many standard deviations of its windows.
MARGIN = 1.0
#: ``drift`` without the texts that end in a loop: the second half of a loop is very likely.
_DRIFT = "drift"


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
        What it is held against: 0 for a difference, 1 for a ratio, or the reference's value.
    effect, low, high
        b - a (b / a for perplexity) with its interval, at 95 % for all contrasts at once; None where unknown.
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
    family
        How many contrasts of all claims the intervals hold for at once.
    """

    name: str
    statement: str
    verdict: Verdict
    contrasts: tuple[Contrast, ...]
    reason: str = ""
    family: int = 1

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
    made = [
        _claim(evidence, name, statement, [] if about and objective != about else parts, reference, about)
        for name, statement, about, parts in CLAIMS
    ]
    family = max(1, sum(len(contrasts) for _, contrasts in made))
    return [_judged(evidence, claim, contrasts, family) for claim, contrasts in made]


#: What claims about one objective are about, and a use case that tests them.
_ABOUT = {"creative": ("stories", "creative-story"), "technical": ("explanations", "technical-explanation")}
#: Where a bound is the reference's: its mean, or that and ``MARGIN`` standard deviations.
_Bound = Literal["zero", "reference", "reference and margin"]
#: A contrast to be made: measure, a, b, what is claimed, and of what.
_Part = tuple[str, float | None, float, Literal["above", "below", "within"], _Bound]
#: The claims: name, statement, the objective that they are about ("" for any), contrasts.
CLAIMS: Sequence[tuple[str, str, str, list[_Part]]] = (
    (
        "low repeats",
        "at T=0.3 a larger share of a text's 4-grams are repeated than at T=0.9",
        "",
        [("rep_4", HIGH, LOW, "above", "zero")],
    ),
    (
        "middle balances",
        "at T=0.5 repetition, drift and perplexity are at most one standard deviation above the reference's mean; "
        "texts that end in a loop are left out of drift",
        "",
        [
            ("rep_4", None, MIDDLE, "below", "reference and margin"),
            (_DRIFT, None, MIDDLE, "below", "reference and margin"),
            ("perplexity", None, MIDDLE, "below", "reference and margin"),
        ],
    ),
    (
        "high drifts",
        "at T=0.9 drift is larger than the reference's: the second half of a text is less likely to the model, "
        "compared with the first; texts that end in a loop are left out",
        "",
        [(_DRIFT, None, HIGH, "above", "reference")],
    ),
    (
        "too low is as bad as too high",
        "stories at T=0.2 and at T=1.2 are both further from the reference than at T=0.9, "
        f"and their distances differ by a factor of less than {AS_BAD:g}",
        "creative",
        [
            ("reference_distance", HIGH, TOO_LOW, "above", "zero"),
            ("reference_distance", HIGH, TOO_HIGH, "above", "zero"),
            ("reference_distance", TOO_HIGH, TOO_LOW, "within", "zero"),
        ],
    ),
    (
        "0.7 beats 0.9",
        "explanations at T=0.7 are closer to the reference than at T=0.9",
        "technical",
        [("reference_distance", HIGH, ADJUSTED, "below", "zero")],
    ),
)


def is_foreign(name: str, objective: str) -> bool:
    """Whether a claim is about texts of another purpose than a use case with this objective."""
    about = next((about for claim, _, about, _ in CLAIMS if claim == name), "")
    return bool(about) and about != objective


#: A contrast whose settings are found: cube, places of a and b, what is claimed, bounds.
_Found = tuple[Cube, int | None, int, Literal["above", "below", "within"], tuple[float, ...]]


def _claim(
    evidence: Evidence, name: str, statement: str, parts: Sequence[_Part], reference: str, about: str
) -> tuple[Claim, list[_Found]]:
    """The claim, not tested yet, and its contrasts; without contrasts it says why it can't be."""

    def untested(reason: str) -> tuple[Claim, list[_Found]]:
        return Claim(name, statement, "not tested", (), reason), []

    if not parts:
        what, case = _ABOUT[about]
        return untested(f"it is about {what}; measure a use case such as {case}")
    found: list[_Found] = []
    for measure, a, b, claimed, bound in parts:
        cube = _cube(evidence, measure)
        if cube is None:
            return untested(reference or f"{measure} is not measured")
        bounds = _bounds(evidence, cube, claimed, bound)
        if bounds is None:
            return untested(reference or f"the reference has no {measure}")
        places = _places(evidence.settings, a, b)
        if isinstance(places, str):
            return untested(places)
        found.append((cube, *places, claimed, bounds))
    uses_reference = any(part[0] == "reference_distance" or part[4] != "zero" for part in parts)
    return Claim(name, statement, "can't be told", (), reference if uses_reference else ""), found


def _cube(evidence: Evidence, measure: str) -> Cube | None:
    """The measure's values; of drift those of texts that do not end in a loop."""
    cube, loops = evidence.cubes.get(measure), evidence.cubes.get("loop_rate")
    if measure != _DRIFT or cube is None or loops is None:
        return cube
    return replace(cube, values=np.where(loops.values == 1, np.nan, cube.values))


def _bounds(evidence: Evidence, cube: Cube, claimed: str, bound: _Bound) -> tuple[float, ...] | None:
    """What a contrast is held against; None if the reference does not say."""
    if claimed == "within":
        return 1 / AS_BAD, AS_BAD
    if bound == "zero":
        return (1.0,) if cube.scale == "log" else (0.0,)
    reference = evidence.reference
    if reference is None or cube.name not in reference.mean:
        return None
    value = reference.mean[cube.name]
    if bound == "reference and margin":
        value += MARGIN * reference.sd[cube.name]
    return (math.exp(value) if cube.scale == "log" else value,)


def _places(settings: Sequence[Any], a: float | None, b: float) -> tuple[int | None, int] | str:
    """The settings that stand for the temperatures of a contrast, or why none do."""
    first, second = (None if t is None else _nearest(settings, t) for t in (a, b))
    for missing in (first, second):
        if isinstance(missing, str):
            return missing
    assert not isinstance(first, str)
    assert isinstance(second, int)
    if a is None or first is None:
        return None, second
    if first == second:
        return f"the run's nearest temperature to {a:g} and {b:g} is the same; add T={a:g} and T={b:g}"
    there = settings[first].temperature, settings[second].temperature
    if abs(there[0] - there[1]) > abs(a - b) + 1e-9:
        far = f"the run's temperatures {there[0]:g} and {there[1]:g} are further apart than {a:g} and {b:g}"
        return f"{far}; add T={a:g} and T={b:g}"
    return first, second


def _judged(evidence: Evidence, claim: Claim, found: Sequence[_Found], family: int) -> Claim:
    """The claim with its contrasts and what they say together."""
    if not found:
        return claim
    contrasts = []
    for cube, a, b, claimed, bounds in found:
        low, high = (None if i is None else evidence.settings[i].temperature for i in (a, b))
        assert high is not None
        shown = _plain(effect(cube, a, b, family=family))
        contrasts.append(Contrast(cube.name, low, high, claimed, bounds, **shown))
    verdicts = {contrast.verdict for contrast in contrasts}
    verdict: Verdict = (
        "does not hold" if "does not hold" in verdicts else "holds" if verdicts == {"holds"} else "can't be told"
    )
    return replace(claim, verdict=verdict, contrasts=tuple(contrasts), family=family)


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
