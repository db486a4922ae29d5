"""The experiments on penalties: texts under a raised presence, frequency and repetition penalty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thermoscope.auditing.audit import AuditRow, Verdict
from thermoscope.auditing.job import Job
from thermoscope.auditing.probes import Probe
from thermoscope.auditing.prompts import LONG_QUESTIONS
from thermoscope.auditing.reading import Reading
from thermoscope.auditing.repetition import Penalty, Repeated, Weight, fitted, repeated_share
from thermoscope.errors import InputError
from thermoscope.sources.answers import Answer

#: Prompts, and tokens of each text: no more than llama.cpp looks back by default (64, prompt included).
PROMPTS, TOKENS = 16, 40
#: Penalties that are sent, one at a time, and what each grows with. That of repetition divides logits, which are not
#: shown: its size in nats depends on the tokens.
SENT: Mapping[str, tuple[float, Weight]] = {
    "presence_penalty": (1.5, "presence"), "frequency_penalty": (1.0, "frequency"),
    "repetition_penalty": (1.5, "presence"),
}  # fmt: skip
#: A repetition penalty of 1.5 should make repeated tokens at least so much less probable, nats.
_LEAST_EFFECT = 1.0
#: Without log-probabilities a penalty is this strong, as it must show in the words alone.
_STRONG = 2.0


def penalties(job: Job, empty: Reading | None = None) -> None:
    """Each penalty that the provider has a word for, beside texts without any.

    Parameters
    ----------
    job
        The audit.
    empty
        What the draws of an empty body showed, so that penalties by default can be told from truncations.
    """
    job.say("penalties")
    prompts = list(job.given or (LONG_QUESTIONS if job.route == "chat" else job.prompts))[:PROMPTS]
    plain = _texts(job, prompts, job.fields(1.0), 1)
    if isinstance(plain, str):
        job.blind.append("Penalties: the server refuses texts of several tokens.")
        return
    temperature, _ = job.at_one()
    raw = fitted(Repeated.of(plain, prompts, "presence", temperature))
    if raw is None:
        _by_words(job, prompts, plain)
        return
    _off(job, raw, "off", "all penalties off")
    for name, (value, weight) in SENT.items():
        fields = _fields(job, name, value)
        if fields is None:
            job.blind.append(f"{name}: {job.endpoint.provider.name} has no word for it, so it was not sent.")
            continue
        job.say(name)
        texts = _texts(job, prompts, fields, 1)
        if isinstance(texts, str):
            job.rows.append(AuditRow(name, value, None, None, None, "refused", texts, 1))
            continue
        if [text.text for text in texts] == [text.text for text in plain]:
            words = "the texts are those without it, word for word"
            job.rows.append(AuditRow(name, value, 0.0, None, None, "ignored", words, len(texts)))
            continue
        job.rows.append(
            _row(name, value, fitted(Repeated.of(texts, prompts, weight, temperature)), len(texts), job.alpha)
        )
    _by_default(job, prompts, empty)


def _fields(job: Job, name: str, value: float) -> dict[str, Any] | None:
    """A setting with one penalty; None where the provider has no word for it."""
    try:
        return job.fields(1.0, **{name: value})
    except InputError:
        return None


def _texts(
    job: Job, prompts: Sequence[str], fields: Mapping[str, Any], first: int, *, seeded: bool = True
) -> list[Answer] | str:
    """A text of each prompt with the most probable tokens of each place, or the server's words where it refuses."""
    probes = [Probe(prompt, fields, first + n, seeded, TOKENS) for n, prompt in enumerate(prompts)]
    top = job.endpoint.provider.top_logprobs
    refusal = job.prober.refuses(probes[0], top=top)
    return job.prober.ask(probes, top=top) if refusal is None else refusal


def _threshold(alpha: float) -> float:
    from scipy.stats import chi2

    return float(chi2.ppf(1 - alpha, 1))


def _row(name: str, sent: float, found: Penalty | None, requests: int, alpha: float) -> AuditRow:
    """What texts under a penalty say of it."""
    if found is None:
        return AuditRow(name, sent, None, None, None, "can't be told", "no repeated token could have come", requests)
    off, threshold = found.evidence(0.0), _threshold(alpha)
    exact = name != "repetition_penalty"
    as_sent = found.evidence(sent) if exact else 0.0
    least = found.evidence(_LEAST_EFFECT) if found.value < _LEAST_EFFECT else 0.0
    words = f"repeated tokens are {found.value:.2f} nats less probable, at {found.places} places; 2 dlogL {off:.0f}"
    words += " against no penalty" + (f", {as_sent:.1f} from what was sent" if exact else "")
    verdict: Verdict
    if off > threshold and as_sent <= threshold and found.value > 0:
        verdict = "honoured"
    elif off > threshold:
        verdict = "changed"
    else:
        verdict = "ignored" if (as_sent if exact else least) > threshold else "can't be told"
    if not exact:
        words += "; how many nats a repetition penalty is depends on logits that are not shown"
        return AuditRow(name, sent, f"{found.value:.2f} nats", found.low, found.high, verdict, words, requests)
    return AuditRow(name, sent, found.value, found.low, found.high, verdict, words, requests)


def _off(job: Job, found: Penalty, sent: str, where: str) -> None:
    """A row where repeated tokens are penalised though nothing of the kind was sent."""
    if found.evidence(0.0) <= _threshold(job.alpha) or found.value <= 0:
        return
    words = f"repeated tokens are {found.value:.2f} nats less probable with {where}, at {found.places} places"
    verdict: Verdict = "changed" if sent == "off" else "default added"
    job.rows.append(
        AuditRow("some penalty", sent, f"{found.value:.2f} nats", found.low, found.high, verdict, words, PROMPTS)
    )


def _by_default(job: Job, prompts: Sequence[str], empty: Reading | None) -> None:
    """Penalties that come where nothing is sent."""
    if empty is None or empty.greedy:
        return
    texts = _texts(job, prompts, {}, 1, seeded=False)
    if isinstance(texts, str):
        return
    best = empty.best
    least = -np.inf if best.sets is None else float(np.where(best.sets, empty.draws.depth, np.inf).min())
    least = least if best.family != "none" else -np.inf
    found = fitted(Repeated.of(texts, prompts, "presence", best.temperature, least=least))
    if found is not None:
        _off(job, found, "nothing", "an empty body")


def _by_words(job: Job, prompts: Sequence[str], plain: Sequence[Answer]) -> None:
    """Without log-probabilities: whether a strong penalty makes fewer words come again, permuted within prompts."""
    for name in ("presence_penalty", "frequency_penalty", "repetition_penalty"):
        fields = _fields(job, name, _STRONG)
        if fields is None:
            continue
        texts = _texts(job, prompts, fields, 1)
        if isinstance(texts, str):
            job.rows.append(AuditRow(name, _STRONG, None, None, None, "refused", texts, 1))
            continue
        before, after = np.array(repeated_share(plain)), np.array(repeated_share(texts))
        p = _sign_flip_p(before - after)
        words = f"{after.mean():.0%} of the words repeat an earlier one, {before.mean():.0%} without it; p {p:.2g}"
        verdict: Verdict = "honoured" if p <= max(job.alpha, 2.0 ** -len(prompts)) else "can't be told"
        if [text.text for text in texts] == [text.text for text in plain]:
            verdict, words = "ignored", "the texts are those without it, word for word"
        job.rows.append(AuditRow(name, _STRONG, None, None, None, verdict, words, len(texts)))


def _sign_flip_p(differences: Any) -> float:
    """The share of all sign changes of paired differences whose sum is at least as large: an exact p-value."""
    number = len(differences)
    signs = 1 - 2 * ((np.arange(2**number)[:, None] >> np.arange(number)) & 1)
    sums = signs @ differences
    return float((sums >= differences.sum() - 1e-12).mean())
