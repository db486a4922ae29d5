"""The experiments on truncation: each one sent, and whether it is applied before or after the temperature."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermoscope.auditing.arms import Arm
from thermoscope.auditing.audit import AuditRow, Verdict
from thermoscope.auditing.draws import Draws
from thermoscope.auditing.job import SHARES, Job
from thermoscope.auditing.likelihood import Family, Fit, curve, kept_curve, kept_fit, prefix, prefix_within, sent_sets
from thermoscope.auditing.reading import Reading
from thermoscope.auditing.rows import needed

#: Truncations that are sent, one at a time.
SENT: Mapping[Family, float] = {"top_k": 3, "top_p": 0.5, "min_p": 0.3}
#: Values that switch a truncation off.
OFF: Mapping[Family, Callable[[float], bool]] = {
    "top_k": lambda k: k <= 0, "top_p": lambda p: p >= 1, "min_p": lambda p: p <= 0,
}  # fmt: skip
#: Colder temperatures are as this one.
_COLDEST = 0.05
#: Draws outside a truncation from which on it is not what ran: fewer are rounding.
SLIPS = 2
#: The least k of a hidden top_k that is tried before top_p.
_LEAST_WITHIN = 5
#: What is sent to see the order of stages, and the probability of a wrong call.
_HOT, _TOP_P, _ORDER_ALPHA = 2.0, 0.5, 1e-4
#: The share of draws beyond the prefix that rounding explains.
_ROUNDED = 0.03


def truncations(job: Job) -> None:
    """Each truncation that the provider has a word for."""
    neutral = job.fields(1.0)
    for name, value in SENT.items():
        if name not in neutral:
            job.blind.append(f"{name}: {job.endpoint.provider.name} has no word for it, so it was not sent.")
            continue
        job.say(f"{name}={value:g}")
        fields = job.fields(1.0, **{name: value})
        arm = job.arm(fields, SHARES["truncation"])
        if isinstance(arm, str):
            job.rows.append(AuditRow(name, value, None, None, None, "refused", arm, 1))
        else:
            job.rows.append(sent_truncation(job, name, value, arm, job.read(arm, fields)))


@dataclass(frozen=True, slots=True)
class SentFit:
    """Draws read with a truncation that was sent.

    Attributes
    ----------
    fit
        The most likely temperature.
    outside
        How many draws it forbids.
    within
        For top_p, the k of a hidden top_k that comes before it; None without evidence of one.
    """

    fit: Fit
    outside: float
    within: int | None


def read_as_sent(reading: Reading, name: Family, value: float, at: float) -> SentFit:
    """Read draws with the truncation that was sent, formed at a temperature.

    A hidden top_k before top_p leaves fewer tokens than top_p alone, as it is of the mass that top_k left: it is tried
    where the draws are of fewer tokens than were sent.
    """
    draws = reading.draws
    number = draws.number + float(draws.beyond.sum())
    fit, outside = kept_fit(draws, name, value, sent_sets(draws, name, value, at))
    alone = SentFit(fit, outside * number, None)
    if name != "top_p" or alone.outside >= SLIPS:
        return alone
    sizes = range(_LEAST_WITHIN, draws.logprobs.shape[1] + 1)
    tried = [(k, *kept_fit(draws, name, value, prefix_within(draws, value, k, at))) for k in sizes]
    fitting = [(fit.log_likelihood, -k, fit, out * number) for k, fit, out in tried if out * number < SLIPS]
    if not fitting:
        return alone
    _, k, best, out = max(fitting, key=lambda one: one[:2])
    more = 2 * (best.log_likelihood - fit.log_likelihood)
    return SentFit(best, out, -k) if more > reading.threshold else alone


def sent_truncation(
    job: Job,
    name: Family,
    value: float,
    arm: Arm,
    reading: Reading,
    temperature: float | None = None,
    *,
    last: bool = False,
) -> AuditRow:
    """Whether the draws are what a truncation that was sent would give, beside this temperature (by default T=1)."""
    assert arm.draws is not None
    beside, most = job.at_one() if temperature is None else (max(temperature, _COLDEST),) * 2
    sent = read_as_sent(reading, name, value, 1.0 if last else most)

    def row(effective: Any, verdict: Any, words: str) -> AuditRow:
        return AuditRow(name, value, effective, None, None, verdict, words, arm.requests)

    found = f"{reading.called} {reading.best.value:.3g}" if reading.called != "none" else "off"
    if sent.outside >= SLIPS:
        words = f"{sent.outside:.0f} of {arm.requests} draws are of tokens that it would remove"
        return row(found, "ignored" if reading.called == "none" else "changed", words)
    tighter = 2 * (reading.best.log_likelihood - sent.fit.log_likelihood) if reading.called != "none" else 0.0
    if tighter > reading.threshold:
        words = f"tighter fits better (2 dlogL {tighter:.0f}, threshold {reading.threshold:.0f})"
        return row(found, "changed", words)
    gain = 2 * (sent.fit.log_likelihood - reading.fits["none"].log_likelihood)
    # beside the temperature that runs, this is one setting against one other: P(likelihood ratio >= 1 / alpha) <= alpha
    gain = max(gain, _gain(arm.draws, sent.fit, beside))
    threshold = min(reading.threshold, -2 * math.log(job.alpha))
    if gain < threshold:
        words = f"too few draws to tell it from none (2 dlogL {gain:.1f}, threshold {threshold:.0f}); "
        return row(None, "can't be told", words + needed(job.budget, gain, threshold))
    words = f"2 dlogL {gain:.0f} against none"
    if sent.within is None:
        return row(reading.fits[name].value, "honoured", words)
    return row(value, "honoured", f"{words}, within a top_k of about {sent.within} that was not sent")


def _gain(draws: Draws, sent: Fit, temperature: float) -> float:
    """Twice the log-likelihood ratio of a truncation to none at one temperature."""
    at = np.array([temperature])
    none = kept_curve(draws, np.isfinite(draws.logprobs), at)
    return 2 * float((curve(draws, sent, at) - none)[0])


def order(job: Job) -> None:
    """Whether top_p is taken before or after the temperature, where nothing is said of it.

    At T=2 the prefix of top_p 0.5 is much longer if the temperature comes first: tokens beyond the prefix at T=1 are
    then drawn, though fewer than without top_p. They never are if it comes last.
    """
    if job.hot is None:
        return
    job.say("order of stages")
    fields = {name: value for name, value in job.fields(_HOT, top_p=_TOP_P).items() if name != "samplers"}
    arm = job.arm(fields, SHARES["order"])
    if isinstance(arm, str) or arm.draws is None:
        job.blind.append(f"The order of temperature and truncation: the server refuses T={_HOT:g} with top_p.")
        return
    applied = any(row.parameter == "top_p" and row.verdict == "honoured" for row in job.rows)
    effective, words = _order(arm.draws, job.hot, applied=applied)
    verdict: Verdict = "default" if effective else "can't be told"
    job.rows.append(AuditRow("order", f"top_p {_TOP_P:g}", effective, None, None, verdict, words, arm.requests))
    if effective:
        job.last = effective == "temperature last"


def _order(draws: Draws, plain: Draws, *, applied: bool) -> tuple[str | None, str]:
    """The order that the draws show beside those at the same temperature without top_p, and why.

    ``applied`` says that top_p was honoured at T=1.
    """
    from scipy.stats import fisher_exact

    kept = prefix(draws, 1.0, _TOP_P)
    (beyond, total), (usual, of) = _beyond(draws, kept), _beyond(plain, kept)
    words = f"at T={_HOT:g} {beyond} of {total} draws are of tokens that top_p removes at T=1; {usual} of {of} without"
    fewer = float(fisher_exact([[beyond, total - beyond], [usual, of - usual]], alternative="less").pvalue)
    last = beyond <= _ROUNDED * total
    if fewer > _ORDER_ALPHA and (last or not applied):
        return None, f"{words}: too alike"
    return ("temperature last" if last else "temperature first"), words


def _beyond(draws: Draws, kept: NDArray[np.bool_]) -> tuple[int, int]:
    """How many draws are of tokens that are not kept, and how many there are."""
    beyond = float(draws.counts[~kept].sum() + draws.beyond.sum())
    return int(beyond), int(draws.number + draws.beyond.sum())
