"""The experiments on temperature: sent with everything else off, sent alone, and not sent at all."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.auditing.arms import Arm
from thermoscope.auditing.audit import AuditRow, Verdict
from thermoscope.auditing.job import SHARES, Job
from thermoscope.auditing.reading import Reading, with_family
from thermoscope.auditing.reference import model_row
from thermoscope.auditing.rows import cached_row, fit_words, temperature_row, truncation_row
from thermoscope.auditing.verdicts import temperature_holds, temperature_map
from thermoscope.auditing.visibility import unseen
from thermoscope.words import count

TEMPERATURES = (0.3, 0.7, 1.0, 1.5, 2.0)


def temperatures(job: Job) -> bool:
    """Each temperature with every truncation off; False where answers are repeated and nothing more can be told."""
    sent, readings, arms = [], [], []
    for temperature in TEMPERATURES:
        job.say(f"T={temperature:g}")
        share = SHARES["reference" if temperature == 1 else "temperature"]
        arm = job.arm(job.fields(temperature), share)
        if isinstance(arm, str):
            job.rows.append(AuditRow("temperature", temperature, None, None, None, "refused", arm, 1))
            continue
        if temperature > 0.5 and arm.repeats:
            how = f"{count(arm.requests, 'request')} with seeds of their own at T={temperature:g}"
            job.rows.append(cached_row(arm, how))
            return False
        sent.append(temperature)
        readings.append(job.read(arm, job.fields(temperature)))
        if temperature == 1 and job.reference is not None:
            job.rows.append(model_row(job.reference.name, readings[-1], arm.requests, job.alpha))
        arms.append(arm)
    if sent:
        job.hot = arms[-1].draws if sent[-1] == TEMPERATURES[-1] else None
        _map(job, sent, readings, arms)
    return True


def _map(job: Job, sent: Sequence[float], readings: Sequence[Reading], arms: Sequence[Arm]) -> None:
    shown = max(readings, key=lambda one: one.evidence - one.threshold)
    job.hidden = shown.called
    found = temperature_map(sent, [with_family(one, shown.called) for one in readings], job.alpha)
    for temperature, reading, arm, verdict in zip(sent, readings, arms, found.verdicts, strict=True):
        evidence = found.rule if verdict != "honoured" else fit_words(reading, temperature)
        read_as = with_family(reading, shown.called)
        job.rows.append(temperature_row(temperature, read_as, arm.requests, verdict, evidence))
    seen = [(t, r, a) for t, r, a in zip(sent, readings, arms, strict=True) if r.called != "none"]
    if not seen:
        job.blind += unseen(readings, sum(arm.requests for arm in arms))
        return
    # a truncation that shows though all of them are switched off, or have no word at this provider
    temperature, reading, arm = max(seen, key=lambda one: one[1].evidence - one[1].threshold)
    has = reading.called in job.fields(1.0)
    added: Verdict = "changed" if has else "default added"
    job.rows.append(truncation_row(reading, "off" if has else "nothing", arm.requests, added, f" at T={temperature:g}"))


def alone(job: Job) -> None:
    """Only the temperature is sent; what comes with it."""
    job.say("temperature alone")
    arm = job.arm({"temperature": 1.0}, SHARES["alone"])
    if isinstance(arm, str):
        return
    reading = with_family(job.read(arm, {"temperature": 1.0}), job.hidden)
    fine = {row.sent for row in job.rows if row.parameter == "temperature" and row.verdict == "honoured"}
    if reading.called == "none" and 1.0 in fine and not temperature_holds(reading, 1.0, job.alpha):
        words = (
            f"with only temperature=1 sent the draws are as at T={reading.best.temperature:.2f}, with the other "
            "parameters sent as off as at T=1"
        )
        job.rows.append(
            AuditRow("some truncation", "nothing", "not named", None, None, "default added", words, arm.requests)
        )
    job.hidden = reading.called
    if reading.called != "none":
        job.rows.append(truncation_row(reading, "nothing", arm.requests, "default added", ", only temperature=1 sent"))


def empty(job: Job, says: float | None) -> Reading | None:
    """Nothing is sent, not even a seed: the defaults, and whether answers are repeated.

    Parameters
    ----------
    job
        The audit.
    says
        The temperature that the server names as its default, if it does.

    Returns
    -------
    Reading or None
        What the draws show.
    """
    job.say("empty body")
    arm = job.arm({}, SHARES["empty"], seeded=False)
    if isinstance(arm, str):
        return None
    if arm.repeats:
        job.rows.append(cached_row(arm, f"{count(arm.requests, 'request')} without a seed"))
        return None
    reading = with_family(job.read(arm, {}), job.hidden)
    words = "as T=1" if temperature_holds(reading, 1.0, job.alpha) else fit_words(reading, None)
    if says is not None:
        agrees = temperature_holds(reading, says, job.alpha)
        words += f"; the server says {says:g}, which the draws {'agree with' if agrees else 'contradict'}"
    job.rows.append(temperature_row("nothing", reading, arm.requests, "default", words))
    if reading.called != "none" and reading.evidence > reading.threshold:
        job.rows.append(truncation_row(reading, "nothing", arm.requests, "default added", ", empty body"))
    return reading
