"""A source that is held by many workers: batches are given to whichever is free, everything else to any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter, methodcaller
from types import TracebackType
from typing import Any
from uuid import uuid4

from thermoscope.decode.progress import Progress
from thermoscope.decode.records import TokenRecord
from thermoscope.decode.sample import Sample
from thermoscope.errors import ModelError
from thermoscope.sampling.effects import Effects
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.base import Batch, Capabilities, Source, Usage
from thermoscope.sources.placing import Workers, place

#: Names this process, so that what its source has cost is counted once.
_PROCESS = uuid4().hex


@dataclass(frozen=True, slots=True)
class Described:
    """What a worker says of its source; names as in ``Source``."""

    name: str
    revision: str | None
    dtype: str | None
    device: str | None
    chat_words: tuple[str, ...]
    own_settings: str | None
    can: Capabilities

    @classmethod
    def of(cls, source: Source) -> Described:
        """What there is to say of a source."""
        return cls(**{field.name: getattr(source, field.name) for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class Made:
    """One batch as a worker made it, and what it knows of its source by then."""

    samples: tuple[Sample, ...]
    effects: Effects
    described: Described
    notes: tuple[str, ...]
    usage: Usage | None
    process: str


def made(source: Source, batch: Batch, max_new_tokens: int, stop: Sequence[str], max_rows: int | None) -> Made:
    """Make one batch; a worker calls it. Errors as in ``Source.make``."""
    found: list[Sample] = []
    source.make(
        [batch],
        max_new_tokens=max_new_tokens,
        stop=stop,
        max_rows=max_rows,
        on_batch=lambda _, samples: found.extend(samples),
    )
    return Made(tuple(found), batch.effects, Described.of(source), source.notes, source.usage, _PROCESS)


class Spread:
    """A source that is held by many workers. It is used in a ``with`` statement, which stops them at its end.

    Parameters
    ----------
    workers
        Who holds it.

    Raises
    ------
    ThermoscopeError
        The first worker can't open the source.
    """

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._described: Described = self.ask(Described.of)
        self._notes: dict[str, None] = dict.fromkeys(self.ask(attrgetter("notes")))
        self._usage: dict[str, Usage] = {}

    def __enter__(self) -> Spread:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.close()

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self._described.name

    @property
    def revision(self) -> str | None:
        """The commit or the hash of the weights, the same on all workers."""
        return self._described.revision

    @property
    def dtype(self) -> str | None:
        """Type of the arithmetic, the same on all workers."""
        return self._described.dtype

    @property
    def device(self) -> str | None:
        """On what kind of device workers run it, the same on all of them."""
        return self._described.device

    @property
    def chat_words(self) -> tuple[str, ...]:
        """The options that give prompts to it in the same way."""
        return self._described.chat_words

    @property
    def own_settings(self) -> str | None:
        """The setting that its authors recommend, in words."""
        return self._described.own_settings

    @property
    def can(self) -> Capabilities:
        """What it can do."""
        return self._described.can

    @property
    def notes(self) -> tuple[str, ...]:
        """What any worker noted."""
        return tuple(self._notes)

    @property
    def usage(self) -> Usage | None:
        """What the texts of all workers have cost; None for a model."""
        return _sum(list(self._usage.values()))

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function of (source, *arguments) gives, called on one of the workers; errors as it raises them."""
        found: list[Any] = []
        place(
            self._workers,
            1,
            lambda number: self._workers.submit(number, function, *arguments),
            lambda _, value: found.append(value),
        )
        return found[0]

    def seen(self, prompt: str) -> str | None:
        """What the model sees for a prompt; None where that is not known."""
        return self.ask(methodcaller("seen", prompt))  # type: ignore[no-any-return]

    def settings(self, given: SamplingParams | Iterable[SamplingParams]) -> tuple[SamplingParams, ...]:
        """One setting or several, each checked; errors as in ``Source``."""
        listed = given if isinstance(given, SamplingParams) else tuple(given)
        return self.ask(methodcaller("settings", listed))  # type: ignore[no-any-return]

    def new_tokens(self, prompts: Sequence[str], max_new_tokens: int | None, max_length: int | None = None) -> int:
        """The most new tokens of a text; parameters and errors as in ``Source``."""
        return self.ask(methodcaller("new_tokens", tuple(prompts), max_new_tokens, max_length))  # type: ignore[no-any-return]

    def rows_in_flight(self, prompts: Sequence[str], max_new_tokens: int, texts: int) -> int | None:
        """How many rows one worker decodes at once."""
        return self.ask(methodcaller("rows_in_flight", tuple(prompts), max_new_tokens, texts))  # type: ignore[no-any-return]

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
        """Have the batches made by the workers; they come in any order.

        Parameters and errors as in ``Source``. Texts come with their batch, and ``on_token`` is never called.

        Raises
        ------
        ModelError
            A worker has another model than the first, no worker is left, or several died with the same batch.
        """
        total = sum(map(len, batches))
        done = Progress(0, total, 0, total * max_new_tokens, 0, self._workers.alive)

        def submit(number: int) -> None:
            self._workers.submit(number, made, batches[number], max_new_tokens, tuple(stop), max_rows)

        def take(number: int, value: Made) -> None:
            nonlocal done
            self._learn(value)
            batches[number].effects.update(value.effects)
            for place_, sample in enumerate(value.samples):
                if on_sample is not None:
                    on_sample(number, place_, sample)
            if on_batch is not None:
                on_batch(number, value.samples)
            tokens = sum(len(sample.token_ids) for sample in value.samples)
            spared = len(value.samples) * max_new_tokens - tokens  # texts that ended early leave less to do
            done = replace(
                done,
                finished=done.finished + len(value.samples),
                tokens=done.tokens + tokens,
                most_tokens=done.most_tokens - spared,
                workers=self._workers.alive,
            )
            if on_progress is not None:
                on_progress(done)

        if on_progress is not None and batches:
            on_progress(done)
        place(self._workers, len(batches), submit, take)

    def _learn(self, value: Made) -> None:
        """Take what a worker says of its source, which must be the one that the plan was made for."""
        if value.described != self._described:
            other = next(
                field.name
                for field in fields(Described)
                if getattr(value.described, field.name) != getattr(self._described, field.name)
            )
            raise ModelError(
                f"all workers must have the same model; one has {other} {getattr(value.described, other)!r} in place "
                f"of {getattr(self._described, other)!r}; put the same model on all machines"
            )
        self._notes |= dict.fromkeys(value.notes)
        if value.usage is not None:
            self._usage[value.process] = value.usage


def _sum(parts: Sequence[Usage]) -> Usage | None:
    """What several workers' texts have cost together."""
    if not parts:
        return None
    costs = [part.cost for part in parts if part.cost is not None]
    numbers = ("requests", "retries", "cached", "prompt_tokens", "completion_tokens")
    counted = {name: sum(getattr(part, name) for part in parts) for name in numbers}
    return Usage(**counted, cost=sum(costs) if costs else None)
