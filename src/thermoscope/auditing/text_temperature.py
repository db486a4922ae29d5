"""The temperature of a text: the setting at which a model would most likely have written it.

Each token of the text is one draw at a place whose whole distribution the model gives, so that the likelihood of
``likelihood.py`` applies. Whether the model could be the author at all is a second question (``authorship.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from thermoscope.auditing.authorship import AUTHOR_ALPHA, author_p
from thermoscope.auditing.averaged import Averaged, averaged
from thermoscope.auditing.likelihood import Family, Fit
from thermoscope.auditing.steps import beyond, tightest
from thermoscope.auditing.text_places import TextPlaces
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from thermoscope.models.base import Model

#: A truncation is called where none has the first probability at most, and none where it has the second at least.
_CALLED, _NONE = 0.01, 0.5
#: A truncation that is less probable than this beside the one that is called is no rival of it.
_RIVAL = 0.05
#: Values about as loose as any server's defaults: a text that could have passed these tells nothing of truncation.
_LOOSE: dict[Family, float] = {"top_k": 50, "top_p": 0.97, "min_p": 0.03}
#: The share of tokens that were not drawn but made of several by tokenising anew: up to T=1, and how it grows above
#: (0.02 at T=1.5). A loose truncation is ruled out where so many more came beyond it that chance is below the last.
_STRAYS, _STRAYS_GROW, _CHANCE = 0.0005, 7.4, 0.05
#: Tokens of a window of the curve, and from one window to the next.
WINDOW, STRIDE = 64, 32
#: Fewer tokens tell next to nothing.
LEAST_TOKENS = 10


@dataclass(frozen=True, slots=True)
class TextWindow:
    """The most likely temperature of a part of a text: tokens ``start`` to ``end`` (excluded)."""

    text: int
    start: int
    end: int
    temperature: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TextTemperature:
    """The setting at which a model would most likely have written some texts.

    Attributes
    ----------
    model
        Its name.
    tokens
        How many tokens were read.
    temperature, low, high
        The temperature (median) and the ends of its interval (95 %), averaged over all that is not known of a
        truncation.
    truncation, value
        The truncation that is called, and the tightest value of it that fits. "none" where values such as servers have
        by default would have removed tokens that came; "can't be told" where neither is so.
    rivals
        Truncations that could have been instead of the one that is called, or of none: hot texts have tokens that were
        not drawn, which hide a loose truncation.
    tightest
        The tightest ``top_k``, ``top_p`` and ``min_p`` that keep every token.
    evidence
        Twice the log-likelihood ratio of the best truncation to none.
    no_truncation
        The probability that nothing was truncated; a truncation is called where it is at most 0.01.
    author
        "possible", or "unlikely" where the tokens are not spread as this model would spread them at any setting.
    author_p
        The p-value behind it.
    curve
        The temperature along each text.
    notes
        What a reader should know.
    """

    model: str
    tokens: int
    temperature: float
    low: float
    high: float
    truncation: Family | Literal["can't be told"]
    value: float | None
    rivals: tuple[str, ...]
    tightest: dict[Family, float]
    evidence: float
    no_truncation: float
    author: Literal["possible", "unlikely"]
    author_p: float
    curve: tuple[TextWindow, ...]
    notes: tuple[str, ...]

    @property
    def finding(self) -> str:
        """The result in a sentence."""
        shown = f"T = {self.temperature:.2f} ({self.low:.2f} to {self.high:.2f})"
        if self.author == "unlikely":
            return f"{self.model} is not the author, at any of the settings that were tried; the closest is {shown}."
        if self.truncation == "none":
            but = f" ({' and '.join(self.rivals)} can't be ruled out)" if self.rivals else ""
            return f"Most likely {shown}, no truncation seen in {self.tokens:,} tokens{but}."
        if self.truncation == "can't be told":
            return f"Most likely {shown}; whether anything was truncated can't be told from {self.tokens:,} tokens."
        also = f" (or {' or '.join(self.rivals)}: these tokens do not tell them apart)" if self.rivals else ""
        return f"Most likely {shown} with {self.truncation} {self.value:.3g}{also}."

    def to_json(self) -> str:
        """Everything, as JSON."""
        import json

        own = {name: getattr(self, name) for name in TextTemperature.__slots__ if name != "curve"}
        curve = [{name: getattr(one, name) for name in TextWindow.__slots__} for one in self.curve]
        return json.dumps({"finding": self.finding, **own, "curve": curve}, indent=2, ensure_ascii=False)


def temperature_of(
    texts: str | Sequence[str], model: Model | str | None = None, *, prompt: str | None = None, last: bool = False
) -> TextTemperature:
    """At which temperature, and with which truncation, a model would most likely have written texts.

    Parameters
    ----------
    texts
        One text, or several of one setting.
    model
        A loaded model, or its name; None is the bundled one.
    prompt
        What the texts continue; without one the first token of each is given and not read.
    last
        Whether the temperature comes after the truncation, as in llama.cpp.

    Raises
    ------
    InputError
        There are fewer tokens than tell anything.
    """
    from thermoscope.models.load import load_model

    loaded: Model = load_model(model) if model is None or isinstance(model, str) else model
    tables = [TextPlaces.of(loaded, text, prompt) for text in ([texts] if isinstance(texts, str) else texts)]
    return of_places(tables, loaded.name, last=last)


def of_places(tables: Sequence[TextPlaces], name: str, *, last: bool = False, along: bool = True) -> TextTemperature:
    """The same of texts that were read already.

    Parameters
    ----------
    tables
        What was read of each text.
    name
        The model's.
    last
        Whether the temperature comes after the truncation.
    along
        Whether the temperature along each text is wanted.

    Raises
    ------
    InputError
        There are fewer tokens than tell anything.
    """
    number = sum(len(table.ranks) for table in tables)
    if number < LEAST_TOKENS:
        raise InputError(
            f"the temperature of a text needs at least {LEAST_TOKENS} tokens; got {number}; give a longer text"
        )
    over = averaged(tables, last=last)
    ends = tightest(tables, over.temperature, last=last)
    called, rivals = _called(over, beyond(tables, _LOOSE, over.temperature, last=last), number)
    family = "none" if called == "can't be told" else called
    peak = over.peaks[family]
    best = Fit(family, peak.value, peak.temperature, over.low, over.high, peak.log_likelihood, math.nan)
    p = author_p(tables, best, last=last)
    curve = tuple(one for n, table in enumerate(tables if along else ()) for one in _curve(n, table, last=last))
    notes = tuple(dict.fromkeys(note for table in tables for note in table.notes))
    return TextTemperature(
        name, number, over.temperature, over.low, over.high, called, best.value, rivals, ends,
        _evidence(over), over.shares["none"], "unlikely" if p < AUTHOR_ALPHA else "possible", p, curve, notes,
    )  # fmt: skip


def _called(
    over: Averaged, outside: Mapping[Family, int], number: int
) -> tuple[Family | Literal["can't be told"], tuple[str, ...]]:
    """The truncation that is called, and its rivals; how many of the tokens loose ones would have removed is given."""
    from scipy.stats import binom

    if over.shares["none"] <= _CALLED:
        ranked = sorted(outside, key=lambda family: -over.shares[family])
        return ranked[0], tuple(f for f in ranked[1:] if over.shares[f] >= _RIVAL * over.shares[ranked[0]])
    if over.shares["none"] < _NONE or not all(outside.values()):
        return "can't be told", ()
    strays = min(_STRAYS * math.exp(_STRAYS_GROW * max(over.temperature - 1, 0)), 0.5)
    return "none", tuple(f for f, many in outside.items() if binom.sf(many - 1, number, strays) > _CHANCE)


def _evidence(over: Averaged) -> float:
    """Twice the log-likelihood ratio of the best truncation to none."""
    best = max(peak.log_likelihood for family, peak in over.peaks.items() if family != "none")
    return max(0.0, 2 * (best - over.peaks["none"].log_likelihood))


def _curve(number: int, table: TextPlaces, *, last: bool) -> list[TextWindow]:
    """The temperature of windows along a text."""
    length = len(table.ranks)
    if length < 2 * WINDOW:
        return []
    found = []
    for start in range(0, length - WINDOW + 1, STRIDE):
        one = averaged([table.part(start, start + WINDOW)], last=last)
        found.append(TextWindow(number, start, start + WINDOW, one.temperature, one.low, one.high))
    return found
