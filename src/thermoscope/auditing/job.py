"""An audit under way: what its experiments share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from thermoscope.auditing.arms import Arm, Place, sample
from thermoscope.auditing.audit import AuditRow
from thermoscope.auditing.draws import Draws
from thermoscope.auditing.probes import Probe, Prober, ProbeRoute
from thermoscope.auditing.prompts import BEGINNINGS, QUESTIONS
from thermoscope.auditing.reading import Reading, read
from thermoscope.models.base import Model
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.endpoint import Endpoint

OnProgress = Callable[[str, int, int], None]

#: Audits of an honest server in which something is wrongly called.
ERROR_RATE = 0.01
#: Tests of a whole audit that share it: 5 temperatures, 10 truncations, 3 sent truncations and the temperature beside
#: them, 5 of penalties, 12 of other routes, caches, the model itself.
TESTS = 40
#: Prompts that are kept.
KEEP = 20
#: Shares of the budget: T=1, each other temperature, T=1 alone, an empty body, each sent truncation, the order of
#: stages, and each experiment of another route.
SHARES = {
    "reference": 0.16, "temperature": 0.05, "alone": 0.09, "empty": 0.09, "truncation": 0.05, "order": 0.04,
    "route": 0.04,
}  # fmt: skip
#: Steps that are told to whoever waits.
_STEPS = 17


class Job:
    """One audit under way.

    Parameters
    ----------
    endpoint, route
        What is asked, and by which route.
    budget
        About how many requests.
    prompts
        Prompts instead of the built-in ones.
    cache
        Where answers are kept; None keeps none.
    on_progress
        Called with what is under way, how many steps are done, and how many there are.
    engine
        The server's software, where it is known.
    reference
        The model's weights, where they are at hand.

    Attributes
    ----------
    engine
        The server's software.
    last
        Whether the temperature comes after truncation unless another order is sent.
    hidden
        The family of truncation that the draws so far have shown.
    places
        Where one-token draws are made.
    hot
        The draws at the highest temperature with every truncation off.
    rows, blind, notes
        What was found, what cannot be seen, and what a reader should know.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        route: ProbeRoute,
        budget: int,
        prompts: Sequence[str] | None,
        cache: Path | None,
        on_progress: OnProgress | None = None,
        engine: str = "unknown",
        reference: Model | None = None,
    ) -> None:
        self.endpoint, self.route, self.budget, self.cache = endpoint, route, budget, cache
        self.prober = Prober(endpoint, route, cache, engine)
        self.given = prompts
        self.prompts = prompts or (QUESTIONS if route == "chat" else BEGINNINGS)
        self.alpha = ERROR_RATE / TESTS
        self.engine, self.hidden, self.last = engine, "none", False
        self.reference = reference
        self.places: list[Place] = []
        self.hot: Draws | None = None
        self.rows: list[AuditRow] = []
        self.blind: list[str] = []
        self.notes: list[str] = []
        self._tell, self._done, self._first = on_progress, 0, 1

    def fields(self, temperature: float, **more: Any) -> dict[str, Any]:
        """A setting in the engine's words, everything else switched off where the provider has a word for it."""
        return self.endpoint.fields(SamplingParams(temperature=temperature, **more))

    def say(self, what: str) -> None:
        """Tell what is under way."""
        if self._tell is not None:
            self._tell(what, min(self._done, _STEPS), _STEPS)
        self._done += 1

    def arm(self, fields: Mapping[str, Any], share: float, *, seeded: bool = True) -> Arm | str:
        """The draws of an experiment with a share of the budget, or the server's words where it refuses."""
        refusal = self.prober.refuses(Probe(self.places[0].prompt, fields, self._first, seeded), top=self.prober.least)
        if refusal is not None:
            return refusal
        each = max(3, round(share * self.budget / max(len(self.places), 1)))
        arm = sample(self.prober, self.places, fields, each, seeded=seeded, first=self._first)
        self._first += each * len(self.places)
        return arm

    def read(self, arm: Arm, fields: Mapping[str, Any]) -> Reading:
        """What an experiment's draws say; where an order of stages is sent, it is ours: the temperature first."""
        assert arm.draws is not None
        return read(arm.draws, alpha=self.alpha, last=self.last and "samplers" not in fields)

    def at_one(self) -> tuple[float, float]:
        """What runs where T=1 is sent, and the highest temperature that it may be: 1 unless that is not honoured."""
        for row in self.rows:
            if row.parameter == "temperature" and row.sent == 1.0 and row.broken and isinstance(row.effective, float):
                return max(row.effective, 0.05), max(row.high or row.effective, 0.05)
        return 1.0, 1.0
