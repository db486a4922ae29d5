"""What a recommendation may cost: tokens, time or money, brought to tokens before anything is spent."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from thermoscope.errors import InputError
from thermoscope.sources.base import Batch
from thermoscope.words import quoted

if TYPE_CHECKING:
    from thermoscope.decode.sample import Sample
    from thermoscope.settings.params import SamplingParams
    from thermoscope.sources.base import Source

Unit = Literal["tokens", "seconds", "usd"]
#: Spent unless a budget is given.
USUAL = "50k tokens"
#: Tokens of each text of the trial that tells how fast a source is.
_TRIAL_TOKENS = 16
#: Characters of a token, where only a server counts them.
_CHARACTERS = 4
#: Budgets are tokens, seconds or US dollars: the factor of each suffix.
_SUFFIXES: dict[str, tuple[Unit, float]] = {
    "": ("tokens", 1), "tokens": ("tokens", 1), "token": ("tokens", 1), "s": ("seconds", 1), "m": ("seconds", 60),
    "min": ("seconds", 60), "h": ("seconds", 3600), "usd": ("usd", 1), "$": ("usd", 1),
}  # fmt: skip
_SCALES = {"": 1.0, "k": 1e3, "M": 1e6}


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent.

    Attributes
    ----------
    amount, unit
        So many generated tokens, seconds of generating, or US dollars.
    given
        As it was given.
    """

    amount: float
    unit: Unit
    given: str


def budget_of(given: str | int) -> Budget:
    """A budget from words: ``200k tokens``, ``10m`` (minutes), ``90s``, ``5usd``; a number alone is of tokens.

    Raises
    ------
    InputError
        It is none of these.
    """
    words = str(given).strip()
    found = re.fullmatch(r"(\d+(?:[.,_]\d+)*|\.\d+)\s*(k|M)?\s*(tokens?|s|m|min|h|usd|\$)?", words, re.ASCII)
    if found is not None:
        number, scale, suffix = found.groups()
        unit, factor = _SUFFIXES[suffix or ""]
        try:
            amount = float(number.replace("_", "").replace(",", "")) * _SCALES[scale or ""] * factor
        except ValueError:
            amount = 0.0
        if 0 < amount < 1e15 and (not scale or unit == "tokens"):
            return Budget(amount, unit, words)
    raise InputError(
        f"budget must be tokens, minutes or dollars above 0; got {quoted(given)}; write '200k tokens', 10m or 5usd"
    )


@dataclass(frozen=True, slots=True)
class Allowance:
    """A budget in tokens of texts.

    Attributes
    ----------
    tokens
        How many tokens may be generated.
    said
        How it was brought to tokens, a sentence; "" where it was given so.
    """

    tokens: int
    said: str


def allowance(
    budget: Budget, source: Source, prompts: Sequence[str], settings: Sequence[SamplingParams], length: int
) -> Allowance:
    """How many tokens a budget is on a source; a budget of time is brought to tokens by a short trial.

    Raises
    ------
    InputError
        A budget of money for a source without prices.
    """
    if budget.unit == "tokens":
        return Allowance(int(budget.amount), "")
    if budget.unit == "seconds":
        speed = _speed(source, prompts[0], settings, length)
        tokens = int(budget.amount * speed)
        return Allowance(
            tokens, f"{budget.given} are about {tokens:,} tokens, at {speed:,.0f} tokens a second in a trial."
        )
    prices = getattr(source, "prices", None)
    if prices is None:
        raise InputError(
            f"a budget of {budget.given} needs the prices of an endpoint; add -M prompt_price=P -M completion_price=Q "
            "(of a million tokens), or give tokens or minutes"
        )
    read = sum(map(len, prompts)) / len(prompts) / _CHARACTERS
    of_text = (read * prices.prompt + length * prices.completion) / 1e6
    tokens = int(budget.amount / of_text * length) if of_text > 0 else 10**12
    return Allowance(tokens, f"{budget.given} are about {tokens:,} tokens of texts, {of_text:.2g} usd a text.")


def _speed(source: Source, prompt: str, settings: Sequence[SamplingParams], length: int) -> float:
    """Tokens a second, of one prompt at these settings; a first text warms up."""
    most = min(_TRIAL_TOKENS, length)
    source.make([Batch(prompt, tuple(settings[:1]), (0,))], max_new_tokens=1)
    made = 0

    def count(_: int, samples: Sequence[Sample]) -> None:
        nonlocal made
        made += sum(len(sample.token_ids) for sample in samples)

    began = time.perf_counter()
    seed = time.time_ns() % 2**31  # answers that an endpoint's cache has would say nothing of its speed
    source.make([Batch(prompt, tuple(settings), (seed, seed + 1))], max_new_tokens=most, on_batch=count)
    return max(made, 1) / max(time.perf_counter() - began, 1e-6)
