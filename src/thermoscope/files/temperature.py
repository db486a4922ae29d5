"""The temperature that the name of a setting says."""

from __future__ import annotations

import math
import re

#: A temperature in a setting's name, and what a column is called that holds nothing else.
_TEMPERATURE = re.compile(r"(?<![a-z_])(?:t|temp|temperature) ?[=:] ?([0-9.]+(?:e-?[0-9]+)?)", re.IGNORECASE)
_TEMPERATURE_COLUMNS = ("temperature", "temp", "t")


def stated_temperature(setting: str, column: str) -> float | None:
    """The temperature that a setting says: ``T=0.7 top_p=0.9``, or 0.7 in a column called temperature.

    None where it says none, or one that changes from step to step (``dynatemp_range``).
    """
    if "dynatemp" in setting:
        return None
    said = _TEMPERATURE.search(setting)
    number = said[1] if said else setting if column.lower().split(".")[-1] in _TEMPERATURE_COLUMNS else ""
    try:
        value = float(number)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
