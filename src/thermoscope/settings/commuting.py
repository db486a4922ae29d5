"""Which stages give the same in either order."""

from __future__ import annotations

from itertools import combinations

from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import STAGES, stages_that

#: Stages that never remove the most probable token, so that greedy decoding does not see them.
_KEEP_BEST = stages_that("keeps_best") - {"temperature"}
_ADDITIVE = stages_that("additive")
#: Stages that remove tokens by what they are, whatever their logits.
_BANS = frozenset({"no_repeat_ngram", "min_new_tokens"})


def commute(params: SamplingParams, a: str, b: str) -> bool:
    """Whether two stages give the same in either order."""
    pair = frozenset({a, b})
    if params.temperature == 0 and pair <= _KEEP_BEST | {"temperature"} and "temperature" in params.active_stages:
        return True
    if pair <= _ADDITIVE:
        return True
    if pair & _BANS and pair <= _ADDITIVE | _BANS | {"encoder_repetition", "repetition", "temperature"}:
        return True
    return b in STAGES[a].commutes and not (params.dynatemp_range and "temperature" in pair)


def same_order(a: SamplingParams, b: SamplingParams) -> bool:
    """Whether the stages that both have come in orders that give the same."""
    both = [stage for stage in a.active_stages if stage in b.active_stages]
    theirs = {stage: place for place, stage in enumerate(b.active_stages)}
    return all(theirs[x] < theirs[y] or commute(a, x, y) for x, y in combinations(both, 2))
