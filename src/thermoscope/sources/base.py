"""Where texts come from: the protocol of a model that runs here and of an endpoint alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from thermoscope.decode.progress import Progress
from thermoscope.decode.records import TokenRecord
from thermoscope.decode.sample import Sample
from thermoscope.language.saying import phrase, say
from thermoscope.sampling.effects import Effects
from thermoscope.settings.params import SamplingParams
from thermoscope.words import count

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

    @property
    def facts(self) -> dict[str, str]:
        """The same in words, by name."""
        said = say("{requests}, {answers} kept from before", requests=count(self.requests, "request"),
                   answers=count(self.cached, "answer"))  # fmt: skip
        if self.retries:
            said = say("{requests}, {n} repeated", requests=said, n=self.retries)
        tokens = say("{n:,} of prompts, {m:,} of texts", n=self.prompt_tokens, m=self.completion_tokens)
        cost = {} if self.cost is None else {phrase("cost"): f"{self.cost:.4f}"}
        return {phrase("requests"): said, phrase("tokens"): tokens} | cost


@dataclass(frozen=True, slots=True)
class Batch:
    """One prompt at some settings and seeds: texts that are handed over together.

    Attributes
    ----------
    prompt, settings, seeds
        What is to be generated: settings x seeds texts, the seed varying fastest.
    effects
        Filled while texts are generated with which stages did anything, where the source can know.
    earlier
        Shorter texts of the same settings and seeds, which a ``LocalSource`` goes on with.
    """

    prompt: str
    settings: tuple[SamplingParams, ...]
    seeds: tuple[int, ...]
    effects: Effects = field(default_factory=Effects, compare=False)
    earlier: tuple[Sample, ...] = ()

    def __len__(self) -> int:
        return len(self.settings) * len(self.seeds)


class Source(Protocol):
    """Where texts come from. ``source_of`` makes one of a model or an endpoint."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def revision(self) -> str | None:
        """The commit or the hash of the weights; None where it is not known."""

    @property
    def dtype(self) -> str | None:
        """Type of the arithmetic; None where it is not known."""

    @property
    def device(self) -> str | None:
        """Where it runs; None where that is not known."""

    @property
    def chat_words(self) -> tuple[str, ...]:
        """The options of the command line that reach it, and give prompts to it, in the same way."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its texts must know, a sentence each."""

    @property
    def own_settings(self) -> str | None:
        """The setting that its authors recommend, in words; None where it names none."""

    @property
    def usage(self) -> Usage | None:
        """What its texts have cost so far; None for a model that runs here."""

    @property
    def can(self) -> Capabilities:
        """What it can do."""

    def seen(self, prompt: str) -> str | None:
        """What the model sees for a prompt, in its chat template; None where that is not known."""

    def settings(self, given: SamplingParams | Iterable[SamplingParams]) -> tuple[SamplingParams, ...]:
        """One setting or several, each checked.

        Raises
        ------
        InputError
            One is no setting, or asks for what the source does not have.
        """

    def new_tokens(self, prompts: Sequence[str], max_new_tokens: int | None, max_length: int | None = None) -> int:
        """The most new tokens that a text after any of these prompts may have; ``max_length`` counts the prompt.

        Raises
        ------
        PromptError
            A prompt is empty, no text, or too long.
        InputError
            A length breaks its rule or does not fit, or both are given.
        """

    def rows_in_flight(self, prompts: Sequence[str], max_new_tokens: int, texts: int) -> int | None:
        """How many rows are decoded at once unless the user says so; None where that is not ours to say."""

    def make(
        self,
        batches: Sequence[Batch],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        max_rows: int | None = None,
        on_sample: Callable[[int, int, Sample], None] | None = None,
        on_batch: Callable[[int, Sequence[Sample]], None] | None = None,
        on_token: Callable[[int, int, int, TokenRecord], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Generate the texts of some batches.

        Parameters
        ----------
        batches
            What to generate.
        max_new_tokens
            The most new tokens of each text.
        stop
            A text ends where one of these strings begins.
        max_rows
            The most rows in flight of a model that runs here.
        on_sample
            Called with (number of the batch, place in it, sample) as each text is finished.
        on_batch
            Called with (number of the batch, its samples in order) as each batch is whole.
        on_token
            Called with (number of the batch, place in it, token id, its record) for each token that is drawn; an
            endpoint gives whole texts and never calls it.
        on_progress
            Called with how much of all batches is done.

        Raises
        ------
        EndpointError
            An endpoint cannot be reached, refuses, or failed for some texts; all others were handed over.
        """
