"""Words that are typed for sampling parameters, as values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError
from thermoscope.words import quoted

if TYPE_CHECKING:
    from thermoscope.settings.params import SamplingParams


def setting_of(word: str) -> SamplingParams:
    """A setting as ``--setting`` takes it: ``name: temperature=0.7 top_p=0.9 order=vllm``, the name not needed.

    Raises
    ------
    InputError
        A part is no ``NAME=VALUE``, or is given twice.
    ParameterError
        A parameter is unknown, or a value breaks its rule.
    """
    from thermoscope.settings.params import SamplingParams
    from thermoscope.settings.stages import PARAMETERS

    name, colon, rest = word.partition(":")
    if not colon or "=" in name:
        name, rest = "", word
    values: dict[str, Any] = {}
    for part in rest.split():
        key, sign, value = part.partition("=")
        key = key.strip().replace("-", "_")
        if not sign or not key:
            raise InputError(f"--setting must be 'NAME: parameter=value ...'; got {quoted(part)}; write top_p=0.9")
        if key in values:
            raise InputError(f"--setting gives {key} twice; leave one out")
        known = key in PARAMETERS
        values[key] = order_of(value) if key == "order" else value_of(key, value) if known else value
    made = SamplingParams(**values)
    return made.named(name) if colon and name else made


def value_of(name: str, word: str) -> Any:
    """The value of a parameter as typed, for the parameter's own rule to judge; no word is an empty list.

    Raises
    ------
    InputError
        It is no list, where the parameter is one.
    """
    from thermoscope.settings.values import number_of

    parts = word.split(",") if word else []
    try:
        if name == "dry_breakers":
            return [_token_id(part) for part in parts]
        if name == "logit_bias":
            return [(_token_id(token), _bias(bias)) for token, bias in (part.split(":") for part in parts)]
    except ValueError:
        what, such_as = _LISTS[name]
        raise InputError(
            f"--{name.replace('_', '-')} must be {what}, joined by commas; got {quoted(word)}; write {such_as}"
        ) from None
    return number_of(word)


#: Parameters that are lists: of what, and an example.
_LISTS = {
    "dry_breakers": ("token ids", "198,13"),
    "logit_bias": ("token ids with finite biases", "198:-5,50256:2"),
}


def _token_id(word: str) -> int:
    if not word.strip().isdecimal():
        raise ValueError
    return int(word)


def _bias(word: str) -> float:
    bias = float(word)
    if not math.isfinite(bias):
        raise ValueError
    return bias


def values_of(name: str, words: str) -> list[Any]:
    """The values of a parameter to vary: numbers, lists, ranges and ``off``; orders by name, or as ``a>b>c``."""
    from thermoscope.settings.grid import check_varied
    from thermoscope.settings.stages import WORDS

    check_varied(name)
    from thermoscope.cli.values import numbers

    if name == "order":
        return [order_of(word.strip().replace(">", ",")) for word in words.split(",")] if words else []
    parts = [part.strip() for part in words.split(",")] if words else []
    if name in WORDS:
        return [None if part == "off" else part for part in parts]
    return [value for part in parts for value in ([None] if part == "off" else numbers([part], name))]


def order_of(word: str) -> object:
    """An order by name, or as a list of stages; InputError for a name that is not known."""
    from thermoscope.settings.orders import ORDERS
    from thermoscope.settings.stages import STAGES
    from thermoscope.words import nearest

    stages = [stage.strip() for stage in word.split(",")] if word else []
    if len(stages) != 1 or word in STAGES:
        return stages
    if word not in ORDERS:
        close = nearest(word, [*ORDERS, *STAGES])
        raise InputError(
            f"--order must be {', '.join(ORDERS)} or a list of {', '.join(STAGES)}; got {quoted(word)}{close}"
        )
    return word
