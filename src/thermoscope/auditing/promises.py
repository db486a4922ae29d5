"""Whether max_tokens, stop, n and logprobs are honoured: what can be counted instead of estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thermoscope.auditing.audit import AuditRow, Verdict
from thermoscope.auditing.job import Job
from thermoscope.auditing.probes import TOP, Probe
from thermoscope.auditing.prompts import LONG_QUESTIONS
from thermoscope.sources.answers import Answer

#: What is sent: the most tokens, a string that English text soon has, and a number of texts.
_MAX_TOKENS, _STOP, _N = 5, "e", 2
_PROMPTS, _TOKENS = 4, 24


def promises(job: Job) -> None:
    """Each of them, a few requests long."""
    job.say("max_tokens, stop, n")
    prompts = list(job.given or (LONG_QUESTIONS if job.route == "chat" else job.prompts))[:_PROMPTS]
    free = _ask(job, prompts, {}, _TOKENS)
    if isinstance(free, str):
        job.blind.append("max_tokens, stop and n: the server refuses texts of several tokens.")
        return
    job.rows.append(_limit(job, prompts, free))
    job.rows.append(_stop(job, prompts, free))
    job.rows.append(_number(job, prompts))


def logprobs_row(job: Job, given: bool) -> AuditRow | None:
    """Whether log-probabilities that were asked for came; None where none are documented."""
    if not job.endpoint.provider.top_logprobs or given:
        return None
    words = "accepted, but the answers have none"
    return AuditRow("logprobs", TOP, "none", None, None, "ignored", words, len(job.prompts))


def _ask(job: Job, prompts: Sequence[str], more: Mapping[str, Any], tokens: int) -> list[Answer] | str:
    fields = {**job.fields(1.0), **more}
    probes = [Probe(prompt, fields, 9001 + n, tokens=tokens) for n, prompt in enumerate(prompts)]
    refusal = job.prober.refuses(probes[0], top=0)
    return job.prober.ask(probes, top=0) if refusal is None else refusal


def _limit(job: Job, prompts: Sequence[str], free: Sequence[Answer]) -> AuditRow:
    """Texts that would be longer, cut by max_tokens."""
    texts = _ask(job, prompts, {}, _MAX_TOKENS)
    if isinstance(texts, str):
        return AuditRow("max_tokens", _MAX_TOKENS, None, None, None, "refused", texts, 1)
    counts = [text.completion_tokens for text in texts if text.completion_tokens is not None]
    long = sum(len(text.text) for text in texts)
    whole = sum(len(text.text) for text in free)
    most = max(counts, default=None)
    verdict: Verdict
    if most is None:
        verdict = "honoured" if long < whole else "can't be told"
        words = f"{long} characters; {whole} with {_TOKENS}"
    else:
        verdict = "honoured" if most <= _MAX_TOKENS else "ignored" if long >= whole else "changed"
        words = f"the longest of {len(texts)} texts has {most} tokens, as the server counts"
    return AuditRow("max_tokens", _MAX_TOKENS, most, None, None, verdict, words, len(texts) + len(free))


def _stop(job: Job, prompts: Sequence[str], free: Sequence[Answer]) -> AuditRow:
    """Texts that would have the letter, with it as a stop string."""
    texts = _ask(job, prompts, {"stop": [_STOP]}, _TOKENS)
    if isinstance(texts, str):
        return AuditRow("stop", _STOP, None, None, None, "refused", texts, 1)
    beyond = sum(_STOP in text.text.removesuffix(_STOP) for text in texts)
    usual = sum(_STOP in text.text for text in free)
    words = f"{beyond} of {len(texts)} texts go on after it; {usual} of {len(free)} have it without a stop string"
    verdict: Verdict = "ignored" if beyond else "honoured" if usual else "can't be told"
    return AuditRow("stop", _STOP, None, None, None, verdict, words, len(texts))


def _number(job: Job, prompts: Sequence[str]) -> AuditRow:
    """How many texts come where two are asked for."""
    probe = Probe(prompts[0], {**job.fields(1.0), "n": _N}, 9101)
    refusal = job.prober.refuses(probe, top=0)
    if refusal is not None:
        return AuditRow("n", _N, None, None, None, "refused", refusal, 1)
    found = job.prober.raw([probe], top=0)[0].get("choices")
    came = len(found) if isinstance(found, list) else 0
    verdict: Verdict = "honoured" if came == _N else "ignored" if came == 1 else "changed"
    return AuditRow("n", _N, float(came), None, None, verdict, f"{came} came", 1)
