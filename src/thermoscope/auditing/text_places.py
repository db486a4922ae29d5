"""A text as a row of draws: at each place all log-probabilities, which token came, and which stand there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermoscope.auditing.draws import Floats

if TYPE_CHECKING:
    from torch import Tensor

    from thermoscope.models.base import Model

Whole = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class TextPlaces:
    """The places of a text: P places, V tokens, D different tokens of prompt and text.

    Attributes
    ----------
    logprobs : array (P, V)
        Log-probabilities in descending order, nats, float32.
    ranks : array (P,)
        Where in each row the text's token is.
    known : array (P, D)
        The log-probabilities of the tokens that occur in prompt or text.
    history : array (N + P,)
        Prompt and text as numbers of these.
    notes
        What to say of the text.
    """

    logprobs: Floats
    ranks: Whole
    known: Floats
    history: Whole
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: Model, text: str, prompt: str | None) -> TextPlaces:
        """Read a text under a model; it continues ``prompt``, or its first token is given."""
        import torch

        from thermoscope.models.positions import position_logits

        context, first, notes = _tokens(model, text, prompt)
        different, history = np.unique(np.array(context, dtype=np.int64), return_inverse=True)
        columns = torch.from_numpy(different)
        rows, ranks, known = [], [], []
        for start, logits in position_logits(model, context, first):
            logprobs = logits.log_softmax(dim=-1)
            known.append(logprobs[:, columns].numpy())
            rows.append(-np.sort(-logprobs.numpy(), axis=-1))  # several times as fast as torch's sort
            ranks.append(_ranks(logprobs, context[start : start + len(logits)]))
        empty = np.zeros((0, model.vocabulary), dtype=np.float32)
        return cls(
            np.concatenate(rows or [empty]),
            np.concatenate(ranks or [np.zeros(0, dtype=np.int64)]),
            np.concatenate(known or [empty[:, : len(different)]]),
            history.astype(np.int64),
            notes,
        )

    def part(self, start: int, end: int) -> TextPlaces:
        """Some of its places, without a history."""
        nothing = np.zeros(0, dtype=np.int64)
        return TextPlaces(self.logprobs[start:end], self.ranks[start:end], self.known[start:end], nothing)

    def before(self, place: int) -> tuple[Whole, Whole]:
        """The tokens that stand before a place, and those of them that stand there behind the token just before it."""
        end = len(self.history) - len(self.ranks) + place
        history = self.history[:end]
        behind = history[1:][history[:-1] == history[-1]] if end else history
        return np.unique(history), np.unique(behind)


def _ranks(logprobs: Tensor, tokens: Sequence[int]) -> Any:
    import torch

    own = logprobs.gather(1, torch.tensor(tokens)[:, None])
    return (logprobs > own).sum(dim=1).numpy()


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
