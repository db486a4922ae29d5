"""A tiny deterministic model: logits are a pure function of the context, so equality of texts can be exact."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thermoscope.models.base import Rows

END = 256


@lru_cache(maxsize=50_000)
def _noise(context: tuple[int, ...], size: int) -> NDArray[np.float64]:
    """Standard normal numbers, the same for every fake model: making them costs more than a step."""
    return np.random.default_rng(np.array((7, *context), dtype=np.uint32)).normal(size=size)


class FakeModel:
    """Bytes are tokens, 256 ends a text. Logits depend on the last ``memory`` tokens.

    Parameters
    ----------
    spread
        Standard deviation of the logits: how peaked the distributions are.
    end_bias
        Added to the logit of the end-of-text token.
    """

    name = "fake"
    revision = "1"
    dtype = "float32"
    device = "cpu"
    vocabulary = 257
    end_of_text = frozenset({END})
    notes: tuple[str, ...] = ()
    chat = False
    chat_words: tuple[str, ...] = ()

    def __init__(
        self, *, spread: float = 2.0, memory: int = 3, end_bias: float = 0.0, context_length: int | None = 4096
    ) -> None:
        self.context_length = context_length
        self.spread, self.memory, self.end_bias = spread, memory, end_bias
        self.logits = lru_cache(maxsize=100_000)(self._logits)
        self.added: list[list[int]] = []
        self.stepped = 0

    def _logits(self, context: tuple[int, ...]) -> Tensor:
        noise = _noise(context, self.vocabulary) * self.spread
        noise[97:123] += 2 * self.spread  # letters, so that texts look like texts
        noise[END] += self.end_bias
        return torch.tensor(noise, dtype=torch.float32)

    def next_logits(self, context: Sequence[int]) -> Tensor:
        return self.logits(tuple(context[-self.memory :]))

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    encode_prompt = encode

    def decode(self, token_ids: Sequence[int]) -> str:
        return bytes(token for token in token_ids if token < END).decode(errors="replace")

    def next_token_logits(self, prompt: str) -> Tensor:
        return self.next_logits(self.encode(prompt))

    def rows(self, *, capacity: int, length: int) -> Rows:
        return FakeRows(self, capacity, length)

    def row_bytes(self, length: int) -> int:
        return 1000 * length

    def free_bytes(self) -> int:
        return 10**9


class FakeRows:
    """Rows of a ``FakeModel``; they check that the decoder keeps to what it asked for."""

    def __init__(self, model: FakeModel, capacity: int, length: int) -> None:
        self.model, self.capacity, self.length = model, capacity, length
        self.contexts: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.contexts)

    def add(self, contexts: Sequence[Sequence[int]]) -> Tensor:
        self.contexts += [list(context) for context in contexts]
        self.model.added += [list(context) for context in contexts]
        return self._logits(self.contexts[-len(contexts) :])

    def step(self, tokens: Tensor) -> Tensor:
        assert tokens.shape == (len(self.contexts),)
        for context, token in zip(self.contexts, tokens.tolist(), strict=True):
            context.append(token)
        self.model.stepped += len(self.contexts)
        return self._logits(self.contexts)

    def select(self, sources: Sequence[int]) -> None:
        self.contexts = [list(self.contexts[source]) for source in sources]

    def _logits(self, contexts: Sequence[Sequence[int]]) -> Tensor:
        assert len(self.contexts) <= self.capacity
        assert all(len(context) <= self.length for context in self.contexts)
        return torch.stack([self.model.next_logits(context) for context in contexts])
