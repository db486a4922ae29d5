"""Values as one types them: numbers, lists and ranges; prompts, lengths, seeds and stop strings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, overload

from thermoscope.errors import InputError
from thermoscope.words import quoted

#: The most values that one range may give: more is a slip of the finger.
_MOST = 1000
#: A longer text is the name of no file.
_LONGEST_NAME = 1000
#: The largest seed, and the most seeds of one comparison.
MOST_SEED, MOST_SEEDS = 2**64 - 1, 100_000  # as decode/request.py, which needs torch


def numbers(words: Sequence[str], name: str) -> list[float]:
    """Numbers from words such as ``0.7``, ``0.3,0.9`` and ``0.1:1.5:0.2`` (from, to and included, step).

    Parameters
    ----------
    words
        What was typed.
    name
        What to call it in an error.

    Raises
    ------
    InputError
        A word is no number and no range.
    """
    return [value for word in words for part in word.split(",") for value in _range(part, name)]


def _range(part: str, name: str) -> list[float]:
    fields = part.split(":")
    try:
        values = [Decimal(field.strip()) for field in fields]
        plain = [float(value) + 0.0 for value in values]  # -0.0 becomes 0.0
    except (ArithmeticError, ValueError):
        raise InputError(
            f"{name} must be a number, or a range from:to:step; got {quoted(part)}; write 0.7 or 0.1:1.5:0.2"
        ) from None
    if len(values) == 1:
        return plain
    if len(values) != 3:
        raise InputError(f"{name} range must be from:to:step; got {quoted(part)}; write 0.1:1.5:0.2")
    low, high, step = values
    if not all(math.isfinite(value) for value in plain) or plain[2] <= 0 or high < low:
        raise InputError(
            f"{name} range must go up, from low to high by a step above 0; got {quoted(part)}; write 0.1:1.5:0.2"
        )
    if high - low >= _MOST * step:
        raise InputError(f"{name} range must give at most {_MOST} values; got {quoted(part)}; use a larger step")
    return [float(low + i * step) + 0.0 for i in range(int((high - low) / step) + 1)]


@overload
def whole_number(word: str, name: str, *, least: int = 0, most: int | None = None) -> int: ...
@overload
def whole_number(word: str | None, name: str, *, least: int = 0, most: int | None = None) -> int | None: ...
def whole_number(word: str | None, name: str, *, least: int = 0, most: int | None = None) -> int | None:
    """The whole number that was typed; None if nothing was.

    Raises
    ------
    InputError
        It is no whole number, or out of bounds.
    """
    if word is None:
        return None
    rule = f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"
    try:
        value = int(word)
    except ValueError:  # no number, or more digits than Python reads
        value = least - 1
        rule = "a smaller number" if word.isdecimal() else rule
    if value < least or (most is not None and value > most):
        raise InputError(f"{name} must be {rule}; got {quoted(word)}; write {least}, {least + 1}, {least + 2}, ...")
    return value


def finite(word: str, name: str, such_as: str) -> float:
    """The finite number of at least 0 that was typed; ``such_as`` is what one might type instead.

    Raises
    ------
    InputError
        It is something else.
    """
    try:
        value = float(word) + 0.0
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"{name} must be a finite number of at least 0; got {quoted(word)}; write {such_as}")
    return value


def seed_numbers(seed: Sequence[str] | None, seeds: str | None, *, usual: int = 1, most: int = MOST_SEEDS) -> list[int]:
    """The seeds of ``--seed`` and ``--seeds``; ``usual`` of them where neither says how many.

    Raises
    ------
    InputError
        One is no seed, is given twice, or both options say how many.
    """
    first = [whole_number(word, "--seed", most=MOST_SEED) for word in seed or []]
    count = whole_number(seeds, "--seeds", least=1, most=most)
    return consecutive_seeds(first, usual if count is None and len(first) < 2 else count)


def consecutive_seeds(first: Sequence[int], count: int | None) -> list[int]:
    """The seeds: those listed, or ``count`` of them from the only one listed (0 if none is).

    Raises
    ------
    InputError
        A seed is given twice, or the count is given with several seeds.
    """
    for i, seed in enumerate(first):
        if seed in first[:i]:
            raise InputError(f"each seed may be given once; got {seed} twice; leave one out")
    if count is None:
        return list(first) or [0]
    if len(first) > 1:
        raise InputError(f"give several --seed or --seeds, not both; got {len(first)} seeds and --seeds {count}")
    start = first[0] if first else 0
    if start + count - 1 > MOST_SEED:
        raise InputError(f"seeds must be at most 2^64 - 1; got {count} of them from {start}; start lower")
    return list(range(start, start + count))


class Lengths(TypedDict):
    """How long texts become: one of the two, or neither where a command's own length is taken."""

    max_new_tokens: int | None
    max_length: int | None


def lengths(max_new_tokens: str | None, max_length: str | None) -> Lengths:
    """``max_new_tokens`` and ``max_length`` as typed, at most one of them.

    Raises
    ------
    InputError
        Both are given, or one is no length.
    """
    if max_new_tokens is not None and max_length is not None:
        raise InputError(
            f"give --max-new-tokens or --max-length, not both; got {quoted(max_new_tokens)} and {quoted(max_length)} "
            "(--max-length counts the prompt)"
        )
    return {
        "max_new_tokens": whole_number(max_new_tokens, "--max-new-tokens", least=1),
        "max_length": whole_number(max_length, "--max-length", least=1),
    }


def stop_words(stop: Sequence[str] | None) -> tuple[str, ...]:
    """The stop strings.

    Raises
    ------
    InputError
        One is empty.
    """
    if "" in (stop or ()):
        raise InputError("--stop must be a text that is not empty; got ''; leave it out")
    return tuple(stop or ())


def read_prompt(prompt: str | None) -> str:
    """The prompt as typed or from standard input, whose last line end belongs to the pipe and not to the text.

    That a line end was left out is said on standard error, since a prompt may end with one.

    Raises
    ------
    InputError
        There is none, it is empty, or standard input is not UTF-8.
    """
    if prompt is None:
        raise InputError('give a prompt, such as "Once upon a time"')
    if prompt == "-":
        from thermoscope.cli import console
        from thermoscope.files.reading import read_text

        piped = read_text("-", "the prompt on standard input")
        prompt = piped.removesuffix("\n").removesuffix("\r")
        if prompt and prompt != piped:
            console.say("the last line end of standard input is not part of the prompt; type one more for one that is")
    if not prompt:
        raise InputError("a prompt must have at least one token; got an empty one; write a word")
    _say_if_file(prompt)
    return prompt


def _say_if_file(prompt: str) -> None:
    """Say that a prompt which is the name of a file is taken as it is."""
    from thermoscope.cli import console

    try:
        there = len(prompt) < _LONGEST_NAME and Path(prompt).is_file()
    except (OSError, ValueError):
        return
    if there:
        console.say(f"{prompt!r} is the prompt itself; to give the text of the file of that name: - < {prompt}")
