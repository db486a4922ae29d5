"""The temperature of a text: the setting at which a model would most likely have written it.

Each token of the text is one draw at a place whose whole distribution the model gives, so that the likelihood of
``likelihood.py`` applies. Whether the model could be the author at all is a second question (``authorship.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from thermoscope.auditing.authorship import AUTHOR_ALPHA, author_p
from thermoscope.auditing.likelihood import Family, Fit, fit
from thermoscope.auditing.reading import read
from thermoscope.auditing.text_places import TextPlaces
from thermoscope.errors import InputError

if TYPE_CHECKING:
    from thermoscope.models.base import Model

#: Tokens listed at each place: for telling truncations apart, and at most for the temperature.
_LISTED, _MOST_NUMBERS = 256, 4_000_000
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
        The most likely temperature and the ends of its interval (95 %), at the truncation that is called.
    truncation, value
        The truncation that is called and its parameter; "none" and None without evidence of one.
    rivals
        Truncations that fit about as well as the one that is called.
    evidence, threshold
        Twice the log-likelihood ratio of the best truncation to none, and where it is called.
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
    truncation: Family
    value: float | None
    rivals: tuple[str, ...]
    evidence: float
    threshold: float
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
            return f"Most likely {shown}, no truncation seen in {self.tokens:,} tokens."
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
    number = sum(len(table.ranks) for table in tables)
    if number < LEAST_TOKENS:
        raise InputError(
            f"the temperature of a text needs at least {LEAST_TOKENS} tokens; got {number}; give a longer text"
        )
    whole = TextPlaces.joined(tables, max(_LISTED, _MOST_NUMBERS // number))
    reading = read(whole.draws(_LISTED), last=last, replicates=400)
    best = reading.best if reading.called != "none" else fit(whole.draws(None), "none")
    p = author_p(tables, best, last=last)
    notes = [note for table in tables for note in table.notes]
    return TextTemperature(
        loaded.name, number, best.temperature, best.low, best.high, best.family, best.value, reading.rivals,
        reading.evidence, reading.threshold, "unlikely" if p < AUTHOR_ALPHA else "possible", p,
        tuple(one for n, table in enumerate(tables) for one in _curve(n, table, best)), tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _curve(number: int, table: TextPlaces, best: Fit) -> list[TextWindow]:
    """The temperature of windows along a text."""
    length = len(table.ranks)
    if length < 2 * WINDOW:
        return []
    found = []
    for start in range(0, length - WINDOW + 1, STRIDE):
        one = fit(table.part(start, start + WINDOW).draws(_LISTED), best.family)
        found.append(TextWindow(number, start, start + WINDOW, one.temperature, one.low, one.high))
    return found
