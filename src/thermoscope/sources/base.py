"""What the rest of Thermoscope asks of a source of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from thermoscope.decode.generate import Progress
from thermoscope.decode.sample import Sample
from thermoscope.settings.params import SamplingParams

#: What the log-probabilities of a source are: the model's own at T=1 ("raw"), those after the temperature
#: ("tempered"), given but of an unknown kind, or not given at all.
Logprobs = Literal["raw", "tempered", "unknown", "none"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source can do.

    Attributes
    ----------
    logits
        Whether all logits of a step can be had: ``spectrum`` and ``inspect`` need them.
    shared_noise
        Whether settings share their random noise. Without it texts at different settings are independent samples.
    seeds
        "exact": a seed determines the text; "sent": a seed is sent, and the server may or may not honour it; "none".
    logprobs
        What the log-probabilities of the drawn tokens are.
    top_logprobs
        How many of the most probable tokens come with each step at most; 0 for none.
    """

    logits: bool
    shared_noise: bool
    seeds: Literal["exact", "sent", "none"]
    logprobs: Logprobs
    top_logprobs: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What texts have cost so far.

    Attributes
    ----------
    requests, retries, cached
        Requests that were answered, attempts that had to be repeated, and answers that were already kept.
    prompt_tokens, completion_tokens
        As the server counts them.
    cost
        In the currency of the prices that were given; None without prices.
    """

    requests: int = 0
    retries: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None


class Source(Protocol):
    """Where texts come from."""

    @property
    def name(self) -> str:
        """What it was asked for by: ``bundled``, ``gpt2``, ``vllm/NAME``."""

    @property
    def can(self) -> Capabilities:
        """What it can do."""

    @property
    def usage(self) -> Usage:
        """What its texts have cost so far."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its texts must know, a sentence each."""

    def samples(
        self,
        prompts: Sequence[str],
        settings: Sequence[SamplingParams],
        seeds: Sequence[int],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        on_sample: Callable[[int, Sample], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> list[Sample]:
        """One text per prompt, setting and seed, the last varying fastest.

        Parameters
        ----------
        prompts, settings, seeds
            What to generate.
        max_new_tokens
            The most new tokens of each text.
        stop
            A text ends where one of these strings begins.
        on_sample
            Called with (place in the result, sample) as each text is finished.
        on_progress
            Called now and then with how much is done.

        Raises
        ------
        ThermoscopeError
            The source cannot do what a setting asks, or fails; what was finished has been handed to ``on_sample``.
        """
