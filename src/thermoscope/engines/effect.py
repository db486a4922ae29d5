"""What an engine runs of a setting, and how far that is from what was asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from thermoscope.settings.params import SamplingParams


@dataclass(frozen=True, slots=True)
class EngineSetting:
    """What an engine really runs, in our terms: a setting, and whose tokens its penalties count."""

    params: SamplingParams
    repetition_counts_prompt: bool = True
    penalties_count_prompt: bool = False


@dataclass(frozen=True, slots=True)
class Distance:
    """Total variation distance, 0 to 1: the share of draws that come out otherwise, at best.

    ``median`` and ``worst`` over ``distributions`` next-token distributions.
    """

    median: float
    worst: float
    distributions: int

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        return asdict(self)
