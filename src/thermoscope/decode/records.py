"""What the model itself thinks of drawn tokens: log-probability, entropy and rank, at T = 1 and untruncated."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import torch
from torch import Tensor

from thermoscope.sampling.passes import ranks, summaries, tempered_entropies
from thermoscope.settings.params import SamplingParams


class TokenRecord(NamedTuple):
    """One token; the fields are those of ``Sample``: log-probability and entropy in nats, rank from 1."""

    logprob: float
    entropy: float
    rank: int


#: The record of a token that was not drawn here.
UNKNOWN = TokenRecord(nan, nan, 0)


def records_of(logits: Tensor, rows: Sequence[int], tokens: Sequence[int]) -> list[TokenRecord]:
    """The records of some tokens (B) in the rows (B) of the model's logits (R, V), float32."""
    source, chosen = (torch.tensor(numbers, dtype=torch.int64, device=logits.device) for numbers in (rows, tokens))
    log_totals, entropies = summaries(logits)
    columns = (logits[source, chosen] - log_totals[source], entropies[source], ranks(logits, source, chosen))
    return [TokenRecord(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]


def tempered_of(
    logits: Tensor, rows: Sequence[int], settings: Sequence[SamplingParams], records: Sequence[TokenRecord]
) -> list[float]:
    """Entropies, nats, of ``softmax(logits / T)`` at the temperatures of some settings (B), before any other stage.

    Parameters
    ----------
    logits
        (R, V), float32.
    rows
        The row of each setting.
    settings
        The settings. One whose temperature is not the same at every step has none: NaN.
    records
        What ``records_of`` gave for the rows: at T = 1 the entropy is the model's own.
    """
    pairs = [(row, setting.temperature) for row, setting in zip(rows, settings, strict=True)]
    known = {pair: record.entropy if pair[1] == 1 else 0.0 for pair, record in zip(pairs, records, strict=True)}
    wanted = [pair for pair in known if pair[1] not in (0, 1)]
    if wanted:
        source = torch.tensor([row for row, _ in wanted], device=logits.device)
        temperatures = torch.tensor([t for _, t in wanted], dtype=torch.float64, device=logits.device)
        known.update(zip(wanted, tempered_entropies(logits, source, temperatures).tolist(), strict=True))
    return [nan if setting.dynatemp_range else known[pair] for pair, setting in zip(pairs, settings, strict=True)]
