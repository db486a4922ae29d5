"""What draws say of the setting that made them: temperature and truncation, with calls at an error rate."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from thermoscope.auditing.calibration import REPLICATES, Null, simulate
from thermoscope.auditing.draws import Draws, Floats
from thermoscope.auditing.likelihood import FAMILIES, HIGHEST, LOWEST, Fit, curve, fit

#: Families whose log-likelihoods are closer than this (2 dlogL) to the best one's are not told apart.
APART = 4.0
#: Below this temperature draws are as greedy ones.
_GREEDY = 0.05


@dataclass(frozen=True, slots=True)
class Reading:
    """The setting that draws show.

    Attributes
    ----------
    draws
        What it was read from.
    fits
        The best fit of each family.
    called
        The family that is called: "none" unless the evidence passes the threshold.
    evidence, threshold
        Twice the log-likelihood ratio of the best truncation to none, and from where on it is called.
    rivals
        Other families that fit about as well as the one that is called.
    null
        The simulation behind the thresholds.
    """

    draws: Draws
    fits: dict[str, Fit]
    called: str
    evidence: float
    threshold: float
    rivals: tuple[str, ...]
    null: Null

    @property
    def best(self) -> Fit:
        """The fit of the family that is called."""
        return self.fits[self.called]

    @property
    def greedy(self) -> bool:
        """Whether next to nothing but the most probable tokens was drawn."""
        return self.best.temperature <= _GREEDY or self.fits["none"].temperature <= _GREEDY

    def temperature_evidence(self, temperature: float) -> float:
        """Twice the log-likelihood ratio of the most likely temperature to this one."""
        inside = min(max(temperature, LOWEST), HIGHEST)
        at = self.log_likelihood(np.array([inside]))[0]
        return max(0.0, 2 * (self.best.log_likelihood - float(at)))

    def log_likelihood(self, temperatures: Floats) -> Floats:
        """The log-likelihood of the draws along temperatures, with what is called kept."""
        return curve(self.draws, self.best, temperatures)


def read(
    draws: Draws, *, alpha: float = 0.01, last: bool = False, replicates: int = REPLICATES, seed: int = 0
) -> Reading:
    """Fit every family and call a truncation where the evidence passes its simulated threshold.

    Parameters
    ----------
    draws
        What was drawn.
    alpha
        The share of false calls.
    last
        Whether temperature comes after truncation.
    replicates, seed
        Of the simulation.
    """
    fits: dict[str, Fit] = {family: fit(draws, family, last=last) for family in FAMILIES}
    none = fits["none"]
    null = simulate(draws, min(max(none.temperature, 0.05), 5.0), replicates=replicates, seed=seed)
    threshold = null.truncation_threshold(alpha)
    ranked = sorted((f for f in fits.values() if f.family != "none"), key=lambda f: -f.log_likelihood)
    evidence = 2 * (ranked[0].log_likelihood - none.log_likelihood)
    called = ranked[0].family if evidence > threshold and none.temperature > _GREEDY else "none"
    rivals = tuple(
        f.family for f in ranked[1:] if called != "none" and 2 * (ranked[0].log_likelihood - f.log_likelihood) < APART
    )
    return Reading(draws, fits, called, max(evidence, 0.0), threshold, rivals, null)


def with_family(reading: Reading, family: str) -> Reading:
    """The same draws read with a truncation that others have shown, where these alone are too few to show any."""
    return replace(reading, called=family) if reading.called == "none" and not reading.greedy else reading


def joint_maximum(readings: list[Reading], factors: list[float]) -> tuple[float, float]:
    """The one number x for which ``x * factor`` fits every reading best, and the deviance there.

    The deviance is twice the log-likelihood that is lost against each reading's own best temperature.
    """
    xs = np.geomspace(LOWEST, HIGHEST, 691)  # 1 % apart
    lost = np.zeros_like(xs)
    for reading, factor in zip(readings, factors, strict=True):
        at = np.clip(xs * factor, LOWEST, HIGHEST)
        lost += 2 * (reading.best.log_likelihood - reading.log_likelihood(at))
    best = int(lost.argmin())
    return float(xs[best]), max(0.0, float(lost[best])) if math.isfinite(lost[best]) else math.inf
