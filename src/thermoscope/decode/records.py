"""What the model itself thinks of drawn tokens: log-probability, rank, entropy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from thermoscope.sampling.chain import check_logits


class Records:
    """What the model itself thinks of the tokens of one step, at T = 1 and untruncated.

    Row by row, so that a row of a large vocabulary stays in the cache of the core that works on it.

    Parameters
    ----------
    logits : Tensor (R, V), float32
    """

    def __init__(self, logits: Tensor) -> None:
        self._logits: NDArray[np.float32] = logits.cpu().numpy()
        self._rows: dict[int, tuple[float, float]] = {}
        self._ranks: dict[tuple[int, int], int] = {}
        for row, line in enumerate(self._logits):
            largest = line.max()
            if not np.isfinite(largest):
                check_logits(logits)  # says what is wrong
            below = line - largest
            weights = np.exp(below)
            total = float(weights.sum())
            np.maximum(below, np.finfo(np.float32).min, out=below)  # 0 * -inf has no value, 0 * the least number is 0
            entropy = math.log(total) - float(weights @ below) / total
            self._rows[row] = float(largest) + math.log(total), entropy

    def of(self, row: int, token: int) -> tuple[float, int, float]:
        """Log-probability and rank of a token in a row, and the row's entropy."""
        line, (log_total, entropy) = self._logits[row], self._rows[row]
        rank = self._ranks.get((row, token))
        if rank is None:
            rank = self._ranks[row, token] = 1 + int(np.count_nonzero(line > line[token]))
        return float(line[token]) - log_total, rank, entropy
