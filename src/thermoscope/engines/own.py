"""Our own settings as JSON, TOML or YAML: what ``to_json`` writes, and what ``export --json`` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thermoscope.settings.params import SamplingParams

#: What it is called where engines are.
NAME = "thermoscope"
#: What a record says beside the parameters, and follows from them.
_DERIVED = frozenset({"stages", "id"})


def record_in(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parameters in a record of ours; None if the object is none, or may as well be an engine's."""
    inside = data.get("params")
    if str(data.get("format", "")).startswith("thermoscope.") and isinstance(inside, dict):
        data = inside
    elif not ({"order", *_DERIVED} & data.keys() and is_ours(data)):
        return None
    return {name: value for name, value in data.items() if name not in _DERIVED}


def is_ours(fields: Mapping[str, Any]) -> bool:
    """Whether all fields are parameters of ours."""
    return bool(fields) and fields.keys() <= SamplingParams.model_fields.keys() | _DERIVED
