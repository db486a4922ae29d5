"""Answers: whether samples agree with each other, and whether they are right by the user's own scorer."""

from __future__ import annotations

import numbers
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from thermoscope.checks import compiled
from thermoscope.errors import InputError
from thermoscope.metrics.ragged import Array

#: A scorer: (continuation, the prompt's expected answer or None) to a number, or None where it can't be known.
Scorer = Callable[[str, str | None], float | None]
#: Characters that tell most answers apart.
_BEGINNING = 24
#: Characters of a text in a message.
_MOST_SHOWN = 40

#: The same for ASCII, by table: each character in lower case, or a space.
_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}


def normalised(answer: str) -> str:
    """An answer without what makes no difference: case, forms of one character, punctuation, white space."""
    if answer.isascii():
        return " ".join(answer.translate(_ASCII).split())
    folded = unicodedata.normalize("NFKC", answer).casefold()
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in folded).split())


def extract(texts: Sequence[str], pattern: str | None) -> list[str]:
    """The answer in each text: the last match of a pattern (its first group, if it has one), or the whole text."""
    if pattern is None:
        return list(texts)
    compiled = compile_pattern(pattern)
    answers = []
    for text in texts:
        matches = list(compiled.finditer(text))
        answers.append((matches[-1][1 if compiled.groups else 0] or "") if matches else "")
    return answers


def agreement(answers: Sequence[str]) -> float | None:
    """Share of pairs with the same normalised answer; None for fewer than two answers.

    Answers that are empty once normalised agree with nothing, not even with each other.
    """
    n = len(answers)
    if n < 2:
        return None
    starts = [_beginning(text) for text in answers]
    alike = Counter(starts)
    answers = [text for text, start in zip(answers, starts, strict=True) if alike[start] > 1]  # looked at whole
    counts = Counter(answer for text in answers if (answer := normalised(text)))
    return sum(c * (c - 1) for c in counts.values()) / (n * (n - 1))


def _beginning(text: str) -> str:
    """The first characters of the normalised answer, mostly without normalising all of it."""
    if text.isascii():  # each character by itself: the beginning of a text gives the beginning of its answer
        start = normalised(text[: 4 * _BEGINNING])
        if len(start) >= _BEGINNING:
            return start[:_BEGINNING]
    return normalised(text)[:_BEGINNING]


def exact(text: str, answer: str | None) -> float | None:
    """1 if the text is the answer, both normalised, else 0; None without an answer."""
    return None if answer is None else float(normalised(text) == normalised(answer))


def matching(pattern: str) -> Scorer:
    """A scorer: 1 if the pattern occurs in the text, else 0. ``{answer}`` in it stands for the prompt's answer."""
    compile_pattern(pattern.replace("{answer}", ""))

    def score(text: str, answer: str | None) -> float | None:
        if "{answer}" not in pattern:
            return float(re.search(pattern, text) is not None)
        if answer is None:
            return None
        return float(re.search(pattern.replace("{answer}", re.escape(answer)), text) is not None)

    return score


def scores(scorer: Scorer, texts: Sequence[str], answers: Sequence[str | None]) -> Array:
    """What a scorer says of each text: (N,) float64, NaN where it says None.

    Raises
    ------
    InputError
        It fails, gives something else than a number or None, or knows no text's score.
    """
    name = getattr(scorer, "__name__", "scorer")
    values: Array = np.full(len(texts), np.nan)
    for i, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        try:
            score = scorer(text, answer)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise InputError(
                f"the scorer {name} fails on {_clipped(text)} ({why}); it is called with the text and the prompt's "
                "expected answer or None"
            ) from error
        if score is None:
            continue
        if not isinstance(score, (numbers.Real, np.bool_)):
            raise InputError(f"the scorer {name} must return a number or None; got {score!r} for {_clipped(text)}")
        values[i] = float(score)
    if len(values) and not np.isfinite(values).any():
        raise InputError(f"the scorer {name} gave no number for any of {len(values)} texts; mend it, or leave it out")
    return values


def _clipped(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "...")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The compiled pattern.

    Raises
    ------
    InputError
        It is no regular expression.
    """
    try:
        return compiled(pattern)
    except ValueError as error:
        raise InputError(f"a pattern must be a regular expression; got {pattern!r} ({error}); mend it") from None
