"""What ran, in words: named facts that the terminal and the pages show alike."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.ran.provenance import WhatRan
from thermoscope.settings.grid import combinations_of, label, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import INERT
from thermoscope.settings.values import typed

#: More settings are told by their values, without their ids.
_MOST_LISTED = 6


def facts(ran: WhatRan) -> list[tuple[str, str]]:
    """What ran as names and values, in the order in which they are shown; what does not apply is left out.

    What users and models wrote (stop strings, names) is in it as it is: who shows it escapes it.
    """
    return [
        *_settings(ran),
        *((("seeds", _seeds(ran)),) if ran.seeds else ()),
        *((("limit", _limit(ran.max_new_tokens, ran.stop)),) if ran.max_new_tokens is not None else ()),
        *ran.details.items(),
        *((("model", _model(ran)),) if ran.model is not None else ()),
        *((("model's own", f"{ran.model_settings} (not used unless asked for)"),) if ran.model_settings else ()),
        *((("versions", ", ".join(f"{name} {v}" for name, v in ran.versions.items())),) if ran.versions else ()),
        *(("note", note) for note in ran.notes),
    ]


def _settings(ran: WhatRan) -> list[tuple[str, str]]:
    """The settings, what is the same for all of them, and the order of their stages."""
    if not ran.settings:
        return []
    names, many = varying(ran.settings), len(ran.settings) > 1
    if ran.temperatures is not None:
        low, high = ran.temperatures
        listed = f"every T from {low:g} to {high:g}"
    elif len(ran.settings) > _MOST_LISTED and combinations_of(ran.settings) is None:
        listed = f"{len(ran.settings)}: " + ", ".join(label(setting, names) for setting in ran.settings)
    elif len(ran.settings) > _MOST_LISTED:
        listed = f"{len(ran.settings)}: " + " x ".join(_values(ran.settings, name) for name in names)
    else:
        listed = ", ".join(f"{_called(setting, names)} ({setting.id})" for setting in ran.settings)
    rows = [("settings" if many else "setting", listed)]
    rows.append(("same for all" if many else "with", _fixed(ran.settings[0], names)))
    return rows if "order" in names else [*rows, ("order", _order(ran.settings))]


def _called(setting: SamplingParams, names: Sequence[str]) -> str:
    """A setting by its name with what it is, or by what differs."""
    return label(setting, names) if setting.name is None else f"{setting.name}: {setting}"


def _values(settings: Sequence[SamplingParams], name: str) -> str:
    """The values that a parameter has in some settings."""
    return ", ".join(dict.fromkeys(label(setting.replace(), (name,)) for setting in settings))


def _fixed(setting: SamplingParams, names: Sequence[str]) -> str:
    """The parameters that are the same for all settings."""
    shown = [
        f"{name}={typed(value)}" + (" (keeps every token)" if INERT.get(name) == value else "")
        for name, value in setting.given.items()
        if name not in names
    ]
    if "temperature" not in names and setting.temperature == 1:
        shown.insert(0, "temperature=1")
    rest = "all other parameters off" if shown or len(names) > 1 else "all parameters off"
    return ", ".join([*shown, rest])


def _order(settings: Sequence[SamplingParams]) -> str:
    """The stages that are on in any of the settings, in their order."""
    on = {stage for setting in settings for stage in setting.active_stages} | {"temperature"}
    return " > ".join(stage for stage in settings[0].order if stage in on)


def _seeds(ran: WhatRan) -> str:
    seeds = ran.seeds
    consecutive = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    listed = f"{seeds[0]} to {seeds[-1]}" if consecutive else ", ".join(map(str, seeds))
    several = len(ran.settings) > 1 or ran.temperatures is not None
    if not several:
        return listed
    return listed + ("; the same noise for every setting" if ran.shared_noise else "; independent for every setting")


def _limit(max_new_tokens: int, stop: Sequence[str]) -> str:
    return f"{max_new_tokens} new tokens" + "".join(f", stop at {text!r}" for text in stop)


def _model(ran: WhatRan) -> str:
    if ran.dtype is None:
        return f"{ran.model}, behind an endpoint"
    return f"{ran.model}, revision {ran.revision or 'unknown'}, {ran.dtype} on {ran.device}"
