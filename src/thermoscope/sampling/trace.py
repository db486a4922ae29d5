"""One distribution stage by stage: what each stage of a setting leaves of the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from thermoscope.sampling.chain import check_logits
from thermoscope.sampling.filters import entropy, log_probabilities
from thermoscope.sampling.stages import FUNCTIONS, StageRows
from thermoscope.settings.params import SamplingParams


@dataclass(frozen=True, slots=True)
class Traced:
    """The distribution after one stage.

    Attributes
    ----------
    stage
        Name of the stage; "model" for the distribution before all of them.
    probabilities : Tensor (V,), float64
    survivors
        Tokens that can still be drawn.
    entropy_nats
        Of the distribution.
    removed_mass
        Share of the distribution before this stage that it removed.
    """

    stage: str
    probabilities: Tensor
    survivors: int
    entropy_nats: float
    removed_mass: float


def trace(
    logits: Tensor,
    params: SamplingParams,
    *,
    prompt_ids: Sequence[int] = (),
    output_ids: Sequence[int] = (),
    drawn_logprobs: Sequence[float] = (),
    kept_logprobs: Sequence[float] = (),
    coin: float = 0.0,
    end_ids: Iterable[int] = (),
) -> list[Traced]:
    """The model's distribution, then the one after each active stage.

    Parameters
    ----------
    logits : Tensor (V,)
        The model's logits, natural-log units.
    params
        The setting.
    prompt_ids, output_ids, drawn_logprobs, kept_logprobs
        As in ``probabilities``, of this one row.
    coin
        XTC's coin in [0, 1): it acts below its probability.
    end_ids
        The tokens that end a text, for stages that forbid them.
    """
    check_logits(logits[None])
    rows = StageRows(
        settings=[params],
        prompt_ids=[prompt_ids],
        output_ids=[output_ids],
        drawn_logprobs=[drawn_logprobs],
        kept_logprobs=[kept_logprobs],
        coins=torch.tensor([coin], dtype=torch.float64, device=logits.device),
        device=logits.device,
        end_ids=tuple(end_ids),
    )
    kept = logits.detach()[None].double()
    traced = [_traced("model", kept, None)]
    for stage in params.active_stages:
        kept = FUNCTIONS[stage](kept, rows)
        traced.append(_traced(stage, kept, traced[-1].probabilities))
    return traced


def _traced(stage: str, logits: Tensor, before: Tensor | None) -> Traced:
    logp = log_probabilities(logits)
    survives = logits[0] > float("-inf")
    return Traced(
        stage=stage,
        probabilities=logp.exp()[0],
        survivors=int(survives.sum()),
        entropy_nats=abs(float(entropy(logp))),
        removed_mass=0.0 if before is None else float(before[~survives].sum()),
    )
