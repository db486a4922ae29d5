"""The audit of temperature where there are no log-probabilities: whether temperatures differ at all."""

from __future__ import annotations

from thermoscope.auditing.agreement import agreement, compared, tempered_agreement
from thermoscope.auditing.arms import Arm, Place, sample
from thermoscope.auditing.audit import AuditRow, Verdict
from thermoscope.auditing.job import Job
from thermoscope.auditing.probes import Probe

_TEMPERATURES = (0.3, 0.7, 1.5, 2.0)
#: Prompts that are asked.
_PROMPTS = 10


def unlisted(job: Job) -> None:
    """Each temperature against T=1 by the rate at which draws agree; permuted within prompts."""
    places = [Place(prompt, (), (), 0.0) for prompt in job.prompts[:_PROMPTS]]
    each = max(4, job.budget // (len(places) * (len(_TEMPERATURES) + 1)))
    reference = sample(job.prober, places, job.fields(1.0), each, first=1)
    rows: list[AuditRow] = []
    arms: list[Arm] = []
    for number, temperature in enumerate(_TEMPERATURES, start=1):
        job.say(f"T={temperature:g}")
        fields = job.fields(temperature)
        refusal = job.prober.refuses(Probe(places[0].prompt, fields), top=0)
        if refusal is not None:
            rows.append(AuditRow("temperature", temperature, None, None, None, "refused", refusal, 1))
            continue
        arms.append(sample(job.prober, places, fields, each, first=1 + number * each * len(places)))
        rows.append(_row(temperature, arms[-1], reference, job.alpha))
    why = _ignored(rows, arms, reference, job) if len(arms) == len(_TEMPERATURES) else ""
    if why:
        rows = [AuditRow("temperature", r.sent, "as T=1", None, None, "ignored", why, r.requests) for r in rows]
    job.rows += rows


def _row(temperature: float, arm: Arm, reference: Arm, alpha: float) -> AuditRow:
    base, rate = agreement(reference.words), agreement(arm.words)
    p = compared(reference.words, arm.words, permutations=_permutations(alpha)).p
    moved = "colder" if rate > base else "hotter"
    expected = "colder" if temperature < 1 else "hotter"
    words = f"draws agree in {rate:.0%}, at T=1 in {base:.0%}; p {p:.2g}"
    verdict: Verdict = "can't be told" if p > alpha else "honoured" if moved == expected else "changed"
    effective = "as T=1" if p > alpha else f"{moved} than T=1"
    return AuditRow("temperature", temperature, effective, None, None, verdict, words, arm.requests)


def _ignored(rows: list[AuditRow], arms: list[Arm], reference: Arm, job: Job) -> str:
    """Why temperature is ignored, if it is: no temperature draws otherwise, though a colder one would show."""
    coldest, hottest = arms[0], arms[-1]
    ends = compared(coldest.words, hottest.words, alpha=job.alpha, permutations=_permutations(job.alpha))
    job.blind.append(
        f"Temperatures whose agreement rates differ by less than {ends.visible:.0%}: more requests would show smaller "
        "differences, in proportion to their square root."
    )
    if any(row.verdict != "can't be told" for row in rows) or ends.p <= job.alpha:
        return ""
    if all(len(set(words)) == 1 for arm in (reference, *arms) for words in arm.words):
        return "every prompt gave one and the same token at every temperature from 0.3 to 2"
    gain = tempered_agreement(reference.words, _TEMPERATURES[0]) - agreement(reference.words)
    if gain < 1.5 * ends.visible:
        return ""
    return "no temperature from 0.3 to 2 draws otherwise than T=1"


def _permutations(alpha: float) -> int:
    return max(2000, int(2 / alpha))
