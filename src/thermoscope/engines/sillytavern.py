"""SillyTavern's presets for text completion, which go to text-generation-webui under other names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Their field -> text-generation-webui's, where the names differ.
_NAMES = {
    "temp": "temperature", "rep_pen": "repetition_penalty", "rep_pen_range": "repetition_penalty_range",
    "freq_pen": "frequency_penalty", "presence_pen": "presence_penalty", "dynatemp": "dynamic_temperature",
    "min_temp": "dynatemp_low", "max_temp": "dynatemp_high", "nsigma": "top_n_sigma",
    "encoder_rep_pen": "encoder_repetition_penalty", "sampler_priority": "sampler_priority",
}  # fmt: skip
#: For other programs than text-generation-webui, or about the length alone.
_OTHERS = frozenset({"sampler_order", "samplers", "samplers_priorities", "genamt", "max_length", "rep_pen_slope"})


def looks_so(fields: Mapping[str, Any]) -> bool:
    """Whether an object is such a preset."""
    return {"temp", "rep_pen"} <= fields.keys()


def fields(preset: Mapping[str, Any]) -> dict[str, Any]:
    """The preset under text-generation-webui's names."""
    made = {_NAMES.get(name, name): value for name, value in preset.items() if name not in _OTHERS}
    if not made.get("dynamic_temperature"):  # its bounds do nothing then
        made = {name: value for name, value in made.items() if name not in ("dynatemp_low", "dynatemp_high")}
    return made
