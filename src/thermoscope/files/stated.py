"""Settings of texts from elsewhere: sampling parameters where the columns are such, else names as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thermoscope.errors import ThermoscopeError
from thermoscope.files.texts import Found
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import PARAMETERS


def stated_settings(found: Found) -> list[SamplingParams] | list[str]:
    """The setting of each text.

    Sampling parameters if every part of every setting is one, a temperature among them, and has a value that its rule
    admits; else the names that the files have. One setting in several spellings (0.7, 0.70) is one.
    """
    names = found.setting_names
    if "temperature" not in names or any(name not in PARAMETERS or PARAMETERS[name].is_list for name in names):
        return found.settings
    made: dict[tuple[str, ...], SamplingParams] = {}
    for parts in dict.fromkeys(found.setting_parts):
        params = _stated(names, parts)
        if params is None:
            return found.settings
        made[parts] = next((other for other in made.values() if other == params), params)
    return [made[parts] for parts in found.setting_parts]


def _stated(names: Sequence[str], parts: Sequence[str]) -> SamplingParams | None:
    """The setting with these values; None if one is no number or breaks its rule, or without a temperature."""
    values: dict[str, Any] = {}
    for name, word in zip(names, parts, strict=True):
        if word:
            try:
                number = float(word)
            except ValueError:
                return None
            values[name] = int(number) if number.is_integer() else number
    try:
        return SamplingParams(**values) if "temperature" in values else None
    except ThermoscopeError:
        return None
