"""The audit of temperature where there are no log-probabilities: whether temperatures differ at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from thermoscope.auditing.agreement import agreement, same_distribution
from thermoscope.auditing.arms import Place, sample
from thermoscope.auditing.audit import AuditRow, Verdict
from thermoscope.auditing.probes import Probe, Prober

_TEMPERATURES = (0.3, 0.7, 1.5, 2.0)


def unlisted_rows(
    prober: Prober, prompts: Sequence[str], fields: Callable[[float], Mapping[str, Any]], budget: int, alpha: float
) -> list[AuditRow]:
    """Each temperature against T=1 by the rate at which draws agree; permuted within prompts."""
    places = [Place(prompt, (), (), 0.0) for prompt in prompts]
    each = max(4, budget // (len(places) * (len(_TEMPERATURES) + 1)))
    reference = sample(prober, places, fields(1.0), each, first=1)
    base = agreement(reference.words)
    rows = []
    for number, temperature in enumerate(_TEMPERATURES, start=1):
        refusal = prober.refuses(Probe(prompts[0], fields(temperature)), top=0)
        if refusal is not None:
            rows.append(AuditRow("temperature", temperature, None, None, None, "refused", refusal, 1))
            continue
        arm = sample(prober, places, fields(temperature), each, first=1 + number * each * len(places))
        p = same_distribution(reference.words, arm.words, permutations=max(2000, int(2 / alpha)))
        rate = agreement(arm.words)
        moved = "colder" if rate > base else "hotter"
        expected = "colder" if temperature < 1 else "hotter"
        words = f"draws agree in {rate:.0%}, at T=1 in {base:.0%}; p {p:.2g}"
        verdict: Verdict = "can't be told" if p > alpha else "honoured" if moved == expected else "changed"
        effective = "as T=1" if p > alpha else f"{moved} than T=1"
        rows.append(AuditRow("temperature", temperature, effective, None, None, verdict, words, arm.requests))
    if len(rows) == len(_TEMPERATURES) and all(row.verdict == "can't be told" for row in rows):
        words = "no temperature from 0.3 to 2 draws otherwise than T=1"
        return [AuditRow("temperature", r.sent, r.effective, None, None, "ignored", words, r.requests) for r in rows]
    return rows
