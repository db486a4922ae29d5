"""One-token requests: sent through the client of an endpoint, kept, and never sent twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from thermoscope.auditing.native import NATIVE, Native
from thermoscope.errors import EndpointError
from thermoscope.sources.answers import Answer, read_answer
from thermoscope.sources.client import Ask
from thermoscope.sources.endpoint import Endpoint
from thermoscope.sources.kept import find_or_ask
from thermoscope.sources.requests import PATHS, logprob_fields

#: A route of OpenAI's protocol, or the engine's own.
ProbeRoute = Literal["chat", "completions", "native"]
#: The most probable tokens that are asked for.
TOP = 20


@dataclass(frozen=True, slots=True)
class Probe:
    """One request.

    Attributes
    ----------
    prompt
        What is continued.
    fields
        The sampling parameters that are sent, and nothing else of a setting.
    number
        Which of several equal requests it is; sent as the seed where ``seeded``.
    seeded
        Whether a seed is sent.
    tokens
        The most new tokens.
    """

    prompt: str
    fields: Mapping[str, Any]
    number: int = 0
    seeded: bool = True
    tokens: int = 1


class Prober:
    """Asks an endpoint, and keeps what it answers.

    Parameters
    ----------
    endpoint
        The server and the model.
    route
        "chat" or "completions".
    cache
        Where answers are kept, so that an audit that was stopped goes on; None keeps none.
    """

    def __init__(
        self, endpoint: Endpoint, route: ProbeRoute, cache: Path | None = None, engine: str = "unknown"
    ) -> None:
        self.endpoint, self.route = endpoint, route
        self.requests = self.cached = 0
        self._cache_path = cache
        self._native: Native | None = NATIVE[engine] if route == "native" else None

    @property
    def least(self) -> int:
        """How many log-probabilities must be asked for to be told the drawn token; 0 where none are documented."""
        return min(1, self.endpoint.provider.top_logprobs)

    def ask(self, probes: Sequence[Probe], *, top: int = TOP) -> list[Answer]:
        """The answers, in the order of the requests.

        Raises
        ------
        EndpointError
            The server refuses or fails; what was answered is kept.
        """
        return [answer for _, answer in self._answered(probes, top)]

    def raw(self, probes: Sequence[Probe], *, top: int = TOP) -> list[Mapping[str, Any]]:
        """The answers as the server gives them; what cannot be read is asked again.

        Raises
        ------
        EndpointError
            The server refuses or fails; what was answered is kept.
        """
        return [found for found, _ in self._answered(probes, top)]

    def _answered(self, probes: Sequence[Probe], top: int) -> list[tuple[Mapping[str, Any], Answer]]:
        """Each answer as the server gives it, and as it is read."""
        path = PATHS[self.route] if self._native is None else self._native.path
        answers: dict[int, tuple[Mapping[str, Any], Answer]] = {}

        def ask(place: int) -> Ask:
            return Ask(place, path, self._body(probes[place], top), probes[place].number)

        def take(place: int, found: tuple[Mapping[str, Any], Answer], kept: bool) -> None:
            answers[place] = found
            self.requests += not kept
            self.cached += kept

        find_or_ask(
            self.endpoint.client, self._cache_path, len(probes), ask, lambda found: (found, self._read(found)), take
        )
        return [answers[place] for place in range(len(probes))]

    def refuses(self, probe: Probe, *, top: int = TOP) -> str | None:
        """The server's words if it refuses a request; None if it answers.

        Raises
        ------
        EndpointError
            It cannot be reached, or fails in another way.
        """
        try:
            self.ask([probe], top=top)
        except EndpointError as error:
            if "refuses the request (status 4" in str(error):
                return str(error)
            raise
        return None

    def _read(self, found: Mapping[str, Any]) -> Answer:
        if self._native is not None:
            found = self._native.as_openai(found)
        return read_answer(found, self.endpoint.client.base_url)

    def _body(self, probe: Probe, top: int) -> dict[str, Any]:
        if self._native is not None:
            seed = probe.number if probe.seeded else None
            return self._native.body(self.endpoint.model, probe.prompt, probe.fields, probe.tokens, top, seed)
        body: dict[str, Any] = {"model": self.endpoint.model, **probe.fields, "max_tokens": probe.tokens}
        if self.route == "chat":
            body["messages"] = [{"role": "user", "content": probe.prompt}]
        else:
            body["prompt"] = probe.prompt
        if top:
            body |= logprob_fields(self.route, top)
        if probe.seeded and self.endpoint.provider.seeds:
            body["seed"] = probe.number
        return body
