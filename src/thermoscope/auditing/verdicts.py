"""From the readings at several sent temperatures to what the server does with temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from thermoscope.auditing.audit import Verdict
from thermoscope.auditing.reading import Reading, joint_maximum, with_family

#: A sent temperature that holds and is at most this many times the limit is the limit itself.
_AT_LIMIT = 1.1


@dataclass(frozen=True, slots=True)
class TemperatureMap:
    """What a server does with temperature.

    Attributes
    ----------
    verdicts
        One per sent temperature.
    rule
        What it does in words: "ignored: always 0.98", "clamped at 1.02".
    """

    verdicts: tuple[Verdict, ...]
    rule: str


def temperature_holds(reading: Reading, sent: float, alpha: float) -> bool:
    """Whether the draws are what this temperature would give, at an error rate of ``alpha``."""
    from scipy.stats import chi2

    threshold = max(reading.null.temperature_threshold(alpha), float(chi2.ppf(1 - alpha, 1)))
    return reading.temperature_evidence(sent) <= threshold


def truncation_explains(reading: Reading, sent: float, alpha: float) -> frozenset[str]:
    """The truncations with which the draws could come from this temperature, though without one they could not.

    Where a prompt leaves little open, a hidden truncation and a lower temperature look alike.
    """
    if reading.called != "none" or reading.greedy or reading.best.temperature >= sent:
        return frozenset()
    return frozenset(
        family for family in ("top_k", "top_p", "min_p") if temperature_holds(with_family(reading, family), sent, alpha)
    )


def temperature_map(sent: Sequence[float], readings: Sequence[Reading], alpha: float) -> TemperatureMap:
    """Name the simplest rule that explains what was read at each sent temperature, ascending.

    Honoured comes first; then, of one constant, one factor, and a limit above or below, the one that loses the least
    log-likelihood, if it loses no more than chance would.
    """
    from scipy.stats import chi2

    number = len(sent)
    holds = [temperature_holds(reading, t, alpha) for t, reading in zip(sent, readings, strict=True)]
    if all(holds):
        honoured: Verdict = "honoured"
        return TemperatureMap((honoured,) * number, "honoured")
    if all(reading.greedy for reading in readings):
        frozen: Verdict = "ignored" if number > 1 else "greedy"
        rule = "ignored: always the most probable token" if number > 1 else "greedy"
        return TemperatureMap((frozen,) * number, rule)
    doubtful = [truncation_explains(r, t, alpha) for t, r, fine in zip(sent, readings, holds, strict=True) if not fine]
    if frozenset.intersection(*doubtful):
        unclear: list[Verdict] = ["honoured" if fine else "can't be told" for fine in holds]
        return TemperatureMap(tuple(unclear), "colder than sent, or truncated: these prompts leave too little open")
    found: list[tuple[float, tuple[Verdict, ...], str]] = []
    if number > 1:
        every = list(readings)
        level, lost = joint_maximum(every, [1.0] * number)
        ignored: Verdict = "ignored"
        found.append((lost, (ignored,) * number, f"ignored: always {level:.2f}"))
        factor, lost = joint_maximum(every, list(sent))
        rescaled: Verdict = "rescaled"
        found.append((lost, (rescaled,) * number, f"rescaled: {factor:.2f} times what is sent"))
        for cut in range(1, number):
            found += _limits(sent, every, holds, cut)
    allowed = float(chi2.ppf(1 - alpha, max(number - 1, 1)))
    explained = [one for one in found if one[0] <= allowed]
    if number == 2 and len(explained) > 1:  # two temperatures do not tell one rule from another
        rules = " or ".join(rule for _, _, rule in sorted(explained))
        either: list[Verdict] = ["honoured" if fine else "changed" for fine in holds]
        return TemperatureMap(tuple(either), rules)
    if explained:
        _, verdicts, rule = min(explained, key=lambda one: one[0])
        return TemperatureMap(verdicts, rule)
    single: list[Verdict] = [
        "honoured" if fine else "greedy" if reading.greedy else "changed"
        for fine, reading in zip(holds, readings, strict=True)
    ]
    return TemperatureMap(tuple(single), "changed")


def _limits(
    sent: Sequence[float], readings: list[Reading], holds: list[bool], cut: int
) -> list[tuple[float, tuple[Verdict, ...], str]]:
    """An upper limit from place ``cut`` on, and a lower one before it, where the other side holds."""
    found: list[tuple[float, tuple[Verdict, ...], str]] = []
    lost = [reading.temperature_evidence(t) for t, reading in zip(sent, readings, strict=True)]
    number = len(sent)
    if all(holds[:cut]) and not all(holds[cut:]):
        level, more = joint_maximum(readings[cut:], [1.0] * (number - cut))
        if level < sent[-1]:
            at_limit = [fine and t <= _AT_LIMIT * level for fine, t in zip(holds, sent, strict=True)]
            verdicts: tuple[Verdict, ...] = tuple(
                "honoured" if place < cut or at_limit[place] else "clamped" for place in range(number)
            )
            found.append((sum(lost[:cut]) + more, verdicts, f"clamped at {level:.2f}"))
    if all(holds[cut:]) and not all(holds[:cut]):
        level, more = joint_maximum(readings[:cut], [1.0] * cut)
        greedy = all(reading.greedy for reading in readings[:cut])
        below: Verdict = "greedy" if greedy else "clamped"
        verdicts = tuple(below if place < cut else "honoured" for place in range(number))
        rule = f"greedy up to {sent[cut - 1]:g}" if greedy else f"clamped at {level:.2f} from below"
        if greedy or level > sent[0]:
            found.append((sum(lost[cut:]) + more, verdicts, rule))
    return found
