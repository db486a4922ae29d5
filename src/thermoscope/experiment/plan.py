"""What is to be compared, checked before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Iterable

from thermoscope.errors import InputError
from thermoscope.params import SamplingParams


def at_temperatures(temperatures: Iterable[float], params: SamplingParams | None = None) -> tuple[SamplingParams, ...]:
    """One setting per temperature, the other parameters as in ``params``.

    Raises
    ------
    InputError
        There is none, one is given twice, or a value breaks its rule.
    """
    if isinstance(temperatures, str) or not isinstance(temperatures, Iterable):
        raise InputError(f"temperatures must be a list of numbers; got {temperatures!r}; write [0.3, 0.9]")
    base = SamplingParams() if params is None else params
    if not isinstance(base, SamplingParams):
        raise InputError(f"params must be SamplingParams; got {params!r}; write SamplingParams(top_k=50)")
    settings: list[SamplingParams] = []
    for temperature in temperatures:
        setting = base.replace(temperature=temperature)
        if setting in settings:
            raise InputError(f"each temperature may be given once; got {setting.temperature:g} twice; leave one out")
        settings.append(setting)
    if not settings:
        raise InputError("temperatures must not be empty; give at least one, such as 0.7")
    return tuple(settings)
