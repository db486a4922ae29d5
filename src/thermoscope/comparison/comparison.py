"""The records of a comparison: each text with its measures, and all of them with their reading."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thermoscope.decode.sample import Sample
from thermoscope.metrics.repetition import Loop
from thermoscope.ran.provenance import WhatRan
from thermoscope.settings.params import SamplingParams


@dataclass(frozen=True, slots=True)
class ComparedText:
    """One text of a comparison.

    Attributes
    ----------
    sample
        The text with its records.
    measures
        Every measure of one text by name; None where unknown.
    loop
        The loop that it ends in, if it does.
    repeated
        Ranges [start, end) of tokens that were there before (in 4-grams).
    shared_tokens
        How many tokens it has in common, from the start, with the neighbour before it (same seed); None if it
        has none.
    """

    sample: Sample
    measures: Mapping[str, float | None]
    loop: Loop | None
    repeated: tuple[tuple[int, int], ...]
    shared_tokens: int | None

    @property
    def differs_at(self) -> int | None:
        """Position of the first token that differs from the neighbour's; None if there is none, or they agree."""
        if self.shared_tokens is None or self.shared_tokens >= len(self.sample.token_ids):
            return None
        return self.shared_tokens

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        loop = self.loop
        return {
            **self.sample.to_dict(),
            "measures": dict(self.measures),
            "loop": None if loop is None else {"tokens": loop.tokens, "repeats": loop.repeats, "start": loop.start},
            "repeated": [list(span) for span in self.repeated],
            "shared_tokens": self.shared_tokens,
            "differs_at": self.differs_at,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What ``compare`` found.

    Attributes
    ----------
    prompt
        The prompt.
    settings
        The settings, in the order given; each is the neighbour of the one after it.
    seeds
        The seeds.
    texts
        Settings x seeds, the seed varying fastest; only those that were finished.
    reading
        What the measures say, a sentence each.
    ran
        Everything that the result depends on.
    effective
        What of the settings contradicts itself or did nothing, a sentence each.
    """

    prompt: str
    settings: tuple[SamplingParams, ...]
    seeds: tuple[int, ...]
    texts: tuple[ComparedText, ...]
    reading: tuple[str, ...]
    ran: WhatRan
    effective: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every text that was asked for is there."""
        return len(self.texts) == len(self.settings) * len(self.seeds)

    def text(self, setting: SamplingParams, seed: int) -> ComparedText | None:
        """The text of one setting and seed, or None if it was not finished."""
        return next((t for t in self.texts if t.sample.params == setting and t.sample.seed == seed), None)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        return {
            "format": "thermoscope.comparison/1",
            "prompt": self.prompt,
            "complete": self.complete,
            "texts": [text.to_dict() for text in self.texts],
            "reading": list(self.reading),
            "effective": list(self.effective),
            "ran": self.ran.to_dict(),
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """``to_dict`` as JSON; values that are not finite are null."""
        return json.dumps(finite(self.to_dict()), ensure_ascii=False, indent=indent, allow_nan=False)


def finite(value: Any) -> Any:
    """The value with numbers that JSON has no word for as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
