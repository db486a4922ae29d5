"""The experiments of an audit: what is sent, how often, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermoscope.auditing.draws import Draws
from thermoscope.auditing.probes import Probe, Prober
from thermoscope.sources.answers import Answer

#: How many tokens a list must have for a prompt to be of use.
_LEAST = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A prompt and the most probable tokens after it.

    Attributes
    ----------
    prompt
        It.
    tokens, logprobs
        The tokens' bytes and their log-probabilities at T=1, descending.
    information
        The variance of the log-probability under the distribution of the listed tokens (varentropy): what a draw
        tells of ln T.
    """

    prompt: str
    tokens: tuple[bytes, ...]
    logprobs: tuple[float, ...]
    information: float


@dataclass(frozen=True, slots=True)
class Arm:
    """One experiment.

    Attributes
    ----------
    draws
        The draws at each place; None without log-probabilities.
    words
        What was drawn at each place, as bytes or text.
    requests
        How many requests it was.
    """

    draws: Draws | None
    words: tuple[tuple[bytes, ...], ...]
    requests: int

    @property
    def repeats(self) -> bool:
        """Whether every place gave one and the same token every time, though not always the most probable one."""
        if self.draws is None or min((len(words) for words in self.words), default=0) < 3:
            return False
        same = all(len(set(words)) == 1 for words in self.words)
        return same and float(self.draws.counts[:, 1:].sum() + self.draws.beyond.sum()) > 0


def listed(answer: Answer, top: int) -> tuple[tuple[bytes, ...], tuple[float, ...]]:
    """The most probable tokens of an answer's first place, descending; of equal bytes the first."""
    found: dict[bytes, float] = {}
    for token, logprob in sorted(answer.tokens[0].top if answer.tokens else (), key=lambda one: -one[1]):
        if np.isfinite(logprob):
            found.setdefault(token, logprob)
    kept = list(found.items())[:top]
    return tuple(token for token, _ in kept), tuple(logprob for _, logprob in kept)


def screen(prober: Prober, prompts: Sequence[str], fields: Mapping[str, Any], *, keep: int, top: int) -> list[Place]:
    """Ask each prompt once; keep those whose draws tell most of the temperature."""
    places = []
    for prompt, answer in zip(prompts, prober.ask([Probe(p, fields) for p in prompts], top=top), strict=True):
        tokens, logprobs = listed(answer, top)
        if len(tokens) >= _LEAST:
            own = np.array(logprobs)
            shares = np.exp(own - own.max())
            shares /= shares.sum()
            spread = float(shares @ own**2 - (shares @ own) ** 2)
            places.append(Place(prompt, tokens, logprobs, spread))
    return sorted(places, key=lambda place: -place.information)[:keep]


def slope(prober: Prober, places: Sequence[Place], fields: Mapping[str, Any], *, top: int) -> float | None:
    """The slope of log-probabilities under other fields on those at T=1; None if too few tokens are in both."""
    x: list[float] = []
    y: list[float] = []
    for place, answer in zip(places, prober.ask([Probe(p.prompt, fields) for p in places], top=top), strict=True):
        before = dict(zip(place.tokens, place.logprobs, strict=True))
        after = dict(zip(*listed(answer, top), strict=True))
        both = [token for token in before if token in after]
        if len(both) >= _LEAST:
            x += list(np.array([before[t] for t in both]) - np.mean([before[t] for t in both]))
            y += list(np.array([after[t] for t in both]) - np.mean([after[t] for t in both]))
    spread = float(np.square(x).sum())
    return float(np.dot(x, y)) / spread if len(x) >= 4 and spread > 0 else None


def sample(
    prober: Prober,
    places: Sequence[Place],
    fields: Mapping[str, Any],
    each: int,
    *,
    seeded: bool = True,
    first: int = 1,
) -> Arm:
    """``each`` one-token draws at every place.

    Parameters
    ----------
    prober
        Asks.
    places
        Where.
    fields
        What is sent.
    each
        How many draws at each place.
    seeded
        Whether each request has a seed of its own.
    first
        The first seed, so that no two experiments share one.
    """
    top = len(places[0].tokens) if places[0].tokens else 0
    # Every request has another seed: equal seeds draw with equal noise, at other prompts too, and would count as one.
    spots = [place for place in places for _ in range(each)]
    probes = [Probe(place.prompt, fields, first + n, seeded) for n, place in enumerate(spots)]
    answers = prober.ask(probes, top=prober.least if top else 0)
    words = [_drawn(answer) for answer in answers]
    rows = tuple(tuple(words[i * each : (i + 1) * each]) for i in range(len(places)))
    draws = None
    if top:
        where = [{token: n for n, token in enumerate(place.tokens)} for place in places]
        drawn = [[known.get(word, -1) for word in row] for known, row in zip(where, rows, strict=True)]
        draws = Draws.of([place.logprobs for place in places], drawn)
    return Arm(draws, rows, len(probes))


def _drawn(answer: Answer) -> bytes:
    return answer.tokens[0].text if answer.tokens else answer.text.encode()
