"""Tokenised documents as training windows, in an order that depends on the seed alone."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.common import BadInputError, need


class Corpus:
    """One part of the encoded text (RUN/tokens/NAME.npz): see `training.tokenizer` for the arrays."""

    def __init__(self, run: Path, name: str):
        with np.load(need(run / "tokens" / f"{name}.npz", "tokenizer")) as arrays:
            self.ids = arrays["ids"]
            self.starts = arrays["starts"]
            self.source = arrays["source"]
            self.group = arrays["group"]
            self.weight = arrays["weight"]
            self.bytes = arrays["bytes"]

    def document(self, index: int) -> np.ndarray:
        """Token ids of one document, its end-of-text included."""
        return self.ids[self.starts[index] : self.starts[index + 1]]


class Windows:
    """Windows of T + 1 tokens over the documents of a corpus, each document as often as its weight says.

    Documents are shuffled anew in every pass and packed end to end, then cut into windows that are
    shuffled as well. `batch(step)` depends on (seed, step) alone, so a resumed run sees what an
    undisturbed one sees.
    """

    def __init__(self, corpus: Corpus, context: int, batch_size: int, seed: int):
        self.corpus, self.context, self.batch_size, self.seed = corpus, context, batch_size, seed
        tokens = int((np.diff(corpus.starts) * corpus.weight).sum())
        self.per_pass = (tokens - 1) // context
        if self.per_pass < batch_size:
            raise BadInputError(
                f"the text must fill one batch of {batch_size} windows of {context} tokens:"
                f" it has {tokens} tokens; add text or lower --batch-size or --context"
            )
        self._pass = -1
        self._rows = np.empty(0, np.uint16)
        self._order = np.empty(0, np.int64)

    def _load(self, number: int) -> None:
        rng = np.random.default_rng((self.seed, number))
        order = rng.permutation(np.repeat(np.arange(len(self.corpus.weight)), self.corpus.weight))
        self._rows = np.concatenate([self.corpus.document(i) for i in order])
        self._order = rng.permutation(self.per_pass)
        self._pass = number

    def window(self, index: int) -> np.ndarray:
        """Return the window of that number, counted over all passes: (T + 1,) token ids."""
        number, inside = divmod(index, self.per_pass)
        if number != self._pass:
            self._load(number)
        start = self._order[inside] * self.context
        return self._rows[start : start + self.context + 1]

    def batch(self, step: int) -> Tensor:
        """Return the batch of that step: (B, T + 1) token ids, int64."""
        first = step * self.batch_size
        rows = [self.window(index) for index in range(first, first + self.batch_size)]
        return torch.from_numpy(np.stack(rows).astype(np.int64))
