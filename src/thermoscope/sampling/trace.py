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
    return traces(
        logits[None], params, prompt_ids=[prompt_ids], output_ids=[output_ids], drawn_logprobs=[drawn_logprobs],
        kept_logprobs=[kept_logprobs], coins=[coin], end_ids=end_ids,
    )[0]  # fmt: skip


def traces(
    logits: Tensor,
    params: SamplingParams,
    *,
    prompt_ids: Sequence[Sequence[int]],
    output_ids: Sequence[Sequence[int]],
    drawn_logprobs: Sequence[Sequence[float]],
    kept_logprobs: Sequence[Sequence[float]],
    coins: Sequence[float],
    end_ids: Iterable[int] = (),
) -> list[list[Traced]]:
    """What ``trace`` gives for each row of logits (R, V), all at one setting; what it is told has one item per row."""
    check_logits(logits)
    rows = StageRows(
        settings=[params] * len(logits),
        prompt_ids=prompt_ids,
        output_ids=output_ids,
        drawn_logprobs=drawn_logprobs,
        kept_logprobs=kept_logprobs,
        coins=torch.tensor(coins, dtype=torch.float64, device=logits.device),
        device=logits.device,
        end_ids=tuple(end_ids),
    )
    kept = logits.detach().double()
    probabilities, traced = _traced("model", kept, None)
    stages = [traced]
    for stage in params.active_stages:
        kept = FUNCTIONS[stage](kept, rows)
        probabilities, traced = _traced(stage, kept, probabilities)
        stages.append(traced)
    return [list(row) for row in zip(*stages, strict=True)]


def _traced(stage: str, logits: Tensor, before: Tensor | None) -> tuple[Tensor, list[Traced]]:
    """The distributions (R, V) of logits (R, V), and what is said of each; ``before`` are those of the stage before."""
    logp = log_probabilities(logits)
    probabilities, survives = logp.exp(), logits > float("-inf")
    removed = None if before is None else before.masked_fill(survives, 0.0).sum(dim=-1).tolist()
    columns = (survives.sum(dim=-1).tolist(), entropy(logp)[:, 0].abs().tolist(), removed or [0.0] * len(logits))
    return probabilities, [Traced(stage, *row) for row in zip(probabilities, *columns, strict=True)]
