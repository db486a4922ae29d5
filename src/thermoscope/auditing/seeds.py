"""Whether a seed determines a text: alone, and beside other requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thermoscope.auditing.audit import AuditRow
from thermoscope.auditing.probes import Probe, Prober
from thermoscope.errors import EndpointError

#: Prompts, and tokens of each text.
_PAIRS, _TOKENS = 6, 12
#: Numbers under which repetitions are kept.
_SEED = 77


def seed_row(prober: Prober, prompts: Sequence[str], fields: Mapping[str, Any]) -> AuditRow:
    """Texts with the same seed one after the other, with other seeds, and all at once."""
    if not prober.endpoint.provider.seeds:
        return AuditRow("seed", "none", None, None, None, "can't be told", "the provider has no seed", 0)
    some = list(prompts[:_PAIRS])

    def probes(seed: int, repetition: int) -> list[Probe]:
        body = {**fields, "seed": seed}
        return [Probe(prompt, body, repetition, seeded=False, tokens=_TOKENS) for prompt in some]

    try:
        alone = [prober.ask([probe], top=0)[0].text for probe in probes(_SEED, 1)]
        again = [prober.ask([probe], top=0)[0].text for probe in probes(_SEED, 2)]
        both = prober.ask([*probes(_SEED, 3), *probes(_SEED + 1, 1), *probes(_SEED + 2, 1)], top=0)
    except EndpointError as error:
        return AuditRow("seed", _SEED, None, None, None, "refused", str(error), 0)
    number = len(some)
    crowded = [answer.text for answer in both]
    same = sum(a == b for a, b in zip(alone, again, strict=True))
    busy = sum(a == b for a, b in zip(alone, crowded[:number], strict=True))
    other = sum(a == b for a, b in zip(alone, crowded[number : 2 * number], strict=True))
    requests = 5 * number
    words = f"same seed: {same} of {number} texts equal alone, {busy} of {number} beside others; other seed: {other}"
    if other == number:
        words += "; every seed gives one text"
        return AuditRow("seed", _SEED, None, None, None, "can't be told", words, requests)
    if same <= other:
        return AuditRow("seed", _SEED, f"{same} of {number}", None, None, "ignored", words, requests)
    # rounding depends on what else is computed: now and then a seed gives another text though it is honoured
    effective = "one text" if same == number else f"one text, {same} of {number} times"
    if busy < same:
        effective += ", alone only"
        words += ": texts depend on what else runs"
    return AuditRow("seed", _SEED, effective, None, None, "honoured", words, requests)
