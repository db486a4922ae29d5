"""What is to be compared, checked before anything heavy is loaded."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from thermoscope.errors import InputError
from thermoscope.settings.orders import order_name
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import LISTS
from thermoscope.settings.values import typed
from thermoscope.words import nearest, quoted


def check_varied(name: str) -> None:
    """Raise InputError unless a parameter of this name can be varied."""
    if name not in SamplingParams.model_fields or name in LISTS:
        known = [field for field in SamplingParams.model_fields if field not in LISTS]
        close = nearest(name, known) if isinstance(name, str) else ""
        raise InputError(f"can't vary {quoted(name)}{close}; what can be varied is {', '.join(known)}")


def varied(vary: Mapping[str, Sequence[Any]], params: SamplingParams | None = None) -> tuple[SamplingParams, ...]:
    """One setting per combination of values, the parameter named last varying fastest.

    Parameters
    ----------
    vary
        Values of each parameter; of ``order`` names of orders.
    params
        The other parameters.

    Raises
    ------
    InputError
        A parameter is not known or has no values, one is given twice, or a value breaks its rule.
    """
    base = SamplingParams() if params is None else params
    if not isinstance(base, SamplingParams):
        raise InputError(f"params must be SamplingParams; got {quoted(params)}; write SamplingParams(top_k=50)")
    if not isinstance(vary, Mapping):
        raise InputError(f"vary must be values by parameter; got {quoted(vary)}; write {{'top_p': [0.8, 0.9]}}")
    for name, values in vary.items():
        check_varied(name)
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise InputError(f"values of {name} must be a list; got {quoted(values)}; write a list, such as [0.8, 0.9]")
        if not values:
            what = "temperatures" if name == "temperature" else f"values of {name}"
            raise InputError(f"{what} must not be empty; give at least one")
    if not vary:
        raise InputError("nothing is varied; give temperatures, or values of another parameter")
    settings: list[SamplingParams] = []
    for values in itertools.product(*vary.values()):
        setting = base.replace(**dict(zip(vary, values, strict=True)))
        if setting in settings:
            if list(vary) == ["temperature"]:
                same = f"{setting.temperature:g}"
                raise InputError(f"each temperature may be given once; got {same} twice; leave one out")
            same = " (these orders do the same here)" if "order" in vary else ""
            raise InputError(f"each setting may be given once; got {setting} twice{same}; leave one out")
        settings.append(setting)
    return tuple(settings)


def varying(settings: Sequence[SamplingParams]) -> tuple[str, ...]:
    """The parameters in which settings differ; temperature where they don't."""
    on = {stage for setting in settings for stage in setting.active_stages}

    def value(setting: SamplingParams, name: str) -> Any:
        # the place of stages that are off everywhere is no difference
        return tuple(s for s in setting.order if s in on) if name == "order" else getattr(setting, name)

    names = [n for n in SamplingParams.model_fields if len({value(setting, n) for setting in settings}) > 1]
    return tuple(names) or ("temperature",)


def combinations_of(settings: Sequence[SamplingParams]) -> dict[str, list[Any]] | None:
    """The values of which settings are every combination, in ``varied``'s order; None if they are something else."""
    names = varying(settings)

    def first_change(name: str) -> int:
        changed = (i for i, setting in enumerate(settings) if getattr(setting, name) != getattr(settings[0], name))
        return next(changed, 0)

    slowest_first = sorted(names, key=first_change, reverse=True)
    values = {name: list(dict.fromkeys(getattr(s, name) for s in settings)) for name in slowest_first}
    if math.prod(map(len, values.values())) != len(settings) or varied(values, settings[0]) != tuple(settings):
        return None
    return values


def label(setting: SamplingParams, names: Sequence[str] = ("temperature",)) -> str:
    """What a setting is called where only these parameters differ: ``T=0.7``, ``T=0.7 top_p=0.9``."""
    return " ".join(_named(setting, name) for name in sorted(names, key=lambda name: name != "temperature"))


def _named(setting: SamplingParams, name: str) -> str:
    value = getattr(setting, name)
    if name == "temperature":
        return f"T={value:.10g}"
    if name == "order":
        return f"order={order_name(value) or ','.join(value)}"
    return f"{name} off" if value is None else f"{name}={typed(value)}"


def neighbours(settings: Sequence[SamplingParams]) -> list[int | None]:
    """For each setting the last one before it that differs in one parameter alone; None if there is none."""
    names = varying(settings)

    def apart(a: SamplingParams, b: SamplingParams) -> int:
        return sum(getattr(a, name) != getattr(b, name) for name in names)

    return [
        next((j for j in range(i - 1, -1, -1) if apart(settings[i], settings[j]) == 1), None)
        for i in range(len(settings))
    ]
