"""Values as one types them: lists and ranges of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import overload

from thermoscope.errors import InputError

#: The most values that one range may give: more is a slip of the finger.
_MOST = 1000
#: The largest seed, and the most seeds of one comparison.
MOST_SEED, MOST_SEEDS = 2**64 - 1, 100_000


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
            f"{name} must be a number, or a range from:to:step; got {part!r}; write 0.7 or 0.1:1.5:0.2"
        ) from None
    if len(values) == 1:
        return plain
    if len(values) != 3:
        raise InputError(f"{name} range must be from:to:step; got {part!r}; write 0.1:1.5:0.2")
    low, high, step = values
    if not (low.is_finite() and high.is_finite() and step.is_finite()) or step <= 0 or high < low:
        raise InputError(
            f"{name} range must go up, from low to high by a step above 0; got {part!r}; write 0.1:1.5:0.2"
        )
    if high - low >= _MOST * step:
        raise InputError(f"{name} range must give at most {_MOST} values; got {part!r}; use a larger step")
    return [float(low + i * step) + 0.0 for i in range(int((high - low) / step) + 1)]


def number(word: str) -> int | float | str:
    """The one number that was typed (0 stays 0), or the word itself, for the parameter's own rule to refuse."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


@overload
def whole(word: str, name: str, *, least: int = 0, most: int | None = None) -> int: ...
@overload
def whole(word: str | None, name: str, *, least: int = 0, most: int | None = None) -> int | None: ...
def whole(word: str | None, name: str, *, least: int = 0, most: int | None = None) -> int | None:
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
    except ValueError:
        value = least - 1
    if value < least or (most is not None and value > most):
        raise InputError(f"{name} must be {rule}; got {word!r}; write {least}, {least + 1}, {least + 2}, ...")
    return value


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
