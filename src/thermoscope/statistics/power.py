"""What a plan can see: the smallest difference between two settings that it detects at 80 % power.

A paired difference has a part of its prompt (the effect differs between prompts, which more seeds do not lessen) and a
part of each text. With P prompts and S seeds its standard error is sqrt((between^2 + 2 within^2 / S) / P), and the
smallest difference detected by Student's t at 5 %, two-sided, is that times t(.975) + t(power) with P - 1 degrees of
freedom. With one prompt the seeds are the units, and what is said is about that prompt alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite, sqrt

from thermoscope.errors import InputError
from thermoscope.words import count, short

#: The usual power, and the two-sided error.
POWER, ERROR = 0.8, 0.05
#: More prompts are said to help more if as many texts with one seed each see a difference so much smaller.
_WORTH = 0.9


@dataclass(frozen=True, slots=True)
class Components:
    """Standard deviations: of the difference between two settings over prompts, and of texts of one prompt."""

    between: float
    within: float


#: A score of 0 or 1: 100 problems x 10 attempts x 11 temperatures of 19 models (Renze and Guven 2024).
SHARE = Components(0.169, 0.261)
#: A measure in standard deviations of texts of one prompt, divided between prompts and texts as that score is.
MEAN = Components(SHARE.between / SHARE.within, 1.0)


def detectable(prompts: int, seeds: int, components: Components = SHARE, *, power: float = POWER) -> float:
    """The smallest true difference between two settings that a plan detects with this power; inf if it has one text.

    Parameters
    ----------
    prompts, seeds
        Of the plan.
    components
        Of the measure.

    Raises
    ------
    InputError
        A number breaks its rule.
    """
    from scipy.special import stdtrit

    for name, value in (("prompts", prompts), ("seeds", seeds)):
        if value < 1:
            raise InputError(f"{name} must be at least 1; got {value}; give one or more")
    if not 0.5 <= power < 1:
        raise InputError(f"power must be at least 0.5 and below 1; got {power:g}; 0.8 is usual")
    units = prompts if prompts > 1 else seeds
    if units == 1:
        return float("inf")
    variance = 2 * components.within**2 / (seeds if prompts > 1 else 1)
    if prompts > 1:
        variance += components.between**2
    reach = stdtrit(units - 1, 1 - ERROR / 2) + stdtrit(units - 1, power)
    return float(reach * sqrt(variance / units))


def foresight(prompts: int, seeds: int) -> tuple[str, ...]:
    """What a plan can see, in a sentence or two, said before anything is generated."""
    share, mean = detectable(prompts, seeds), detectable(prompts, seeds, MEAN)
    plan = f"{count(prompts, 'prompt')} x {count(seeds, 'seed')}"
    if not isfinite(share):
        return (f"{plan}: one text per setting can't tell any difference; add prompts or seeds",)
    about = "" if prompts > 1 else ", about this prompt alone"
    said = [
        f"{plan} can tell two settings apart (80 % power, one comparison{about}) if a 0/1 score differs by about "
        f"{ceil(100 * min(share, 1) - 1e-9)} points or more, and another measure by about {short(mean)} standard "
        "deviations of texts of one prompt"
    ]
    texts = prompts * seeds
    if seeds > 1 and detectable(texts, 1) < _WORTH * share:
        better = ceil(100 * detectable(texts, 1) - 1e-9)
        said.append(f"more prompts help more than more seeds: {texts} prompts x 1 seed would see about {better} points")
    return tuple(said)
