"""What may vary: temperature along a range, and other parameters as families with equal numbers of candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from thermoscope.errors import InputError
from thermoscope.settings.grid import check_varied, label
from thermoscope.settings.params import SamplingParams
from thermoscope.words import quoted

#: Temperatures that are searched unless others are asked for.
USUAL = "0:1.5"
#: The family of settings with nothing but a temperature.
ALONE = "temperature alone"
#: Lines of temperature that are laid out as a grid; with more combinations, candidates are proposed.
MOST_LINES = 6


@dataclass(frozen=True, slots=True)
class Range:
    """All values between two, both included."""

    low: float
    high: float


#: What an axis may take: listed values, or a range.
Axis = tuple[Any, ...] | Range


@dataclass(frozen=True, slots=True)
class Axes:
    """What varies.

    Attributes
    ----------
    temperature
        A range that is searched, or temperatures one by one.
    others
        Further parameters and their values.
    base
        All that stays as it is.
    """

    temperature: Axis
    others: Mapping[str, Axis]
    base: SamplingParams

    @property
    def proposed(self) -> bool:
        """Whether candidates are proposed, as a grid of all combinations would be too large or is not countable."""
        if any(isinstance(axis, Range) for axis in self.others.values()):
            return True
        return len(list(product(*self.others.values()))) > MOST_LINES  # type: ignore[arg-type]

    @property
    def lines(self) -> tuple[SamplingParams, ...]:
        """The combinations of the other parameters, each at the temperature of ``base``; only where it is a grid."""
        values = [axis for axis in self.others.values() if isinstance(axis, tuple)]
        made = [self.base.replace(**dict(zip(self.others, each, strict=True))) for each in product(*values)]
        return tuple(dict.fromkeys(made))


def axes_of(vary: Mapping[str, Any] | None, base: SamplingParams | None = None) -> Axes:
    """What varies, checked.

    Parameters
    ----------
    vary
        By parameter: a list of values, or ``"LOW:HIGH"`` for all between two. Temperature is ``"0:1.5"`` unless given.
    base
        What stays as it is.

    Raises
    ------
    InputError
        A parameter can't be varied, or its values break a rule.
    """
    start = SamplingParams() if base is None else base
    if vary is not None and not isinstance(vary, Mapping):
        raise InputError(f"vary must be values by parameter; got {quoted(vary)}; write {{'min_p': [0.05, 0.1]}}")
    given = dict(vary or {})
    temperature = _axis("temperature", given.pop("temperature", USUAL), start)
    others = {name: _axis(name, values, start) for name, values in given.items()}
    return Axes(temperature, {name: axis for name, axis in others.items() if axis != (getattr(start, name),)}, start)


def _axis(name: str, values: Any, base: SamplingParams) -> Axis:
    check_varied(name)
    if isinstance(values, str):
        low, sign, high = values.partition(":")
        try:
            ends = Range(float(low), float(high))
        except ValueError:
            ends = Range(0.0, -1.0)
        if not sign or not ends.low < ends.high < float("inf"):
            raise InputError(f"a range of {name} must be LOW:HIGH; got {quoted(values)}; write 0:1.5, or list values")
        for end in (ends.low, ends.high):
            base.replace(**{name: end})
        if name in ("order", "top_k", "no_repeat_ngram_size", "dry_allowed_length"):
            raise InputError(f"{name} is searched by its values, not as a range; list them, such as {name}=20,50")
        return ends
    if isinstance(values, bytes) or not isinstance(values, Sequence) or not values:
        raise InputError(f"values of {name} must be a list with at least one; got {quoted(values)}; write [0.05, 0.1]")
    listed = tuple(getattr(base.replace(**{name: _off(name, value)}), name) for value in values)
    if len(set(map(repr, listed))) < len(listed):
        raise InputError(f"each value of {name} may be given once; got {quoted(values)}; leave the repeats out")
    return tuple(sorted(listed)) if name == "temperature" else listed


def _off(name: str, value: Any) -> Any:
    """A value that removes nothing (``min_p=0``, ``top_p=1``) as what it is: the parameter is off."""
    return None if (name, value) in (("min_p", 0), ("top_p", 1), ("top_k", 0)) else value


def family_of(setting: SamplingParams, base: SamplingParams) -> str:
    """The family of a setting: the parameters that it has beside temperature and what all have: ``min_p``."""
    names = [name for name in setting.given if name != "temperature" and name not in base.given]
    return " and ".join(names) or ALONE


@lru_cache(maxsize=4096)  # asked of every setting for every other one
def line_of(setting: SamplingParams) -> SamplingParams:
    """What settings have in common that differ in temperature alone: the setting at temperature 1."""
    return setting.replace(temperature=1.0)


def line_name(setting: SamplingParams, base: SamplingParams) -> str:
    """What the line of a setting is called where several are shown: ``min_p=0.05``; "" where nothing differs."""
    names = [name for name in setting.given if name != "temperature" and getattr(base, name) != getattr(setting, name)]
    return label(setting, names) if names else ""
