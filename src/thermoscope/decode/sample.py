"""One generated text with the records of each of its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from thermoscope.settings.params import SamplingParams

FinishReason = Literal["end_of_text", "stop", "length"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One text. Per-token records have one entry per entry of ``token_ids``, or none where they are unknown.

    Attributes
    ----------
    prompt
        The prompt as given.
    params
        The setting.
    seed
        The seed.
    text
        The continuation: without the prompt, without special tokens, cut before a stop string.
    token_ids
        Every token that was drawn, an end-of-text token included.
    finish_reason
        "end_of_text": the model ended it; "stop": a stop string came; "length": the limit was reached.
    logprobs
        The model's own log-probability of each token (T=1, untruncated), nats.
    drawn_logprobs
        Its log-probability under the distribution that it was drawn from, nats.
    entropies
        Entropy of the model's own next-token distribution at each step, nats.
    ranks
        Rank of each token in the model's own distribution, 1 the most probable; ties share the better rank.
    text_ends
        For each token, how many characters of ``text`` are there once it is drawn.
    prompt_tokens
        Number of tokens of the prompt.
    tempered_entropies
        Entropy of ``softmax(logits / temperature)`` at each step, nats: after temperature alone, whatever else the
        setting does. NaN where the temperature changes from step to step (``dynatemp_range``).
    kept_logprobs
        Log-probability of each token before adaptive-p, nats; none without adaptive-p.
    """

    prompt: str
    params: SamplingParams
    seed: int
    text: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason
    logprobs: tuple[float, ...]
    drawn_logprobs: tuple[float, ...]
    entropies: tuple[float, ...]
    ranks: tuple[int, ...]
    text_ends: tuple[int, ...]
    prompt_tokens: int
    tempered_entropies: tuple[float, ...] = ()
    kept_logprobs: tuple[float, ...] = ()

    @property
    def text_token_ids(self) -> tuple[int, ...]:
        """The tokens of ``text``: without a final end-of-text token, and without those after a stop string's place."""
        if self.finish_reason == "end_of_text":
            before = self.text_ends[-2] if len(self.text_ends) > 1 else 0
            silent = not self.text_ends or self.text_ends[-1] == before  # endpoints leave the end-of-text token out
            return self.token_ids[:-1] if silent else self.token_ids
        if self.finish_reason == "stop":
            starts = (0, *self.text_ends)
            return tuple(t for t, start in zip(self.token_ids, starts, strict=False) if start < len(self.text))
        return self.token_ids

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        record["params"] = self.params.to_record()
        if not self.kept_logprobs:
            del record["kept_logprobs"]
        return record
