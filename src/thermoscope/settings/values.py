"""Values of parameters: what pydantic accepts of them, and how they are typed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

#: No vocabulary is near it, and every engine and tensor can hold it.
MAX_COUNT = 2**63 - 1


def _number(value: object) -> object:
    """Reject what pydantic would quietly convert (True is not 1, "0.7" is not 0.7); admit numpy's numbers."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError("must be a number")
    try:
        real = float(value) + 0.0  # -0.0 becomes 0.0: one value, one identity
    except OverflowError:
        raise ValueError("must be a number below 1e308 in size") from None
    return int(value) if isinstance(value, Integral) else real


def _biases(value: object) -> object:
    """``{token: bias}`` as pairs in the order of token ids, which can be hashed; JSON's keys are texts."""
    if value is None:
        return None
    items = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(items, list | tuple):
        raise ValueError("must be a mapping from token id to bias")
    pairs: dict[int, float] = {}
    for item in items:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise ValueError("must be a mapping from token id to bias")
        token, bias = _token(item[0]), _number(item[1])
        if not math.isfinite(float(bias)):  # type: ignore[arg-type]
            raise ValueError("must have finite biases")
        if token in pairs:
            raise ValueError(f"must have each token once; token {token} appears twice")
        pairs[token] = float(bias)  # type: ignore[arg-type]
    return tuple(sorted(pairs.items())) or None


def _token(value: object) -> int:
    token = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value
    if isinstance(token, bool) or not isinstance(token, Integral) or not 0 <= int(token) <= MAX_COUNT:
        raise ValueError("must have token ids that are whole numbers of at least 0")
    return int(token)


def _tokens(value: object) -> object:
    """Token ids, each once, ascending; none at all is no list."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError("must be a list of token ids")
    return tuple(sorted({_token(token) for token in value})) or None


#: A number; integers and numpy's numbers are numbers.
Float = Annotated[float, BeforeValidator(_number)]
#: A whole number of at least 1.
Count = Annotated[int, BeforeValidator(_number), Field(ge=1, le=MAX_COUNT)]
#: A whole number of at least 0.
Amount = Annotated[int, BeforeValidator(_number), Field(ge=0, le=MAX_COUNT)]
#: How much a reasoning model is to think.
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
#: Biases by token id, as sorted pairs.
Biases = Annotated[tuple[tuple[int, float], ...] | None, BeforeValidator(_biases)]
#: Token ids, sorted.
Tokens = Annotated[tuple[int, ...] | None, BeforeValidator(_tokens)]


def typed(value: object) -> str:
    """A value as one would type it, without white space."""
    if isinstance(value, tuple):  # biases, or tokens
        return ",".join(f"{item[0]}:{typed(item[1])}" if isinstance(item, tuple) else typed(item) for item in value)
    return value if isinstance(value, str) else repr(value).removesuffix(".0")


def number_of(word: str) -> int | float | str:
    """The number that a word is, whole where it is whole, or the word itself."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
