"""The expected best of some values: of several texts of a prompt, or of several settings that are tried."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb


def best_of(values: Sequence[float], of: int) -> float:
    """The expected largest of ``of`` values drawn without replacement from these; NaN where there are fewer.

    Unbiased for the best of so many texts. For scores of 0 and 1 it is pass@k of Chen et al. 2021 ("Evaluating Large
    Language Models Trained on Code", section 2.1). Over settings it is what N trials of a family give, which makes
    families with different numbers of settings comparable (Schaeffer et al. 2025).
    """
    if len(values) < of:
        return float("nan")
    return sum(comb(rank, of - 1) * value for rank, value in enumerate(sorted(values))) / comb(len(values), of)
