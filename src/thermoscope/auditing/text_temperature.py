"""The temperature of a text: the setting at which a model would most likely have written it.

Each token of the text is one draw at a place whose whole distribution the model gives, so that the likelihood of
``likelihood.py`` applies. Whether the model could be the author at all is a second question: at the most likely setting
the share of probability above each token (its randomised probability integral transform) is uniform if the model wrote
the text; Neyman's smooth test tells when it is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from thermoscope.auditing.likelihood import Draws, Family, Fit, Floats, fit
from thermoscope.auditing.reading import read
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from thermoscope.models.base import Model

#: Tokens listed at each place: for telling truncations apart, and at most for the temperature.
_LISTED, _MOST_NUMBERS = 256, 4_000_000
#: Tokens of a window of the curve, and from one window to the next.
WINDOW, STRIDE = 64, 32
#: Fewer tokens tell next to nothing.
LEAST_TOKENS = 10
#: At most this share of a model's own texts is said not to be its own.
_AUTHOR_ALPHA = 0.01
#: Polynomials of the smooth test.
_ORDER = 4


@dataclass(frozen=True, slots=True)
class TextWindow:
    """The most likely temperature of a part of a text: tokens ``start`` to ``end`` (excluded)."""

    text: int
    start: int
    end: int
    temperature: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TextTemperature:
    """The setting at which a model would most likely have written some texts.

    Attributes
    ----------
    model
        Its name.
    tokens
        How many tokens were read.
    temperature, low, high
        The most likely temperature and the ends of its interval (95 %), at the truncation that is called.
    truncation, value
        The truncation that is called and its parameter; "none" and None without evidence of one.
    rivals
        Truncations that fit about as well as the one that is called.
    evidence, threshold
        Twice the log-likelihood ratio of the best truncation to none, and where it is called.
    author
        "possible", or "unlikely" where the tokens are not spread as this model would spread them at any setting.
    author_p
        The p-value behind it.
    curve
        The temperature along each text.
    notes
        What a reader should know.
    """

    model: str
    tokens: int
    temperature: float
    low: float
    high: float
    truncation: Family
    value: float | None
    rivals: tuple[str, ...]
    evidence: float
    threshold: float
    author: Literal["possible", "unlikely"]
    author_p: float
    curve: tuple[TextWindow, ...]
    notes: tuple[str, ...]

    @property
    def finding(self) -> str:
        """The result in a sentence."""
        shown = f"T = {self.temperature:.2f} ({self.low:.2f} to {self.high:.2f})"
        if self.author == "unlikely":
            return f"{self.model} is not the author, at any of the settings that were tried; the closest is {shown}."
        if self.truncation == "none":
            return f"Most likely {shown}, no truncation seen in {self.tokens:,} tokens."
        also = f" (or {' or '.join(self.rivals)}: these tokens do not tell them apart)" if self.rivals else ""
        return f"Most likely {shown} with {self.truncation} {self.value:.3g}{also}."

    def to_json(self) -> str:
        """Everything, as JSON."""
        import json

        own = {name: getattr(self, name) for name in TextTemperature.__slots__ if name != "curve"}
        curve = [{name: getattr(one, name) for name in TextWindow.__slots__} for one in self.curve]
        return json.dumps({"finding": self.finding, **own, "curve": curve}, indent=2, ensure_ascii=False)


def temperature_of(
    texts: str | Sequence[str], model: Model | str | None = None, *, prompt: str | None = None, last: bool = False
) -> TextTemperature:
    """At which temperature, and with which truncation, a model would most likely have written texts.

    Parameters
    ----------
    texts
        One text, or several of one setting.
    model
        A loaded model, or its name; None is the bundled one.
    prompt
        What the texts continue; without one the first token of each is given and not read.
    last
        Whether the temperature comes after the truncation, as in llama.cpp.

    Raises
    ------
    InputError
        There are fewer tokens than tell anything.
    """
    from thermoscope.models.load import load_model

    loaded: Model = load_model(model) if model is None or isinstance(model, str) else model
    tables = [_Text.of(loaded, text, prompt) for text in ([texts] if isinstance(texts, str) else texts)]
    number = sum(len(table.ranks) for table in tables)
    if number < LEAST_TOKENS:
        raise InputError(
            f"the temperature of a text needs at least {LEAST_TOKENS} tokens; got {number}; give a longer text"
        )
    whole = _Text.joined(tables, max(_LISTED, _MOST_NUMBERS // number))
    reading = read(whole.draws(_LISTED), last=last, replicates=400)
    best = reading.best if reading.called != "none" else fit(whole.draws(None), "none")
    p = _author_p(tables, best, last=last)
    notes = [note for table in tables for note in table.notes]
    return TextTemperature(
        loaded.name, number, best.temperature, best.low, best.high, best.family, best.value, reading.rivals,
        reading.evidence, reading.threshold, "unlikely" if p < _AUTHOR_ALPHA else "possible", p,
        tuple(one for n, table in enumerate(tables) for one in _curve(n, table, best)), tuple(dict.fromkeys(notes)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Text:
    """A text's places: sorted log-probabilities (P, K) and where in each row the text's token is."""

    logprobs: Floats
    ranks: np.ndarray[Any, Any]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, model: Model, text: str, prompt: str | None) -> _Text:
        from thermoscope.models.positions import position_logits

        context, first, notes = _tokens(model, text, prompt)
        rows, ranks = [], []
        for start, logits in position_logits(model, context, first):
            logprobs, places = _sorted(logits, context[start : start + len(logits)])
            rows.append(logprobs)
            ranks.append(places)
        empty = np.zeros((0, model.vocabulary))
        return cls(np.concatenate(rows or [empty]), np.concatenate(ranks or [np.zeros(0, dtype=np.int64)]), notes)

    @classmethod
    def joined(cls, tables: Sequence[_Text], most: int) -> _Text:
        return cls(
            np.concatenate([table.logprobs[:, :most] for table in tables]),
            np.concatenate([table.ranks for table in tables]),
            (),
        )

    def draws(self, listed: int | None) -> Draws:
        """Its tokens as draws, with so many listed at each place."""
        logprobs = self.logprobs[:, :listed].astype(np.float64)
        counts = np.zeros_like(logprobs)
        inside = self.ranks < logprobs.shape[1]
        counts[np.flatnonzero(inside), self.ranks[inside]] = 1
        return Draws(logprobs, counts, (~inside).astype(np.float64))

    def part(self, start: int, end: int) -> _Text:
        return _Text(self.logprobs[start:end], self.ranks[start:end], ())


def _sorted(logits: Tensor, tokens: Sequence[int]) -> tuple[Any, Any]:
    """Log-probabilities in descending order, float32, and the tokens' places among them."""
    import torch

    logprobs = logits.log_softmax(dim=-1)
    own = logprobs.gather(1, torch.tensor(tokens)[:, None])
    places = (logprobs > own).sum(dim=1)
    return logprobs.sort(dim=-1, descending=True).values.numpy(), places.numpy()


def _tokens(model: Model, text: str, prompt: str | None) -> tuple[list[int], int, tuple[str, ...]]:
    """The tokens of prompt and text, the place of the first one that is read, and what to say of them."""
    start = model.encode("")
    if prompt is None:
        found = model.encode(text)
        return found, max(1, len(start)), ()
    before = model.encode_prompt(prompt)
    if not model.chat:
        whole = model.encode(prompt + text)
        if whole[: len(before)] == before:
            return whole, len(before), ()
    own = model.encode(text)
    own = own[len(start) :] if start and own[: len(start)] == start else own
    return [*before, *own], len(before), ()


def _curve(number: int, table: _Text, best: Fit) -> list[TextWindow]:
    """The temperature of windows along a text."""
    length = len(table.ranks)
    if length < 2 * WINDOW:
        return []
    found = []
    for start in range(0, length - WINDOW + 1, STRIDE):
        one = fit(table.part(start, start + WINDOW).draws(_LISTED), best.family)
        found.append(TextWindow(number, start, start + WINDOW, one.temperature, one.low, one.high))
    return found


def _author_p(tables: Sequence[_Text], best: Fit, *, last: bool) -> float:
    """The p-value of "this model wrote it at the fitted setting", by a smooth test.

    Neyman's four polynomials of the shares, the first two again weighted by how open each place is (another author is
    surer than the model here and less sure there), and the product of neighbours. Each has mean 0 and variance 1 if
    the model wrote the text. The temperature is estimated from the same tokens, which makes p rather too large.
    """
    from scipy.stats import chi2

    rng = np.random.default_rng(0)
    total, number = np.zeros(_ORDER + 3), 0
    both = [_shares(table, best, rng, last=last) for table in tables]
    opened = np.concatenate([entropies for _, entropies in both])
    middle, spread = float(opened.mean()), float(opened.std()) or 1.0
    for shares, entropies in both:
        basis = np.polynomial.legendre.legvander(2 * shares - 1, _ORDER)[:, 1:]
        basis *= np.sqrt(2 * np.arange(1, _ORDER + 1) + 1)
        weighted = basis[:, :2] * ((entropies - middle) / spread)[:, None]
        pairs = float((basis[1:, 0] * basis[:-1, 0]).sum())
        total += np.array([*basis.sum(axis=0), *weighted.sum(axis=0), pairs])
        number += len(shares)
    return float(chi2.sf(float((total**2).sum()) / number, len(total)))


def _shares(table: _Text, best: Fit, rng: np.random.Generator, *, last: bool) -> tuple[Floats, Floats]:
    """For each token the probability of all more probable ones, plus a random part of its own; and the entropies."""
    found, entropies = np.zeros(len(table.ranks)), np.zeros(len(table.ranks))
    for place, rank in enumerate(table.ranks):
        depth = table.logprobs[place].astype(np.float64)
        depth = depth - depth[0]
        weights = np.exp(depth / best.temperature)
        kept = _kept_number(depth, weights, best, last=last)
        total = weights[:kept].sum()
        found[place] = min(1.0, float(weights[:rank].sum() + rng.random() * weights[rank]) / total)
        entropies[place] = math.log(total) - float(weights[:kept] @ depth[:kept]) / total / best.temperature
    return found, entropies


def _kept_number(depth: Floats, weights: Floats, best: Fit, *, last: bool) -> int:
    """How many tokens of a sorted row the fitted truncation keeps."""
    if best.family == "none" or best.value is None:
        return len(depth)
    if best.family == "top_k":
        return int(best.value)
    if best.family == "min_p":
        cut = math.log(best.value) * (1.0 if last else best.temperature)
        return max(1, int((depth >= cut - 1e-6).sum()))
    shares = np.exp(depth) if last else weights
    shares = shares / shares.sum()
    return max(1, int((np.cumsum(shares) - shares <= best.value + 1e-9).sum()))
