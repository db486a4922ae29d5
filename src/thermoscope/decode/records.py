"""What the model itself thinks of drawn tokens: log-probability, entropy and rank, at T = 1 and untruncated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from thermoscope.sampling.passes import ranks, summaries


class Record(NamedTuple):
    """One token; the fields are those of ``Sample``: log-probability and entropy in nats, rank from 1."""

    logprob: float
    entropy: float
    rank: int


def records_of(logits: Tensor, rows: Sequence[int], tokens: Sequence[int]) -> list[Record]:
    """The records of some tokens (B) in the rows (B) of the model's logits (R, V), float32."""
    source, chosen = (torch.tensor(numbers, dtype=torch.int64, device=logits.device) for numbers in (rows, tokens))
    log_totals, entropies = summaries(logits)
    columns = (logits[source, chosen] - log_totals[source], entropies[source], ranks(logits, source, chosen))
    return [Record(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]
