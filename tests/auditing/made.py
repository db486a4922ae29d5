"""Distributions and draws for tests of the audit."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermoscope.auditing.draws import Draws


def places(number: int, vocabulary: int, rng: np.random.Generator, spread: float = 2.2) -> Any:
    """Log-probabilities (number, vocabulary), descending in each row."""
    logits = np.sort(rng.normal(0, spread, (number, vocabulary)), axis=1)[:, ::-1]
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def chances(logprobs: Any, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0) -> Any:
    """What a sampler draws from: temperature first, then each truncation."""
    weights = np.exp((logprobs - logprobs[:, :1]) / temperature)
    if top_k:
        weights[:, top_k:] = 0
    shares = weights / weights.sum(axis=1, keepdims=True)
    weights[np.cumsum(shares, axis=1) - shares >= top_p] = 0
    weights[weights < min_p] = 0  # the largest weight is 1
    return weights / weights.sum(axis=1, keepdims=True)


def draws_of(logprobs: Any, rng: np.random.Generator, number: int, *, listed: int = 20, **setting: float) -> Draws:
    """``number`` draws at each place, with the ``listed`` most probable tokens known."""
    drawn = [rng.choice(len(row), number, p=row) for row in chances(logprobs, **setting)]  # type: ignore[arg-type]
    return Draws.of(logprobs[:, :listed].tolist(), [[int(x) if x < listed else -1 for x in row] for row in drawn])
