"""What the texts of a run are compared with: statistics of text by people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from thermoscope.runs.measuring import Measuring
from thermoscope.sources.base import Source
from thermoscope.sources.open import ask_model
from thermoscope.sources.spread import Spread
from thermoscope.statistics.reference import Reference, choose, tokenizer_id
from thermoscope.statistics.reference_text import reference_of

#: Statistics as they are kept, or why there are none; None without a reference.
Statistics = Mapping[str, Any] | str | None


def reference_statistics(
    source: Source, measuring: Measuring, length: int, on_stage: Callable[[str, int, int], None] | None = None
) -> Statistics:
    """Statistics of what texts of ``length`` tokens are compared with.

    ``on_stage`` is told of text by people that the model reads.
    """
    if not source.can.logits:
        return "the model's engine keeps its logits, without which text by people can't be scored"
    text = measuring.reference_text
    if text is None:
        return measuring.use_case.reference_statistics()
    # a worker of a cluster has nobody to tell
    told = None if on_stage is None or isinstance(source, Spread) else partial(on_stage, "reading the reference")
    found: Mapping[str, Any] | str = ask_model(source, "a reference", reference_of, text, length, told)
    return found


def reference_for(source: Source, statistics: Statistics, length: int) -> Reference | str:
    """What texts of ``length`` tokens from a source are compared with, or why with nothing."""
    if isinstance(statistics, str):
        return statistics
    if statistics is None:
        return choose(None, length, "", None)
    return choose(statistics, length, ask_model(source, "a reference", tokenizer_id), source.revision)
