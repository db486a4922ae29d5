"""What is known of a measure, and the registry of all of them: tables, documents and reports are made from it.

The entries stand beside their functions, in one file per family (``ENTRIES``).

A measure is of one text, of a *group* (the samples of one prompt and setting) or of a *setting* (all its texts). It
takes many texts at once and gives one number for each, NaN where it can't be known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np

from thermoscope.metrics.ragged import Array
from thermoscope.registry import Registry

if TYPE_CHECKING:
    from thermoscope.metrics.texts import Texts

#: Ranges that a measure can have.
ANY, NOT_NEGATIVE, SHARE = (-inf, inf), (0.0, inf), (0.0, 1.0)
#: The place in reports of a measure that doesn't say its own.
LAST = 1000.0


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure.

    Attributes
    ----------
    name
        As in tables and JSON.
    unit
        "" for a share or a ratio.
    direction
        What a larger value means, as it reads after "higher means": "more repetitive".
    minimum_tokens
        With fewer tokens than this in a text the measure is unknown (NaN).
    source
        Where the definition comes from.
    meaning
        One line.
    of
        The measure itself: (N,), (G,) or (F,) by its level, NaN where it can't be known.
    level
        What has a value of its own: a text, a group or a setting.
    minimum_texts
        With fewer texts than this it is unknown.
    scale
        How it is averaged and compared: "linear" by means and differences; "share" likewise, between 0 and 1; "log"
        by geometric means and ratios; "indicator" is 0 or 1, and its mean a share.
    reads
        What it is taken from: the "tokens" of texts, or their "text" alone, which stays when tokens are not kept.
    needs
        What must be there besides the texts, or "": "records" of their tokens under a model, "temperatures" (records
        at the temperature of each text), "embeddings", a "scorer" or a "reference".
    summary
        What the mean over texts is called, if not by the name.
    bounds
        The least and the largest value that is possible; a mean lies between them too.
    shown
        Its place in reports, the least first; None: they leave it out. By default it comes after the built-in ones.
    beside_text
        Whether it stands beside each text where texts are shown one by one.
    stepwise
        Whether it is a step function of temperature: not if its value depends on the texts of other settings.
    """

    name: str
    unit: str
    direction: str
    minimum_tokens: int
    source: str
    meaning: str
    of: Callable[[Texts], Array]
    level: Literal["text", "group", "setting"] = "text"
    minimum_texts: int = 1
    scale: Literal["linear", "share", "log", "indicator"] = "linear"
    reads: Literal["tokens", "text"] = "tokens"
    needs: Literal["", "records", "temperatures", "embeddings", "scorer", "reference"] = ""
    summary: str = ""
    bounds: tuple[float, float] = ANY
    shown: float | None = LAST
    beside_text: bool = False
    stepwise: bool = True

    @property
    def summary_name(self) -> str:
        """What it is called once it is averaged: the share of texts with a ``loop`` is the ``loop_rate``."""
        return self.summary or self.name


#: Every measure, by name.
MEASURES = Registry(
    Measure,
    "measure",
    built_in=[
        f"thermoscope.metrics.{family}"
        for family in (
            "repetition",
            "likelihood",
            "length",
            "diversity",
            "self_bleu",
            "embedding_measures",
            "answer_measures",
        )
    ],
)
#: Measures of one text that need nothing but its sample, by name.
TEXT_MEASURES = MEASURES.where(lambda m: m.level == "text" and m.needs in ("", "records", "temperatures"))


def register_measure(measure: Measure) -> Measure:
    """Add a measure: it is taken, compared and shown in reports like the built-in ones.

    Raises
    ------
    InputError
        Its name is taken.
    """
    return MEASURES.register(measure)


def taken(m: Measure, texts: Texts) -> Array:
    """The measure of some texts, (N,), (G,) or (F,) by its level; NaN if it reads tokens that were not kept."""
    if m.reads == "tokens" and not texts.tokens_kept:
        sizes = {"text": len(texts), "group": len(texts.groups), "setting": len(texts.setting_names)}
        return np.full(sizes[m.level], np.nan)
    return m.of(texts)


def by_group(texts: Texts, of: Callable[[slice], float | None]) -> Array:
    """(G,) one value per group of texts, from the rows of each; None becomes NaN."""
    values = [of(rows) for rows in texts.group_rows()]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def as_scored(m: Measure, values: Array) -> Measure:
    """The measure as its values (any shape) show it: a user's score that is 0 or 1 for all texts is an indicator."""
    known = values[~np.isnan(values)]
    if m.needs == "scorer" and len(known) and np.isin(known, (0, 1)).all():
        return replace(m, scale="indicator", bounds=SHARE)
    return m
