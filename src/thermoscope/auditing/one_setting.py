"""The audit of one setting, sent as it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from thermoscope.auditing.audit import AuditRow, Verdict
from thermoscope.auditing.job import Job
from thermoscope.auditing.likelihood import Family
from thermoscope.auditing.reading import Reading
from thermoscope.auditing.rows import cached_row, fit_words, temperature_row, truncation_row
from thermoscope.auditing.truncations import OFF, SENT, SLIPS, read_as_sent, sent_truncation
from thermoscope.auditing.verdicts import temperature_map
from thermoscope.words import count


def one_setting(job: Job, send: Mapping[str, Any]) -> None:
    """Temperature and truncation of what a user sends, with the whole budget."""
    job.say("what was sent")
    arm = job.arm(send, 0.9)
    shown = ", ".join(f"{name}={value}" for name, value in send.items())
    if isinstance(arm, str):
        job.rows.append(AuditRow(shown, "as given", None, None, None, "refused", arm, 1))
        return
    sent = send.get("temperature", "nothing")
    temperature = float(sent) if isinstance(sent, int | float) else None
    if arm.repeats and temperature != 0:
        job.rows.append(cached_row(arm, f"{count(arm.requests, 'request')} with seeds of their own"))
        return
    last = job.last and "samplers" not in send
    given = {name: float(send[name]) for name in SENT if isinstance(send.get(name), int | float)}
    cut = {name: value for name, value in given.items() if not OFF[name](value)}
    reading = job.read(arm, send)
    read_as = _as_sent(reading, cut, 1.0 if last or temperature is None else temperature)
    verdict: Verdict = "default"
    if temperature is not None:
        verdict = temperature_map([temperature], [read_as], job.alpha).verdicts[0]
    job.rows.append(temperature_row(sent, read_as, arm.requests, verdict, fit_words(read_as, temperature)))
    for name, value in cut.items():
        job.rows.append(sent_truncation(job, name, value, arm, reading, temperature, last=last))
    if reading.called != "none" and not cut:
        off = reading.called in given
        added: Verdict = "changed" if off else "default added"
        job.rows.append(truncation_row(reading, "off" if off else "nothing", arm.requests, added, ""))


def _as_sent(reading: Reading, cut: Mapping[Family, float], at: float) -> Reading:
    """The same draws read with the one truncation that was sent, if they are within it."""
    if len(cut) != 1 or reading.greedy:
        return reading
    name, value = next(iter(cut.items()))
    sent = read_as_sent(reading, name, value, max(at, 0.05))
    if sent.outside >= SLIPS:
        return reading
    return replace(reading, fits={**reading.fits, name: sent.fit}, called=name)
