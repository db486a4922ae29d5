"""What ran, in words: named facts that the terminal and the pages show alike."""

from __future__ import annotations

from collections.abc import Sequence

from thermoscope.language.saying import again, say, together, worded
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
        *(((say("seeds"), _seeds(ran)),) if ran.seeds else ()),
        *(((say("limit"), _limit(ran.max_new_tokens, ran.stop)),) if ran.max_new_tokens is not None else ()),
        *((worded(name), again(value)) for name, value in ran.details.items()),
        *(((say("model"), _model(ran)),) if ran.model is not None else ()),
        *_own_settings(ran.model_settings),
        *(((say("versions"), ", ".join(f"{name} {v}" for name, v in ran.versions.items())),) if ran.versions else ()),
        *((say("note"), again(note)) for note in ran.notes),
    ]


def _own_settings(settings: str | None) -> list[tuple[str, str]]:
    """The settings that a model comes with."""
    said = say("{settings} (not used unless asked for)", settings=settings)
    return [(say("model's own"), said)] if settings else []


def _settings(ran: WhatRan) -> list[tuple[str, str]]:
    """The settings, what is the same for all of them, and the order of their stages."""
    if not ran.settings:
        return []
    names, many = varying(ran.settings), len(ran.settings) > 1
    if ran.temperatures is not None:
        low, high = ran.temperatures
        listed: str = say("every T from {low} to {high}", low=f"{low:g}", high=f"{high:g}")
    elif len(ran.settings) > _MOST_LISTED and combinations_of(ran.settings) is None:
        listed = f"{len(ran.settings)}: " + ", ".join(label(setting, names) for setting in ran.settings)
    elif len(ran.settings) > _MOST_LISTED:
        listed = f"{len(ran.settings)}: " + " x ".join(_values(ran.settings, name) for name in names)
    else:
        listed = ", ".join(f"{_called(setting, names)} ({setting.id})" for setting in ran.settings)
    rows: list[tuple[str, str]] = [(say("settings") if many else say("setting"), listed)]
    rows.append((say("same for all") if many else say("with"), _fixed(ran.settings[0], names)))
    return rows if "order" in names else [*rows, (say("order"), _order(ran.settings))]


def _called(setting: SamplingParams, names: Sequence[str]) -> str:
    """A setting by its name with what it is, or by what differs."""
    return label(setting, names) if setting.name is None else f"{setting.name}: {setting}"


def _values(settings: Sequence[SamplingParams], name: str) -> str:
    """The values that a parameter has in some settings."""
    return ", ".join(dict.fromkeys(label(setting.replace(), (name,)) for setting in settings))


def _fixed(setting: SamplingParams, names: Sequence[str]) -> str:
    """The parameters that are the same for all settings."""
    given = {name: f"{name}={typed(value)}" for name, value in setting.given.items() if name not in names}
    shown: list[str] = [
        say("{value} (keeps every token)", value=value) if INERT.get(name) == setting.given[name] else value
        for name, value in given.items()
    ]
    if "temperature" not in names and setting.temperature == 1:
        shown.insert(0, "temperature=1")
    rest = say("all other parameters off") if shown or len(names) > 1 else say("all parameters off")
    return together([*shown, rest], ", ")


def _order(settings: Sequence[SamplingParams]) -> str:
    """The stages that are on in any of the settings, in their order."""
    on = {stage for setting in settings for stage in setting.active_stages} | {"temperature"}
    return " > ".join(stage for stage in settings[0].order if stage in on)


def _seeds(ran: WhatRan) -> str:
    seeds = ran.seeds
    consecutive = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    listed: str = ", ".join(map(str, seeds))
    if consecutive:
        listed = say("{low} to {high}", low=seeds[0], high=seeds[-1])
    several = len(ran.settings) > 1 or ran.temperatures is not None
    if not several:
        return listed
    if ran.shared_noise:
        return say("{seeds}; the same noise for every setting", seeds=listed)
    return say("{seeds}; independent for every setting", seeds=listed)


def _limit(max_new_tokens: int, stop: Sequence[str]) -> str:
    stops = together([say(", stop at {text}", text=repr(text)) for text in stop], "")
    return say("{n} new tokens{stops}", n=max_new_tokens, stops=stops)


def _model(ran: WhatRan) -> str:
    if ran.dtype is None:
        return say("{model}, behind an endpoint", model=ran.model)
    return say("{model}, revision {revision}, {dtype} on {device}", model=ran.model,
               revision=ran.revision or say("unknown"), dtype=ran.dtype, device=ran.device)  # fmt: skip
