"""What ``inspect`` and ``inspect_temperatures`` find, as records."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from thermoscope.settings.params import SamplingParams

if TYPE_CHECKING:
    from thermoscope.ran.provenance import WhatRan


@dataclass(frozen=True, slots=True)
class StageView:
    """One column: the distribution after a stage ("model": before all of them).

    ``does`` is what is set there (``top_p=0.9``); ``removed_mass`` the share of the one before that it removed.
    """

    stage: str
    does: str
    survivors: int
    entropy_nats: float
    removed_mass: float


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token: its rank in the model's own distribution (ties share the better), its probability in each column."""

    token_id: int
    text: str
    rank: int
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What ``inspect`` found.

    Attributes
    ----------
    prompt, params, seed
        As asked.
    step
        How many tokens were generated before this distribution.
    text
        Those tokens.
    stages
        The model, then each active stage in the order in which they run.
    tokens
        The most probable tokens before and after, the drawn one among them; by the model's rank.
    drawn
        The token that this seed draws here.
    xtc_acts
        Whether XTC's coin said yes at this step; None if XTC is off.
    ran
        What ran, and the command that reproduces it.
    """

    prompt: str
    params: SamplingParams
    seed: int
    step: int
    text: str
    stages: tuple[StageView, ...]
    tokens: tuple[TokenView, ...]
    drawn: int
    xtc_acts: bool | None
    ran: WhatRan

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record = {name: getattr(self, name) for name in self.__slots__}
        record["params"] = self.params.to_record()
        record["stages"] = [asdict(stage) for stage in self.stages]
        record["tokens"] = [asdict(token) for token in self.tokens]
        record["ran"] = self.ran.to_dict()
        return {"format": "thermoscope.inspection/1", **record}

    def to_json(self, *, indent: int | None = 2) -> str:
        """``to_dict`` as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent, allow_nan=False)


@dataclass(frozen=True, slots=True)
class TemperatureView:
    """One column: the distribution at a temperature, after all stages, and the token that the seed draws from it."""

    temperature: float
    survivors: int
    entropy_nats: float
    drawn: int


@dataclass(frozen=True, slots=True)
class TemperatureInspection:
    """What ``inspect_temperatures`` found.

    Attributes
    ----------
    prompt, seed
        As asked.
    step
        How many tokens were generated, at the first temperature, before this distribution.
    text
        Those tokens.
    temperatures
        The distribution at each temperature.
    params
        The setting at the first temperature; the others differ in the temperature alone.
    tokens
        The most probable tokens, those drawn among them, by the model's rank; one probability per temperature.
    ran
        What ran, and the command that reproduces it.
    """

    prompt: str
    seed: int
    step: int
    text: str
    temperatures: tuple[TemperatureView, ...]
    params: SamplingParams
    tokens: tuple[TokenView, ...]
    ran: WhatRan

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record = {name: getattr(self, name) for name in self.__slots__}
        record["params"] = self.params.to_record()
        record["temperatures"] = [asdict(each) for each in self.temperatures]
        record["tokens"] = [asdict(token) for token in self.tokens]
        record["ran"] = self.ran.to_dict()
        return {"format": "thermoscope.temperatures/1", **record}

    def to_json(self, *, indent: int | None = 2) -> str:
        """``to_dict`` as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent, allow_nan=False)
