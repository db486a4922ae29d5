"""The records of a comparison: each text with its measures, and all of them with their reading."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from thermoscope.comparison.spans import place_of
from thermoscope.decode.sample import Sample
from thermoscope.fragment import clipped, fragment, listed, safe, shown, soft, table
from thermoscope.metrics.repetition import Loop
from thermoscope.ran.provenance import WhatRan
from thermoscope.settings.grid import label, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.shown import Page, as_pandas
from thermoscope.words import count, ending, short

if TYPE_CHECKING:
    import pyarrow

    from thermoscope.sampling.effects import Effects

#: Texts that a notebook shows.
MOST_SHOWN = 24


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
        Ranges [start, end) of tokens that repeat earlier ones (in 4-grams).
    shared_tokens
        How many tokens it has in common, from the start, with the neighbour before it (same seed); None if it
        has none.
    answer
        What ``measures`` are of where it is not the whole text: the answer after the thinking.
    thinking
        Every measure of its thinking by name, where that is measured apart; None if it has none.
    """

    sample: Sample
    measures: Mapping[str, float | None]
    loop: Loop | None
    repeated: tuple[tuple[int, int], ...]
    shared_tokens: int | None
    answer: Sample | None = None
    thinking: Mapping[str, float | None] | None = None

    @property
    def measured(self) -> Sample:
        """The text that was measured: the answer, or all of it."""
        return self.sample if self.answer is None else self.answer

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
            "thinking": None if self.thinking is None else dict(self.thinking),
            "loop": None if loop is None else {"tokens": loop.tokens, "repeats": loop.repeats, "start": loop.start},
            "repeated": [list(span) for span in self.repeated],
            "shared_tokens": self.shared_tokens,
            "differs_at": self.differs_at,
        }


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Page):
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
    effects
        Which stages did anything, for a comparison that goes on with this one.
    """

    prompt: str
    settings: tuple[SamplingParams, ...]
    seeds: tuple[int, ...]
    texts: tuple[ComparedText, ...]
    reading: tuple[str, ...]
    ran: WhatRan
    effective: tuple[str, ...] = ()
    effects: Effects | None = field(default=None, compare=False)

    @property
    def complete(self) -> bool:
        """Whether every text that was asked for is there."""
        return len(self.texts) == len(self.settings) * len(self.seeds)

    def text(self, setting: SamplingParams, seed: int) -> ComparedText | None:
        """The text of one setting and seed, or None if it was not finished."""
        return next((t for t in self.texts if t.sample.params == setting and t.sample.seed == seed), None)

    def __repr__(self) -> str:
        finished = "" if self.complete else f" of {len(self.settings) * len(self.seeds)}"
        return (
            f"Comparison(prompt={clipped(self.prompt)!r}, settings={len(self.settings)}, seeds={len(self.seeds)}, "
            f"texts={len(self.texts)}{finished})"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the texts beside their measures, and the reading."""
        names = varying(self.settings)
        rows = [
            [
                safe(label(text.sample.params, names)),
                str(text.sample.seed),
                shown(text.sample.text, _mark(text)),
                *(short(text.measures[name]) for name in ("rep_4", "perplexity")),
                f"{len(text.measured.text_token_ids)}, {ending(text.sample.finish_reason, text.sample.text)}",
            ]
            for text in self.texts[:MOST_SHOWN]
        ]
        rest = len(self.texts) - len(rows)
        differs = any(text.differs_at is not None for text in self.texts[:MOST_SHOWN])
        return fragment(
            self.prompt,
            table(("setting", "seed", "text", "rep_4", "perplexity", "tokens"), rows),
            soft(f"{count(rest, 'more text')} not shown") if rest else "",
            soft("▸ differs from the text before, with the same seed") if differs else "",
            listed((*self.reading, *self.effective)),
        )

    def table(self) -> pyarrow.Table:
        """One row per text: prompt, setting, seed, text, how it ended, and every measure of it."""
        import pyarrow as pa

        names = varying(self.settings)
        rows = [
            {"prompt": self.prompt, "setting": label(text.sample.params, names), "setting_id": text.sample.params.id}
            | {"temperature": text.sample.params.temperature, "seed": text.sample.seed, "text": text.sample.text}
            | {"finish_reason": text.sample.finish_reason, **text.measures}
            for text in self.texts
        ]
        return pa.Table.from_pylist(rows)

    def to_pandas(self) -> Any:
        """``table`` as a pandas DataFrame; InputError where pandas is not installed."""
        return as_pandas(self.table())

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


def _mark(text: ComparedText) -> int | None:
    """The character at which a text first differs from its neighbour; None if it doesn't."""
    if text.differs_at is None:
        return None
    return place_of(text.sample.text, text.sample.text_ends, text.differs_at)


def finite(value: Any) -> Any:
    """The value with numbers that JSON has no word for as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
