"""Settings to try: a grid along temperature for each family, or what optuna proposes; equally many for each family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError
from thermoscope.recommending.axes import Axes, Range, family_of, line_of
from thermoscope.settings.grid import varied
from thermoscope.settings.params import SamplingParams

if TYPE_CHECKING:
    import optuna

#: Temperatures of a family in the first round, and the fewest of a line.
FIRST, FEWEST = 8, 3
#: Temperatures are tried at steps of this and of its double.
STEP = 0.1
#: The seed of optuna's proposals.
_SEED = 20_260_101


def first_candidates(axes: Axes) -> tuple[SamplingParams, ...]:
    """What the first round tries: of each family as many as of the others, unless temperatures are listed.

    Raises
    ------
    InputError
        A combination breaks a rule.
    """
    if axes.proposed:
        return proposals(axes, {}, FIRST)
    lines = axes.lines
    found = [
        line.replace(temperature=temperature)
        for line, number in zip(lines, _per_line(lines, axes), strict=True)
        for temperature in temperatures(axes, number, line)
    ]
    return tuple(dict.fromkeys(found))


def _per_line(lines: Sequence[SamplingParams], axes: Axes) -> list[int]:
    """How many temperatures each line has, so that families have equally many candidates."""
    families = [family_of(line, axes.base) for line in lines]
    each = max(max(FEWEST, math.ceil(FIRST / families.count(family))) * families.count(family) for family in families)
    sizes = []
    for i, family in enumerate(families):
        number, before = families.count(family), families[:i].count(family)
        sizes.append(each // number + (before < each % number))
    return sizes


def temperatures(axes: Axes, number: int, line: SamplingParams) -> tuple[float, ...]:
    """Temperatures of a line: those that were listed, or so many over the range, at round values.

    Lines with other parameters begin above 0, where all of them are greedy decoding.
    """
    if isinstance(axes.temperature, tuple):
        return tuple(float(value) for value in axes.temperature)
    low, high = axes.temperature.low, axes.temperature.high
    if low == 0 and line_of(line) != line_of(axes.base):
        low = min(STEP, high / 2)
    step = (high - low) / max(number - 1, 1)
    whole = math.floor(step / STEP + 1e-9) * STEP
    if whole and high - low - whole * (number - 1) < step:
        return tuple(round(low + i * whole, 6) for i in range(number))
    return tuple(dict.fromkeys(round(low + i * step, 2 if step >= STEP / 5 else 6) for i in range(number)))


def refined(
    axes: Axes, tried: Sequence[SamplingParams], ranges: Sequence[tuple[SamplingParams, float, float]]
) -> list[SamplingParams]:
    """New temperatures between those tried, inside each line's range and up to a step beyond it.

    Parameters
    ----------
    axes
        What varies.
    tried
        What was tried.
    ranges
        Of each line the setting that it has at temperature 1, and the range as far as it is known.
    """
    if isinstance(axes.temperature, tuple):
        return []
    found = []
    for line, low, high in ranges:
        there = sorted(setting.temperature for setting in tried if line_of(setting) == line)
        steps = range(math.floor(low / STEP), math.ceil(high / STEP) + 1)
        for temperature in (round(step * STEP, 6) for step in steps):
            inside = axes.temperature.low <= temperature <= axes.temperature.high
            if inside and all(abs(temperature - other) > STEP / 2 for other in there):
                found.append(line.replace(temperature=temperature))
    return found


def line_through(axes: Axes, setting: SamplingParams, tried: Sequence[SamplingParams]) -> list[SamplingParams]:
    """The temperatures on the line of a proposed setting that were not tried yet, so that its cliffs are seen."""
    there = {other.temperature for other in tried if line_of(other) == line_of(setting)}
    return [
        setting.replace(temperature=t)
        for t in temperatures(axes, FIRST, setting)
        if all(abs(t - other) > STEP / 2 for other in there)
    ]


def proposals(axes: Axes, seen: dict[SamplingParams, tuple[float, float]], number: int) -> tuple[SamplingParams, ...]:
    """So many new settings for each family, proposed by optuna's tree-structured Parzen estimator.

    Parameters
    ----------
    axes
        What varies.
    seen
        What was tried: its objective (larger is better) and by how much it breaks a bound (0 or less: by nothing).
    number
        How many for each family.

    Raises
    ------
    InputError
        A combination breaks a rule.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found: list[SamplingParams] = []
    for family, free in _families(axes).items():
        distributions = _distributions(axes, free)
        # what breaks a bound is worse than all that do not, the more the further
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=_SEED))
        worst = min((value for value, broken in seen.values() if broken <= 0 and math.isfinite(value)), default=0.0)
        for setting, (value, broken) in seen.items():
            if family_of(setting, axes.base) != family or not math.isfinite(value):
                continue
            point = {name: getattr(setting, name) for name in distributions}
            if any(point[name] is None for name in point if isinstance(distributions[name], _float())):
                continue
            score = value if broken <= 0 else worst - 1 - broken
            study.add_trial(optuna.trial.create_trial(params=point, distributions=distributions, value=score))
        taken = {*seen, *found}
        for _ in range(50 * number):
            if sum(1 for one in found if family_of(one, axes.base) == family) >= number:
                break
            trial = study.ask(distributions)
            point = {name: _round(value) for name, value in trial.params.items()}
            setting = axes.base.replace(**{name: point[name] for name in distributions})
            if setting not in taken:
                taken.add(setting)
                found.append(setting)
    if not found and not seen:
        raise InputError("nothing varies; vary temperature or another parameter")
    return tuple(found)


def _float() -> type[Any]:
    from optuna.distributions import FloatDistribution

    return FloatDistribution


def _round(value: Any) -> Any:
    """A value with two digits behind the point, as one would type it."""
    return round(value, 2) if isinstance(value, float) else value


def _families(axes: Axes) -> dict[str, tuple[str, ...]]:
    """The families that can be made, each with the parameters that are free in it beside temperature.

    A parameter that may be off (None among its values) makes families with and without it.
    """
    import itertools

    optional = [name for name, axis in axes.others.items() if isinstance(axis, tuple) and None in axis]
    always = [name for name in axes.others if name not in optional]
    found: dict[str, tuple[str, ...]] = {}
    for number in range(len(optional) + 1):
        for some in itertools.combinations(optional, number):
            free = tuple(name for name in axes.others if name in some or name in always)
            probe = axes.base.replace(**{name: _any_value(axes, name) for name in free})
            found.setdefault(family_of(probe, axes.base), free)
    return found


def _any_value(axes: Axes, name: str) -> Any:
    axis = axes.others[name]
    if isinstance(axis, Range):
        return (axis.low + axis.high) / 2
    return next(value for value in axis if value is not None)


def _distributions(axes: Axes, free: Sequence[str]) -> dict[str, optuna.distributions.BaseDistribution]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    found: dict[str, optuna.distributions.BaseDistribution] = {}
    for name, axis in (("temperature", axes.temperature), *((name, axes.others[name]) for name in free)):
        if isinstance(axis, Range):
            found[name] = FloatDistribution(axis.low, axis.high)
        else:
            values = [value for value in axis if value is not None]
            found[name] = CategoricalDistribution(values)
    return found


def check_all(axes: Axes) -> None:
    """Raise InputError unless every listed combination is a setting."""
    listed = {name: list(axis) for name, axis in axes.others.items() if isinstance(axis, tuple)}
    if listed and math.prod(map(len, listed.values())) <= 1000:
        varied(listed, axes.base)
