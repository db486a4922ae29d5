"""Settings of one or two runs: the axis along which curves run, and what else tells settings apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from thermoscope.language.saying import phrase, together, worded
from thermoscope.report.records.schema import Setting
from thermoscope.report.records.source import Source
from thermoscope.settings.grid import combinations_of, label, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import INERT, STAGES
from thermoscope.settings.values import typed


def value_on_axis(setting: SamplingParams, axis: str) -> float | None:
    """The value of a parameter as a place on an axis; None where it is off and no value says so."""
    value = getattr(setting, axis)
    return INERT.get(axis) if value is None else float(value)


def axis_of(settings: Sequence[SamplingParams]) -> str | None:
    """The parameter with the most different numbers, the temperature before others; None if settings differ in none."""
    found: dict[str, int] = {}
    for name in varying(settings):
        values = [getattr(setting, name) for setting in settings]
        if all(value is None or isinstance(value, int | float) for value in values):
            found[name] = len({value_on_axis(setting, name) for setting in settings} - {None})
    return max(found, key=lambda name: (found[name], name == "temperature"), default=None)


def listed(sources: Sequence[Source], names: Sequence[str]) -> tuple[str | None, tuple[Setting, ...]]:
    """The axis, and the settings of all runs in their order; ``names`` are those of the runs."""
    given = [setting for source in sources for setting in source.settings]
    settings = [setting for setting in given if isinstance(setting, SamplingParams)]
    if len(settings) < len(given):
        return None, _by_name(sources, names)
    own = [[s for s in source.settings if isinstance(s, SamplingParams)] for source in sources]
    regular = all(combinations_of(one) is not None for one in own)
    axis, differing = axis_of(settings) if regular else None, varying(settings)
    rest = [name for name in differing if name != axis]
    many = len(sources) > 1
    made = []
    for run, one in enumerate(own):
        for setting in one:
            shown = label(setting, differing)
            series = [names[run]] if many else []
            series += [label(setting, rest)] if rest else []
            made.append(
                Setting(
                    run=run,
                    id=setting.id,
                    label=f"{shown} ({names[run]})" if many else shown,
                    x=None if axis is None else value_on_axis(setting, axis),
                    series=", ".join(series),
                    stages=stages_of(setting),
                )
            )
    return axis, tuple(made)


def _by_name(sources: Sequence[Source], names: Sequence[str]) -> tuple[Setting, ...]:
    """Settings of which one at least is a name: none has a place on an axis."""
    many = len(sources) > 1
    return tuple(
        Setting(
            run=run,
            id=str(setting),
            label=together([str(setting) or worded(NO_SETTING), *([f"({names[run]})"] if many else [])], " "),
            x=None,
            series=names[run] if many else "",
            stages=stages_of(setting) if isinstance(setting, SamplingParams) else (),
        )
        for run, source in enumerate(sources)
        for setting in source.settings
    )


#: What stands for the setting of texts whose file names none.
NO_SETTING = phrase("all texts")


def neighbours(settings: Sequence[Setting]) -> list[tuple[int, int]]:
    """Pairs of settings that stand beside each other on the axis, in one run and series, or in the order listed."""
    rows: dict[tuple[int, str], list[int]] = {}
    for number, setting in enumerate(settings):
        rows.setdefault((setting.run, setting.series), []).append(number)
    found = []
    for row in rows.values():
        if all(settings[n].x is not None for n in row):
            row.sort(key=lambda n: settings[n].x or 0.0)
        found += list(pairwise(row))
    return found


def stages_of(setting: SamplingParams) -> tuple[str, ...]:
    """The stages that are on, in their order, each with the parameters that it was given."""
    made = []
    for stage in setting.order:
        if stage == "temperature":
            made.append(" ".join([f"temperature={typed(setting.temperature)}", *_given(setting, stage)]))
        elif stage in setting.active_stages:
            made.append(" ".join(_given(setting, stage)))
    return tuple(made)


def _given(setting: SamplingParams, stage: str) -> list[str]:
    return [
        f"{name}={typed(value)}"
        for name, value in setting.given.items()
        if name in STAGES[stage].names and name != "temperature"
    ]
