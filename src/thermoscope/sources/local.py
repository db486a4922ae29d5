"""A model that runs here as a source of texts: settings share their random noise, and all logits can be had."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from thermoscope.decode.batch import rows_in_flight
from thermoscope.decode.generate import generate
from thermoscope.decode.progress import Progress
from thermoscope.decode.records import TokenRecord
from thermoscope.decode.request import check_model, new_tokens, prompt_ids
from thermoscope.decode.sample import Sample
from thermoscope.engines.model_config import own_settings
from thermoscope.models.base import Model
from thermoscope.sampling.chain import settings_of
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.base import Batch, Capabilities

_CAN = Capabilities(logits=True, shared_noise=True, seeds="exact", logprobs="raw", top_logprobs=0)


class ModelSource:
    """What a source knows of a model that runs in this process, whoever runs it.

    Parameters
    ----------
    model
        The model, or at least its tokens, its chat template and its configuration.

    Raises
    ------
    InputError
        It is no model.
    """

    #: It costs nothing that is counted.
    usage = None

    def __init__(self, model: Model) -> None:
        check_model(model)
        self.model = model

    @property
    def name(self) -> str:
        """The model's name or path."""
        return self.model.name

    @property
    def revision(self) -> str | None:
        """The commit or the hash of its weights."""
        return self.model.revision

    @property
    def dtype(self) -> str:
        """Type of its weights and arithmetic."""
        return self.model.dtype

    @property
    def device(self) -> str:
        """Where it runs."""
        return self.model.device

    @property
    def chat_words(self) -> tuple[str, ...]:
        """The options that give prompts to it in the same way."""
        return tuple(self.model.chat_words)

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be switched off or replaced for it."""
        return tuple(self.model.notes)

    @property
    def own_settings(self) -> str | None:
        """What its generation config recommends."""
        return own_settings(self.model)

    def seen(self, prompt: str) -> str | None:
        """What the model sees for a prompt, in its chat template; None where the model does not say."""
        seen = getattr(self.model, "seen", None)
        return None if seen is None else str(seen(prompt))

    def settings(self, given: SamplingParams | Iterable[SamplingParams]) -> tuple[SamplingParams, ...]:
        """One setting or several, each checked against the vocabulary; errors as in ``settings_of``."""
        return tuple(settings_of(given, self.model.vocabulary))

    def new_tokens(self, prompts: Sequence[str], max_new_tokens: int | None, max_length: int | None = None) -> int:
        """The most new tokens after the longest of these prompts; errors as in ``Source``."""
        return new_tokens(self.model, self._longest(prompts), max_new_tokens, max_length)

    def _longest(self, prompts: Sequence[str]) -> int:
        return max(len(prompt_ids(self.model, prompt)) for prompt in prompts)


class LocalSource(ModelSource):
    """Texts from a model that runs here; ``model`` is what ``load_model`` gives."""

    can = _CAN

    def rows_in_flight(self, prompts: Sequence[str], max_new_tokens: int, texts: int) -> int:
        """As many rows as half of the free memory holds and as decode faster together."""
        return rows_in_flight(self.model, self._longest(prompts) + max_new_tokens, texts)

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
        """Generate batch after batch; parameters as in ``Source``, errors as in ``generate``."""
        total = sum(map(len, batches))
        done = Progress(0, total, 0, total * max_new_tokens, 0)
        for number, batch in enumerate(batches):
            how: dict[str, Any] = {}
            latest = Progress(0, len(batch), 0, len(batch) * max_new_tokens, 0)

            def tell(state: Progress, before: Progress = done) -> None:
                nonlocal latest
                latest = state
                if on_progress is not None:
                    on_progress(_sum(before, state))

            if on_sample is not None:
                take = on_sample
                how["on_sample"] = lambda place, sample, number=number, take=take: take(number, place, sample)
            if on_token is not None:
                how["on_token"] = partial(on_token, number)
            samples = generate(
                self.model,
                batch.prompt,
                batch.settings,
                seeds=batch.seeds,
                max_new_tokens=max_new_tokens,
                stop=stop,
                max_rows=max_rows,
                effects=batch.effects,
                earlier=batch.earlier,
                on_progress=tell,
                **how,
            )
            if on_batch is not None:
                on_batch(number, samples)
            # texts that ended early leave less to do
            spared = len(batch) * max_new_tokens - latest.tokens
            done = replace(_sum(done, latest), most_tokens=done.most_tokens - spared)


def _sum(before: Progress, state: Progress) -> Progress:
    """How far all batches are, from the batches before and the one that is under way."""
    return replace(
        before,
        finished=before.finished + state.finished,
        tokens=before.tokens + state.tokens,
        forward_rows=before.forward_rows + state.forward_rows,
    )
