"""The settings that a model brings along: its generation_config.json."""

from __future__ import annotations

import json
from typing import Any

from thermoscope.engines.reading import Imported, read
from thermoscope.engines.transformers import TRANSFORMERS
from thermoscope.errors import InputError
from thermoscope.models.base import Model


def model_settings(model: Model) -> Imported | None:
    """What a model's generation config says about sampling; None if it says nothing.

    It is read as ``export --from generation_config.json`` reads it: greedy without ``do_sample``. Only what
    transformers' ``generate`` adds by itself (top_k=50) is not the model's and is left out.
    """
    fields = fields_of(model)
    about = {*TRANSFORMERS.names.values(), *TRANSFORMERS.neutral, *TRANSFORMERS.masks, *TRANSFORMERS.bans}
    if not about & fields.keys():
        return None
    try:
        return read(json.dumps(fields, default=str), "transformers", add_defaults=False)
    except InputError:  # out of our ranges: a model's mistake is no reason not to run it
        return None


def fields_of(model: Model) -> dict[str, Any]:
    """What a model's generation config says, by its own names; nothing if it has none."""
    config: Any = getattr(getattr(model, "network", None), "generation_config", None)
    if config is None:
        return {}
    return {name: value for name, value in config.to_diff_dict().items() if value is not None}


def own_settings(model: Model) -> str | None:
    """The same in a line of words."""
    own = model_settings(model)
    return None if own is None else str(own.params)
