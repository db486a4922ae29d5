"""Reference statistics: what text written by people measures, and how far a group of samples is from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermoscope.errors import InputError
from thermoscope.language.saying import phrase
from thermoscope.metrics.ragged import Array
from thermoscope.metrics.registry import NOT_NEGATIVE, Measure
from thermoscope.models.base import Model
from thermoscope.words import joined

FORMAT = "thermoscope.reference/1"
#: Statistics of windows are compared with texts of about their length: this many times as long, or shorter, at most.
MOST_APART = 1.25
#: What the distance is over: measures of groups and means over their texts, each with the least standard deviation.
DISTANCE_MEASURES = {
    "perplexity": 0.1,
    "rep_2": 0.02,
    "rep_3": 0.02,
    "rep_4": 0.02,
    "loop_rate": 0.05,
    "self_bleu": 0.02,
}
#: A text that tokenizers cut differently.
_PROBE = "Once upon a time, Ada counted 31,415 naïve déjà-vus; why? \u2014 nobody\tknew: f(x) = {x**2}."

#: The measure that a reference makes possible; see ``distances``.
DISTANCE = Measure(
    name="reference_distance",
    unit="standard deviations",
    direction="less like the reference",
    minimum_tokens=1,
    source="-",
    meaning="root mean square of standardised distances to a reference over perplexity, rep_n, loop_rate and self_bleu",
    of=lambda texts: np.full(len(texts.groups), np.nan),
    level="group",
    minimum_texts=2,
    scale="log",
    needs="reference",
    bounds=NOT_NEGATIVE,
    shown=70,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """Means and standard deviations of reference windows of about the length of the texts.

    Attributes
    ----------
    mean, sd
        By measure; perplexity's are those of its logarithm.
    tokens
        Length of the windows.
    source
        What was measured.
    note
        What limits the comparison, in the words of a sentence, or "".
    """

    mean: Mapping[str, float]
    sd: Mapping[str, float]
    tokens: int
    source: str
    note: str


def tokenizer_id(model: Model) -> str:
    """Twelve hexadecimal digits that differ between tokenizers, from how one cuts a probe."""
    ids = model.encode(_PROBE)
    return hashlib.sha256(repr(ids).encode()).hexdigest()[:12]


def nearest_window(record: Mapping[str, Any], length: int) -> Mapping[str, Any] | None:
    """The windows of a reference that are nearest in length to texts; None if none are about as long."""

    def apart(window: Mapping[str, Any]) -> float:
        longer: float = max(window["tokens"], length) / min(window["tokens"], length)
        return longer

    window: Mapping[str, Any] = min(record["windows"], key=apart)
    return window if apart(window) <= MOST_APART else None


def choose(record: Mapping[str, Any] | None, length: int, tokenizer: str, revision: str | None) -> Reference | str:
    """The reference for texts of a length from a model, or why there is none.

    Parameters
    ----------
    record
        What ``training.reference`` wrote.
    length
        Tokens of the texts; see ``nearest_window``.
    tokenizer, revision
        The model's. Token measures need the same tokenizer, perplexity the same weights.

    Raises
    ------
    InputError
        The record is something else.
    """
    if record is None:
        return phrase("the use case has no reference")
    try:
        if record["format"] != FORMAT:
            raise InputError(f"a reference must be of format {FORMAT}; got {record['format']!r}; make it anew")
        if record["tokenizer"] != tokenizer:
            return phrase("the reference was measured with another tokenizer")
        window = nearest_window(record, length)
        if window is None:
            there = joined(str(w["tokens"]) for w in record["windows"])
            return (
                f"the reference's windows have {there} tokens and the texts {length}: measures of texts that differ in "
                "length by more than a quarter are not compared"
            )
        mean, sd = dict(window["mean"]), dict(window["sd"])
        notes = []
        if record["revision"] != revision:
            mean.pop("perplexity", None)
            notes.append("perplexity is left out, since the reference's is another model's")
        if window["tokens"] != length:
            notes.append(f"the reference's windows have {window['tokens']} tokens, the texts {length}")
        return Reference(mean, sd, int(window["tokens"]), str(record["source"]), "; ".join(notes))
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(f"a reference must be what training.reference writes; got one without {error}") from None


def distances(of_groups: Mapping[str, Array], reference: Reference) -> Array:
    """(G,) root mean square of (value - reference mean) / reference sd over ``DISTANCE_MEASURES``; NaN if one is."""
    parts = []
    for name, least in DISTANCE_MEASURES.items():
        if name in reference.mean:
            values = np.log(of_groups[name]) if name == "perplexity" else of_groups[name]
            parts.append((values - reference.mean[name]) / max(reference.sd[name], least))
    squares: Array = np.sqrt(np.mean(np.square(parts), axis=0))
    return squares
