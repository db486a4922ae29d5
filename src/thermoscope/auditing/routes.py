"""The other routes of an endpoint: whether they treat temperature as the audited one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thermoscope.auditing.arms import screen
from thermoscope.auditing.audit import AuditRow
from thermoscope.auditing.job import KEEP, SHARES, Job
from thermoscope.auditing.native import NATIVE
from thermoscope.auditing.probes import TOP, Probe, ProbeRoute
from thermoscope.auditing.reading import Reading, with_family
from thermoscope.auditing.rows import fit_words, temperature_row, truncation_row
from thermoscope.auditing.verdicts import temperature_map
from thermoscope.errors import EndpointError
from thermoscope.settings.params import SamplingParams

#: Temperatures that are sent by each of them.
_TEMPERATURES = (0.4, 1.5)


def other_routes(job: Job) -> None:
    """The chat, completion and native routes that the server has besides the audited one."""
    routes: list[ProbeRoute] = [route for route in job.endpoint.provider.routes if route != job.route]
    if job.engine in NATIVE:
        routes.append("native")
    for route in routes:
        job.say(f"{route} route")
        other = Job(job.endpoint, route, job.budget, job.given, job.cache, engine=job.engine)
        other.last = job.last
        try:
            _route(job, other)
        except EndpointError as error:
            job.blind.append(f"The {route} route: {error}.")
        job.prober.requests += other.prober.requests
        job.prober.cached += other.prober.cached


def _fields(other: Job, temperature: float) -> dict[str, Any]:
    if other.route == "native":
        return NATIVE[other.engine].fields(SamplingParams(temperature=temperature))
    return other.fields(temperature)


def _route(job: Job, other: Job) -> None:
    """Two temperatures with everything else off, and an empty body."""
    name = f"temperature ({other.route})"
    neutral = _fields(other, 1.0)
    refusal = other.prober.refuses(Probe(other.prompts[0], neutral), top=TOP)
    if refusal is not None:
        job.blind.append(f"The {other.route} route: {refusal}.")
        return
    other.places = screen(other.prober, other.prompts[:KEEP], neutral, keep=KEEP // 2, top=TOP)
    if not other.places:
        job.blind.append(f"The {other.route} route: it gives no log-probabilities.")
        return
    sent, readings, requests = [], [], []
    for temperature in _TEMPERATURES:
        fields = _fields(other, temperature)
        arm = other.arm(fields, SHARES["route"])
        if isinstance(arm, str):
            job.rows.append(AuditRow(name, temperature, None, None, None, "refused", arm, 1))
            continue
        sent.append(temperature)
        readings.append(other.read(arm, fields))
        requests.append(arm.requests)
    if sent:
        _rows(job, name, sent, readings, requests)
    _default(job, other, name)
    if other.route == "native":
        _echo(job, other)


def _rows(job: Job, name: str, sent: list[float], readings: list[Reading], requests: list[int]) -> None:
    shown = max(readings, key=lambda one: one.evidence - one.threshold)
    read_as = [with_family(one, shown.called) for one in readings]
    found = temperature_map(sent, read_as, job.alpha)
    for temperature, reading, number, verdict in zip(sent, read_as, requests, found.verdicts, strict=True):
        evidence = found.rule if verdict != "honoured" else fit_words(reading, temperature)
        job.rows.append(temperature_row(temperature, reading, number, verdict, evidence, name))
    if shown.called != "none":
        place = readings.index(shown)
        job.rows.append(truncation_row(shown, "off", requests[place], "changed", f" at T={sent[place]:g}", name[11:]))


def _default(job: Job, other: Job, name: str) -> None:
    arm = other.arm({}, SHARES["route"], seeded=False)
    if isinstance(arm, str):
        return
    reading = other.read(arm, {})
    if reading.called == "none":
        reading = with_family(reading, job.hidden)
    job.rows.append(temperature_row("nothing", reading, arm.requests, "default", fit_words(reading, None), name))


def _echo(job: Job, other: Job) -> None:
    """Whether the settings that an answer names are those that were sent."""
    sent = _fields(other, 1.5)
    found = NATIVE[other.engine].echoed(other.prober.raw([Probe(other.prompts[0], sent, 1)], top=0)[0])
    differs = _differences(sent, found)
    if differs:
        job.notes.append(f"The native route says that it used other values than were sent: {', '.join(differs)}.")
    elif found:
        job.notes.append("The native route names the settings that it used: they are those that were sent.")


def _differences(sent: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} {found[name]:.3g} for {value:g}"
        for name, value in sent.items()
        if isinstance(value, int | float)
        and isinstance(found.get(name), int | float)
        and abs(found[name] - value) > 1e-4 * max(1.0, abs(value))
    ]
