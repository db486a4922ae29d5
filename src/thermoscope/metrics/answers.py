"""Answers: whether samples agree with each other, and whether they are right by the user's own scorer."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from functools import partial

import numpy as np

from thermoscope.checks import compiled
from thermoscope.errors import InputError
from thermoscope.metrics.isolated import Isolated, answers_by, match_of
from thermoscope.metrics.ragged import Array
from thermoscope.metrics.scorer_process import as_score, refusal
from thermoscope.words import quoted

#: A scorer: (continuation, the prompt's expected answer or None) to a number, or None where it can't be known.
Scorer = Callable[[str, str | None], float | None]
#: Characters that tell most answers apart.
_BEGINNING = 24
#: Share of texts from which on a scorer's failures end the scoring; fewer cost their scores alone.
MOST_FAILED = 0.05

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
    compile_pattern(pattern)
    return list(answers_by(pattern).each(texts, [None] * len(texts)))


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
    return match_of(pattern)


def scores(
    scorer: Scorer, texts: Sequence[str], answers: Sequence[str | None], failures: list[str] | None = None
) -> Array:
    """What a scorer says of each text: (N,) float64, NaN where it says None or fails.

    Functions of files and patterns run in a process of their own (``isolated.py``); a function of the caller's own
    program runs here.

    Parameters
    ----------
    scorer, texts, answers
        What scores, and what.
    failures
        Filled with why there is no score, a line for each text that the scorer failed on.

    Raises
    ------
    InputError
        It fails, gives something else than a number or None, or takes too long, for one text in twenty or more
        (``MOST_FAILED``); or it knows no text's score.
    """
    told: list[str] = [] if failures is None else failures

    def fail(error: InputError) -> None:
        told.append(str(error))
        if len(told) >= MOST_FAILED * len(texts):
            more = f"; {len(told)} of {len(texts)} texts failed so far" if len(told) > 1 else ""
            raise InputError(f"{error}{more}") from error

    apart = scorer.each if isinstance(scorer, Isolated) else partial(_here, scorer)
    each: Generator[float | None, None, None] = apart(texts, answers, fail)
    values: Array = np.full(len(texts), np.nan)
    with contextlib.closing(each):
        for i, score in enumerate(each):
            values[i] = np.nan if score is None else score
    if len(values) and not np.isfinite(values).any():
        raise InputError(f"{_called(scorer)} gave no number for any of {len(values)} texts; fix it, or leave it out")
    return values


def _here(
    scorer: Scorer, texts: Sequence[str], answers: Sequence[str | None], fail: Callable[[InputError], None]
) -> Generator[float | None, None, None]:
    for text, answer in zip(texts, answers, strict=True):
        score = None
        try:
            score = as_score(scorer(text, answer))
        except (Exception, SystemExit) as error:
            why = refusal(_called(scorer), quoted(text), error)
            fail(InputError(f"{why}; it is called with the text and the prompt's expected answer or None"))
        yield score


def _called(scorer: Scorer) -> str:
    return scorer.called if isinstance(scorer, Isolated) else f"the scorer {getattr(scorer, '__name__', 'given')}"


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
        got = f"{quoted(pattern)} ({error})"
        raise InputError(f"a pattern must be a regular expression; got {got}; fix it") from None
