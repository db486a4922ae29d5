"""What is to be compared, checked before anything heavy is loaded."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from thermoscope.errors import InputError
from thermoscope.settings.commuting import same_order
from thermoscope.settings.orders import order_name
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import LISTS
from thermoscope.settings.values import typed
from thermoscope.words import nearest, quoted

#: Settings as a user may give them: one, several, several by name, or values to vary by parameter.
SettingsGiven = SamplingParams | Iterable[SamplingParams] | Mapping[str, SamplingParams] | Mapping[str, Sequence[Any]]


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
    """The parameters in which settings differ; temperature where they don't.

    Orders differ only where stages that are on give something else in the other order.
    """

    def differ(name: str) -> bool:
        if name == "order":
            return not all(same_order(settings[0], setting) for setting in settings[1:])
        return len({getattr(setting, name) for setting in settings}) > 1

    return tuple(name for name in SamplingParams.model_fields if differ(name)) or ("temperature",)


def combinations_of(settings: Sequence[SamplingParams]) -> dict[str, list[Any]] | None:
    """The values of which settings are every combination, in ``varied``'s order; None if they are something else."""
    names = varying(settings)

    def first_change(name: str) -> int:
        changed = (i for i, setting in enumerate(settings) if getattr(setting, name) != getattr(settings[0], name))
        return next(changed, 0)

    slowest_first = sorted(names, key=first_change, reverse=True)
    values = {name: list(dict.fromkeys(getattr(s, name) for s in settings)) for name in slowest_first}
    rows = [tuple(getattr(setting, name) for name in slowest_first) for setting in settings]
    return values if list(itertools.product(*values.values())) == rows else None


def label(setting: SamplingParams, names: Sequence[str] = ("temperature",)) -> str:
    """What a setting is called where only these parameters differ: its name, or ``T=0.7``, ``T=0.7 top_p=0.9``."""
    if setting.name is not None:
        return setting.name
    return " ".join(_named(setting, name) for name in sorted(names, key=lambda name: name != "temperature"))


def _named(setting: SamplingParams, name: str) -> str:
    value = getattr(setting, name)
    if name == "temperature":
        return f"T={value:.10g}"
    if name == "order":
        return f"order={order_name(value) or ','.join(value)}"
    return f"{name} off" if value is None else f"{name}={typed(value)}"


def neighbours(settings: Sequence[SamplingParams]) -> list[int | None]:
    """For each setting the last one before it that differs in one parameter alone; None if there is none.

    Settings that are not every combination of some values are each held against the one before.
    """
    if combinations_of(settings) is None:
        return [i - 1 if i else None for i in range(len(settings))]
    names = varying(settings)

    def apart(a: SamplingParams, b: SamplingParams) -> int:
        return sum(getattr(a, name) != getattr(b, name) for name in names)

    return [
        next((j for j in range(i - 1, -1, -1) if apart(settings[i], settings[j]) == 1), None)
        for i in range(len(settings))
    ]


def settings_given(given: SettingsGiven) -> tuple[SamplingParams, ...]:
    """Settings as they may be given: one, several, several by name, or values to vary, of which every combination.

    Raises
    ------
    InputError
        One is no setting, one is given twice, two have the same name, or a value breaks its rule.
    """
    if isinstance(given, SamplingParams):
        return (given,)
    if isinstance(given, Mapping):
        if not any(isinstance(value, SamplingParams) for value in given.values()):
            return varied(cast("Mapping[str, Sequence[Any]]", given))
        made = tuple(_with_name(name, setting) for name, setting in given.items())
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
        made = tuple(given)
    else:
        raise InputError(f"settings must be SamplingParams; got {quoted(given)}; write SamplingParams(temperature=0.7)")
    if not made:
        raise InputError("settings must not be empty; give at least one")
    for i, setting in enumerate(made):
        if not isinstance(setting, SamplingParams):
            raise InputError(
                f"params must be SamplingParams; got {quoted(setting)}; write SamplingParams(temperature=0.7)"
            )
        if setting in made[:i]:
            raise InputError(f"settings must differ; got {setting} more than once; leave the repeats out")
        if setting.name is not None and setting.name in [other.name for other in made[:i]]:
            raise InputError(f"names of settings must differ; got {setting.name!r} twice; change one")
    return made


def _with_name(name: str, setting: Any) -> SamplingParams:
    if not isinstance(setting, SamplingParams):
        raise InputError(f"{quoted(name)} must be SamplingParams, as the others are; got {quoted(setting)}")
    return setting.named(name)
