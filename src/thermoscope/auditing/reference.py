"""The audit with the model's weights at hand: distributions in full, and whether the server has this model at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from thermoscope.auditing.arms import Place
from thermoscope.auditing.audit import AuditRow
from thermoscope.auditing.draws import Draws, Floats
from thermoscope.auditing.likelihood import Fit
from thermoscope.auditing.reading import Reading
from thermoscope.auditing.tails import unlisted
from thermoscope.models.base import Model

#: Tokens that are listed at each place; the mass of the others is known.
LISTED = 128
#: Tokens with a smaller expected number of draws are taken together.
_LEAST_EXPECTED = 0.5
#: Simulated sets of draws.
_SIMULATED = 9999
#: Log-probabilities that are further apart on average, in nats, are not of these weights. The bundled model's as
#: llama.cpp computes them are 0.0004 nats from ours; with weights of 16 bits 0.005, of 8 bits 0.02, of 4 bits 0.2.
_APART = 0.05
_OTHER = "not this model or not this precision"


def reference_places(model: Model, prompts: Sequence[str], keep: int, *, chat: bool) -> list[Place]:
    """The places whose draws tell most of the temperature, with the reference's own log-probabilities.

    Parameters
    ----------
    model
        The reference.
    prompts
        What is tried.
    keep
        How many are kept.
    chat
        Whether prompts go into the model's chat template, as on the server's chat route.
    """
    places = [_place(model, prompt, chat=chat) for prompt in prompts]
    return sorted(places, key=lambda place: -place.information)[:keep]


def _place(model: Model, prompt: str, *, chat: bool) -> Place:
    import torch

    context = model.encode_prompt(prompt) if chat else model.encode(prompt)
    with torch.inference_mode():
        logits = model.rows(capacity=1, length=len(context) + 1).add([context])[0]
    logprobs = logits.double().log_softmax(-1)
    own = logprobs.exp()
    spread = float((own * logprobs.clamp(min=-700) ** 2).sum() - (own * logprobs.clamp(min=-700)).sum() ** 2)
    top = logprobs.topk(min(LISTED, len(logprobs)))
    before = model.decode(context)
    found: dict[bytes, float] = {}
    for token, logprob in zip(top.indices.tolist(), top.values.tolist(), strict=True):
        found.setdefault(model.decode([*context, token])[len(before) :].encode(), logprob)
    return Place(prompt, tuple(found), tuple(found.values()), spread)


def weights_row(name: str, listed: Mapping[str, Place], places: Sequence[Place], requests: int) -> list[AuditRow]:
    """Whether the server's log-probabilities are those of the reference; no row where none can be compared.

    Parameters
    ----------
    name
        The reference's.
    listed
        The server's places, by prompt, with log-probabilities that are the model's own.
    places
        The reference's.
    requests
        How many requests the server's places took.
    """
    found = []
    for place in places:
        own = dict(zip(place.tokens, place.logprobs, strict=True))
        other = listed.get(place.prompt)
        if other is not None:
            pairs = zip(other.tokens, other.logprobs, strict=True)
            found += [abs(own[token] - logprob) for token, logprob in pairs if token in own]
    if not found:
        return []
    mean = sum(found) / len(found)
    words = f"its log-probabilities are {mean:.2g} nats from the reference's on average, {max(found):.2g} at most"
    if mean > _APART:
        return [AuditRow("model", name, _OTHER, None, None, "changed", words, requests)]
    return [AuditRow("model", name, "as this model", None, None, "honoured", words, requests)]


def model_row(name: str, reading: Reading, requests: int, alpha: float) -> AuditRow:
    """Whether the draws at T=1 could come from the reference at any temperature and truncation.

    The fitted setting is taken as given: Pearson's statistic of the draws against its distribution, with the rare
    tokens of each place together, is held against that of simulated draws.
    """
    statistic, p = goodness(reading.draws, reading.best)
    words = (
        f"{reading.draws.number + int(reading.draws.beyond.sum())} draws against it at the best setting, "
        f"Pearson {statistic:.0f}, p {p:.2g}"
    )
    if p <= alpha:
        return AuditRow("model", name, _OTHER, None, None, "changed", words, requests)
    return AuditRow("model", name, "as this model", None, None, "honoured", words, requests)


def goodness(draws: Draws, best: Fit, *, simulated: int = _SIMULATED, seed: int = 0) -> tuple[float, float]:
    """Pearson's statistic of draws against a fitted setting, and its p-value by simulation.

    Parameters
    ----------
    draws
        With the reference's log-probabilities.
    best
        The setting.
    simulated
        How many sets of draws are simulated.
    seed
        Of the simulation.
    """
    rng = np.random.default_rng(seed)
    beyond = unlisted(draws, np.array([best.temperature]))[0] * (best.family == "none")
    observed, null = 0.0, np.zeros(simulated)
    for place in range(len(draws.logprobs)):
        number = int(draws.counts[place].sum() + draws.beyond[place])
        if not number:
            continue
        expected, cells = _cells(draws, best, place, number, float(beyond[place]))
        came = np.bincount(cells, weights=[*draws.counts[place], draws.beyond[place]], minlength=len(expected))
        observed += float(((came - expected) ** 2 / expected).sum())
        sets = rng.multinomial(number, expected / number, size=simulated)
        null += ((sets - expected) ** 2 / expected).sum(axis=1)
    return observed, float((null >= observed - 1e-9).sum() + 1) / (simulated + 1)


def _cells(draws: Draws, best: Fit, place: int, number: int, beyond: float) -> tuple[Floats, np.ndarray]:
    """The expected numbers of a place's cells, and the cell of each listed token and, last, of all others."""
    depth = draws.depth[place]
    weights = np.where(np.isfinite(depth), np.exp(depth / best.temperature), 0.0)
    if best.sets is not None:
        weights = np.where(best.sets[place], weights, 0.0)
    chances = np.append(weights, beyond)
    chances = np.maximum(chances / chances.sum(), 1e-12)
    expected = number * chances
    alone = expected >= _LEAST_EXPECTED
    cells = np.where(alone, np.cumsum(alone) - 1, int(alone.sum()))
    sums = np.bincount(cells, weights=expected)
    return sums * number / sums.sum(), cells
