"""A local model as a source of texts: everything is exact there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thermoscope.decode.generate import Progress, generate
from thermoscope.decode.sample import Sample
from thermoscope.models.base import Model
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.base import Capabilities, Usage


class LocalSource:
    """The texts of a loaded model.

    Parameters
    ----------
    model
        From ``load_model``.
    max_rows
        The most rows in flight; by default chosen from the free memory.
    """

    def __init__(self, model: Model, *, max_rows: int | None = None) -> None:
        self.model = model
        self._max_rows = max_rows
        self._usage = Usage()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def can(self) -> Capabilities:
        """Everything."""
        return Capabilities(
            logits=True, shared_noise=True, seeds="exact", logprobs="raw", top_logprobs=self.model.vocabulary
        )

    @property
    def usage(self) -> Usage:
        """How many texts and tokens were made."""
        return self._usage

    @property
    def notes(self) -> tuple[str, ...]:
        """The model's notes."""
        return self.model.notes

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
        """As ``Source.samples``, by ``generate``."""
        made = generate(
            self.model,
            prompts,
            settings,
            seeds=seeds,
            max_new_tokens=max_new_tokens,
            stop=stop,
            max_rows=self._max_rows,
            on_sample=on_sample,
            on_progress=on_progress,
        )
        before = self._usage
        self._usage = Usage(
            requests=before.requests + len(made),
            prompt_tokens=before.prompt_tokens + sum(sample.prompt_tokens for sample in made),
            completion_tokens=before.completion_tokens + sum(len(sample.token_ids) for sample in made),
        )
        return made
