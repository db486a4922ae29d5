"""What a group of rows asks of whole rows of logits on the CPU, by compiled loops. Imports numba.

Shapes: R rows of logits, V vocabulary, B rows of the group, K tokens.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from thermoscope.cpu import draw_loops, vocabulary_loops
from thermoscope.cpu.compiled import over_slices

#: Seed, prompt key and position, (G, 3).
Triples = np.ndarray[tuple[int, int], np.dtype[np.uint64]]


class Rows:
    """Whole rows of logits (R, V), float32 or float64 on the CPU, of which the rows ``rows`` (B,) are asked about.

    The largest logit of each block of a row is found once: what lies below a threshold is then passed over in blocks.
    """

    def __init__(self, logits: Tensor, rows: Tensor) -> None:
        self.logits, self.rows = logits.contiguous(), rows
        blocks = -(-self.logits.shape[1] // vocabulary_loops.BLOCK)
        self.maxima = self.logits.new_full((len(self.logits), blocks), float("-inf"))
        used = torch.unique(rows)
        self._run(
            vocabulary_loops.block_maxima, used, self.maxima, work=len(used) * self.logits.shape[1], each=len(used)
        )
        self.largest = self.maxima.amax(dim=-1)

    def masses(self, temperatures: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of ``exp(x)``, ``x = (l - max) / t``, and the mean of x under it: (B,) each; temperatures (B,)."""
        totals, means = torch.empty(2, len(self.rows), dtype=torch.float64)
        self._run(
            vocabulary_loops.masses, self.largest, self.rows, coldness(temperatures), totals, means, work=self._work
        )
        return totals, means

    def nucleus(self, temperatures: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """The first of ``masses``, and how far below the largest, in x, the nucleus of ``shares`` (B,) ends at most."""
        totals, depths = torch.empty(2, len(self.rows), dtype=torch.float64)
        arrays = (self.largest, self.rows, coldness(temperatures), shares, totals, depths)
        self._run(vocabulary_loops.nucleus, *arrays, work=2 * self._work)
        return totals, depths

    def deviations(self) -> Tensor:
        """The standard deviation (B,) of the finite logits of each row, float64."""
        sigmas = torch.empty(len(self.rows), dtype=torch.float64)
        self._run(vocabulary_loops.deviations, self.largest, self.rows, sigmas, work=self._work)
        return sigmas

    def kth_block(self, k: int) -> Tensor:
        """The k-th largest of the blocks' maxima (B,): no more than the k-th largest logit. -inf if there are fewer."""
        if k > self.maxima.shape[1]:
            return self.largest.new_full((len(self.rows),), float("-inf"))
        return torch.topk(self.maxima, k, dim=-1).values[:, -1][self.rows]

    def reaching(self, thresholds: Tensor) -> tuple[Tensor, Tensor]:
        """The logits, float64, of each row that reach its threshold (B,), and their token ids, ascending: (B, K) each.

        K is the largest number in a row; rows with fewer are filled up with token 0 at -inf.
        """
        limits = thresholds.to(self.logits.dtype)
        counts = torch.empty(len(self.rows), dtype=torch.int64)
        self._run(vocabulary_loops.count_reaching, self.maxima, self.rows, limits, counts, work=self._work)
        shape = (len(self.rows), int(counts.max()))
        ids, kept = torch.zeros(shape, dtype=torch.int64), torch.full(shape, float("-inf"), dtype=torch.float64)
        self._run(vocabulary_loops.collect_reaching, self.maxima, self.rows, limits, ids, kept, work=self._work)
        return kept, ids

    def draw(self, temperatures: Tensor, triples: Triples, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B,) drawn from ``softmax(l / temperature)`` and their log-probabilities (B,), float64, nats.

        Parameters
        ----------
        temperatures : Tensor (B,), float64
            0 takes the largest logit, ties to the lowest token id.
        triples : array (G, 3), uint64
            Seed, prompt key and position.
        groups : Tensor (B,), int64
            Each draw's triple.
        """
        count = len(triples)
        members = torch.argsort(groups, stable=True)
        starts = torch.searchsorted(groups[members], torch.arange(count + 1))
        tokens, logprobs = torch.empty(len(groups), dtype=torch.int64), torch.empty(len(groups), dtype=torch.float64)
        arrays = (self.maxima, self.rows, temperatures, torch.from_numpy(triples), starts, members, tokens, logprobs)
        self._run(draw_loops.draw, *arrays, work=4 * self._work, each=count)
        return tokens, logprobs

    @property
    def _work(self) -> int:
        return len(self.rows) * self.logits.shape[1]

    def _run(self, kernel: Callable[..., None], *tensors: Tensor, work: int, each: int | None = None) -> None:
        count = len(self.rows) if each is None else each
        over_slices(kernel, count, self.logits.numpy(), *(tensor.numpy() for tensor in tensors), work=work)


def coldness(temperatures: Tensor) -> Tensor:
    """1 / temperature as float32, finite: x is then right wherever its exponential is."""
    return (1 / temperatures.clamp(min=1e-30)).float()
