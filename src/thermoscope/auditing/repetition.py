"""How much less probable repeated tokens are than the model says, by maximum likelihood.

At a place of a text where the model's own log-probabilities l of its most probable tokens are known, a token is drawn
with a probability in proportion to ``exp((l_i - d w_i) / T)``: w says how often the token stands in the text before
(its presence: 0 or 1; its frequency: a count), and d is the penalty in nats. Draws are conditioned on the listed
tokens.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from thermoscope.auditing.draws import Floats
from thermoscope.auditing.probes import TOP
from thermoscope.sources.answers import Answer

#: What a penalty grows with.
Weight = Literal["presence", "frequency"]
#: Penalties between which the best one is sought, nats.
_LEAST, _MOST = -4.0, 12.0


@dataclass(frozen=True)
class Repeated:
    """Places of texts where repeated and new tokens compete: P places, K tokens; unused entries are at -inf.

    Attributes
    ----------
    logprobs : array (P, K)
        The listed tokens' own log-probabilities, nats.
    weights : array (P, K)
        How often each stands in the text before, or whether it does.
    drawn : array (P,)
        Which of them came.
    temperature
        That of the draws.
    """

    logprobs: Floats
    weights: Floats
    drawn: np.ndarray[tuple[int], np.dtype[np.int64]]
    temperature: float

    @classmethod
    def of(
        cls,
        answers: Sequence[Answer],
        prompts: Sequence[str],
        weight: Weight,
        temperature: float = 1.0,
        *,
        least: float = -np.inf,
    ) -> Repeated:
        """From texts with the most probable tokens of each place.

        Tokens that stand in the prompt are left out: engines differ in whether they count.

        Parameters
        ----------
        answers, prompts
            The texts, and what each continues.
        weight
            What the penalty grows with.
        temperature
            That of the draws.
        least
            Tokens that are so far below the most probable one of their place are left out, nats.
        """
        rows: list[tuple[list[float], list[float], int]] = []
        for answer, prompt in zip(answers, prompts, strict=True):
            rows += _rows(answer, prompt, weight, least)
        width = max((len(own) for own, _, _ in rows), default=0)
        logprobs, weights = np.full((len(rows), width), -np.inf), np.zeros((len(rows), width))
        for place, (own, many, _) in enumerate(rows):
            logprobs[place, : len(own)], weights[place, : len(own)] = own, many
        return cls(logprobs, weights, np.array([drawn for _, _, drawn in rows], dtype=np.int64), temperature)

    def log_likelihood(self, penalty: float) -> float:
        """Of the draws under a penalty, nats."""
        scores = (self.logprobs - penalty * self.weights) / self.temperature
        scores = scores - scores.max(axis=1, keepdims=True)
        own = scores[np.arange(len(scores)), self.drawn].sum()
        return float(own - np.log(np.exp(scores).sum(axis=1)).sum())


@dataclass(frozen=True, slots=True)
class Penalty:
    """The penalty that texts show: the most likely one, its interval (95 %), nats, and the places it rests on."""

    value: float
    low: float
    high: float
    places: int
    of: Repeated

    def evidence(self, penalty: float) -> float:
        """Twice the log-likelihood ratio of the most likely penalty to this one."""
        return max(0.0, 2 * (self.of.log_likelihood(self.value) - self.of.log_likelihood(penalty)))


def fitted(repeated: Repeated) -> Penalty | None:
    """The most likely penalty; None where no repeated token competes with a new one."""
    from scipy.optimize import brentq, minimize_scalar
    from scipy.stats import chi2

    if not len(repeated.drawn):
        return None
    grid = np.linspace(_LEAST, _MOST, 33)
    start = float(grid[int(np.argmax([repeated.log_likelihood(d) for d in grid]))])
    found = minimize_scalar(lambda d: -repeated.log_likelihood(d), bounds=(start - 0.5, start + 0.5), method="bounded")
    best, level = float(found.x), -float(found.fun) - float(chi2.ppf(0.95, 1)) / 2

    def above(penalty: float) -> float:
        return repeated.log_likelihood(penalty) - level

    ends = [end if above(end) >= 0 else float(brentq(above, *sorted((end, best)))) for end in (_LEAST - 1, _MOST + 1)]
    return Penalty(best, ends[0], ends[1], len(repeated.drawn), repeated)


def repeated_share(answers: Sequence[Answer]) -> list[float]:
    """The share of each text's words that stood in it before."""
    shares = []
    for answer in answers:
        words = answer.text.lower().split()
        shares.append(1 - len(set(words)) / len(words) if words else 0.0)
    return shares


def _rows(answer: Answer, prompt: str, weight: Weight, least: float) -> list[tuple[list[float], list[float], int]]:
    before: Counter[bytes] = Counter()
    known, found = prompt.lower().encode(), []

    @cache
    def new(token: bytes) -> bool:
        return not (token.strip() and token.strip().lower() in known)

    for token in answer.tokens or ():
        # vLLM lists the token that came even where it is not among the most probable ones
        top = sorted(((t, logprob) for t, logprob in token.top if math.isfinite(logprob)), key=lambda x: -x[1])[:TOP]
        most = top[0][1] if top else 0.0
        kept = {text: logprob for text, logprob in top if logprob - most >= least and new(text)}
        weights = [float(before[text] if weight == "frequency" else before[text] > 0) for text in kept]
        if token.text in kept and len(set(weights)) > 1:
            found.append((list(kept.values()), weights, list(kept).index(token.text)))
        before[token.text] += 1
    return found
