"""Which settings keep the spectrum exact, and from which temperature on they admit each token.

A stage before temperature changes logits, and so intercepts, in a way that does not depend on the temperature: lines
stay lines. After temperature

- ``top_k`` keeps a set that does not depend on T: it may as well run before;
- ``min_p`` keeps token i where ``(l_i - l_max) / T >= ln(min_p)``: from ``(l_max - l_i) / -ln(min_p)`` on;
- ``top_p`` keeps token i where the more probable tokens have less than p of the mass. That share falls as T rises,
  so again there is one temperature from which on the token is kept. Where min_p runs first, the mass is that of the
  tokens that min_p admits, which are more as T rises: the share falls all the more.

Everything else after temperature is refused. The chain compares top_p's and min_p's values at float32, so what is
solved for here is where the rounded values meet: half-way between two neighbouring float32 numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermoscope.errors import InputError
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import INERT, STAGES
from thermoscope.spectra.envelope import Floats

#: Relative precision at which a temperature is solved for: a few units in the last place.
_PRECISION = 4 * np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True)
class TemperatureSplit:
    """A setting split at its temperature.

    Attributes
    ----------
    before
        The stages whose result does not depend on T, as a setting for the chain.
    min_p_edge
        ``(l_i - l_max) / T`` must be at least this; None without min_p after temperature.
    top_p_edge
        The share of the more probable tokens must be at most this; None without top_p after temperature.
    min_p_first
        Whether min_p runs before top_p, which then counts the mass that min_p leaves.
    top_k_last
        A top_k that runs after top_p; None without.
    """

    before: SamplingParams
    min_p_edge: float | None
    top_p_edge: float | None
    min_p_first: bool
    top_k_last: int | None

    @property
    def admits_all(self) -> bool:
        """Whether every token that is left before temperature is admitted at every temperature."""
        return self.min_p_edge is None and self.top_p_edge is None

    @property
    def after(self) -> tuple[str, ...]:
        """The stages after temperature that may remove tokens, in their order."""
        min_p = ("min_p",) if self.min_p_edge is not None else ()
        top_p = ("top_p",) if self.top_p_edge is not None else ()
        top_k = ("top_k",) if self.top_k_last is not None else ()
        return (*min_p, *top_p, *top_k) if self.min_p_first else (*top_p, *top_k, *min_p)

    def admission(self, logits: Floats) -> HalfLines:
        """From where on each token of one row is admitted; logits (K,) before temperature."""
        return HalfLines(self, logits)


def split_at_temperature(params: SamplingParams) -> TemperatureSplit:
    """Split a setting at its temperature, whose value does not matter.

    Raises
    ------
    InputError
        A stage of the setting does not keep the spectrum exact, or it has no temperature.
    """
    if "temperature" not in params.order:
        raise InputError(
            "a spectrum needs the stage 'temperature' in the order; "
            f"got {', '.join(params.order) or 'an empty order'}; add it"
        )
    for stage in params.active_stages:
        if STAGES[stage].before == "refused":
            raise InputError(f"a spectrum can't have the stage {stage!r}: {STAGES[stage].reason}; leave it out")
    stages = params.replace(temperature=0.5).active_stages
    place = stages.index("temperature")
    before, after = list(stages[:place]), list(stages[place + 1 :])
    for stage in after:
        if STAGES[stage].after == "refused":
            raise InputError(
                f"a spectrum can't have the stage {stage!r} after temperature: {STAGES[stage].reason}; leave it out, "
                "or put it before temperature in the order"
            )
    for name in STAGES["temperature"].names:
        if name != "temperature" and getattr(params, name) != type(params).model_fields[name].default:
            raise InputError(
                f"a spectrum can't have {name}: the temperature then depends on the entropy of each step, so a "
                "token's score is not a line in it; leave it out"
            )
    top_k_last = None
    if "top_k" in after:
        if "top_p" in after and after.index("top_p") < after.index("top_k"):
            top_k_last = params.top_k
        else:
            before.append("top_k")
    gone = {name for stage in STAGES.values() if stage.name not in before for name in stage.names}
    values = {name: value for name, value in params.model_dump().items() if name not in gone}
    on = [stage for stage in after if stage not in INERT or getattr(params, stage) != INERT[stage]]
    return TemperatureSplit(
        before=SamplingParams(**{**values, "order": tuple(before)}),
        min_p_edge=_edge(float(np.log(params.min_p or 1.0))) if "min_p" in on else None,
        top_p_edge=_edge(params.top_p or 1.0) if "top_p" in on else None,
        min_p_first="min_p" in on and ("top_p" not in on or on.index("min_p") < on.index("top_p")),
        top_k_last=top_k_last,
    )


def _edge(value: float) -> float:
    """The middle between a number at float32 and the float32 below it: above it, numbers round to it or higher."""
    rounded = np.float32(value)
    return (float(np.nextafter(rounded, np.float32(-np.inf))) + float(rounded)) / 2


class HalfLines:
    """The admission of one row under a setting (``spectra.envelope.Admission``).

    Parameters
    ----------
    setting
        A setting with min_p or top_p after temperature.
    logits : (K,)
        Logits before temperature, in ascending order of token id.
    """

    def __init__(self, setting: TemperatureSplit, logits: Floats) -> None:
        self._setting = setting
        self._logits = logits
        self._below: Floats = logits - logits.max()  # the most probable at 0
        self._first = int(np.flatnonzero(self._below == 0)[-1])  # of equal logits the higher ids come first
        k = setting.top_k_last
        self._least = float(np.partition(self._below, -k)[-k]) if k is not None and k < len(logits) else -np.inf

    def admits(self, column: int, temperature: float) -> bool:
        """Whether a column is admitted at a temperature (at 0: just above it)."""
        setting, below = self._setting, float(self._below[column])
        if below < self._least or below == -np.inf:
            return False
        if setting.min_p_edge is not None and not self._passes_min_p(below, temperature):
            return False
        if setting.top_p_edge is None or column == self._first:
            return True
        if temperature == 0:
            ties = np.flatnonzero(self._below == 0)
            return below == 0 and int((ties > column).sum()) / len(ties) <= setting.top_p_edge
        above, rest, _ = self._masses(column, 1 / temperature)
        return above <= setting.top_p_edge * (above + rest)

    def entries(self, columns: NDArray[np.int64], low: float, high: float) -> Floats:
        """From where on columns are admitted, given that all are at ``high``."""
        return np.array([low if self.admits(c, low) else self._entry(c, low, high) for c in columns.tolist()])

    def cutting(self, low: float, high: float) -> set[str]:
        """The stages after temperature that remove a token at some temperature in (low, high].

        What min_p and top_p admit grows with the temperature, so the first stage removes the most just above the lower
        end, and top_k the most at the upper one. The second of min_p and top_p may remove something in between alone,
        because what the first leaves to it grows as well.
        """
        found = self._cutting_at(low)
        if len(self._setting.after) > 1:
            found |= self._cutting_at(high)
        both = self._setting.min_p_edge is not None and self._setting.top_p_edge is not None
        second = "top_p" if self._setting.min_p_first else "min_p"
        if both and second not in found and self._cuts_between(low, high):
            found.add(second)
        return found

    def _cuts_between(self, low: float, high: float) -> bool:
        """Whether the second of min_p and top_p removes a token where min_p is about to admit one, in (low, high].

        That is where it removes the most: if top_p is the second, min_p has just left it a token more, the least
        probable; if min_p is the second, top_p has left it as many as it will before that token passes.
        """
        setting = self._setting
        assert setting.min_p_edge is not None and setting.top_p_edge is not None
        falling = np.sort(self._below)[::-1]
        entries = falling / setting.min_p_edge  # where min_p admits each
        inside = (entries > low) & (entries <= high)
        if setting.min_p_first:
            inside[:-1] &= falling[1:] < falling[:-1]  # equal ones enter together: the last of them
        else:  # what top_p never keeps isn't min_p's to remove
            mass = np.cumsum(np.exp(falling / high))
            inside[1:] &= (mass[:-1] <= setting.top_p_edge * mass[-1]) & (falling[1:] >= self._least)
        for rank in np.flatnonzero(inside).tolist():
            weights = np.exp((falling[: rank + 1] if setting.min_p_first else falling) / entries[rank])
            kept = weights[:rank].sum() <= setting.top_p_edge * weights.sum()
            if kept != setting.min_p_first:
                return True
        return False

    def _cutting_at(self, temperature: float) -> set[str]:
        """The stages that remove a token at a temperature (at 0: just above it)."""
        found: set[str] = set()
        left: NDArray[np.bool_] = self._below > -np.inf
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            score = np.where(self._below == 0, 0.0, self._below / temperature)
        for stage in self._setting.after:
            kept = left & self._keeps(stage, score, left)
            if kept.sum() < left.sum():
                found.add(stage)
            left = kept
        return found

    def _keeps(self, stage: str, score: Floats, left: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which columns a stage keeps, whose log-probabilities relative to the largest are ``score``."""
        setting = self._setting
        kept: NDArray[np.bool_]
        if stage == "min_p":
            assert setting.min_p_edge is not None
            kept = score >= setting.min_p_edge
        elif stage == "top_k":
            kept = self._below >= self._least
        else:
            assert setting.top_p_edge is not None
            weights = np.where(left, np.exp(score), 0.0)
            falling = np.argsort(self._below, kind="stable")[::-1]  # of equal logits the higher ids come first
            more = np.cumsum(weights[falling]) - weights[falling]
            kept = np.empty(len(weights), dtype=np.bool_)
            kept[falling] = more <= setting.top_p_edge * weights.sum()
        return kept

    def _passes_min_p(self, below: float, temperature: float) -> bool:
        edge = self._setting.min_p_edge
        assert edge is not None
        return below == 0 if temperature == 0 else below / temperature >= edge

    def _entry(self, column: int, low: float, high: float) -> float:
        """The temperature in (low, high] from which on a column is admitted."""
        setting, entry = self._setting, low
        if setting.min_p_edge is not None:
            entry = max(entry, float(self._below[column]) / setting.min_p_edge)
        if setting.top_p_edge is not None and column != self._first:
            entry = max(entry, self._top_p_entry(column, low, high))
        return min(entry, high)

    def _top_p_entry(self, column: int, low: float, high: float) -> float:
        """Where the share of the more probable tokens falls to top_p's edge.

        Newton's method on the log-odds of that share as a function of 1/T, where it is nearly a straight line;
        inside a bracket, because min_p's tokens coming in make it jump.
        """
        edge = self._setting.top_p_edge
        assert edge is not None
        target = float(np.log(edge) - np.log1p(-edge)) if edge > 0 else -np.inf
        inside, outside = 1 / high, (1 / low if low > 0 else np.inf)  # of 1/T: admitted, not admitted
        beta = inside
        for _ in range(2000):
            above, rest, slope = self._masses(column, beta)
            admitted = above <= edge * (above + rest)
            inside, outside = (beta, outside) if admitted else (inside, beta)
            if outside - inside <= _PRECISION * inside:
                break
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = float((np.log(above) - np.log(rest) - target) / slope)
            if abs(step) <= _PRECISION * beta and inside < np.inf:
                return min(max(1 / (beta - step), low), high)
            beta -= step
            if not inside < beta < outside:
                beta = 2 * inside if outside == np.inf else (inside + outside) / 2
        return min(max(1 / inside, low), high)

    def _masses(self, column: int, beta: float) -> tuple[float, float, float]:
        """Mass of the tokens that are more probable than a column, mass of the others, and the slope of log-odds.

        Unnormalised, the most probable token counting 1, at inverse temperature beta.
        """
        below = self._below
        with np.errstate(over="ignore"):
            weights = np.exp(below * beta)
            if self._setting.min_p_first and self._setting.min_p_edge is not None:
                weights[below * beta < self._setting.min_p_edge] = 0
        more = below > below[column]
        more[column + 1 :] |= below[column + 1 :] == below[column]
        upper, lower = weights[more], weights[~more]
        above, rest = float(upper.sum()), float(lower.sum())
        level = np.where(weights > 0, below, 0.0)  # a weight of 0 at -inf counts nothing
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.divide(upper @ level[more], above) - np.divide(lower @ level[~more], rest)
        return above, rest, float(slope)
