"""One-token requests: sent through the client of an endpoint, kept, and never sent twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from thermoscope.auditing.native import NATIVE, Native
from thermoscope.errors import EndpointError
from thermoscope.sources.answers import Answer, read_answer
from thermoscope.sources.cache import AnswerCache
from thermoscope.sources.client import Ask
from thermoscope.sources.endpoint import Endpoint
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
        return [self._read(found) for found in self.raw(probes, top=top)]

    def raw(self, probes: Sequence[Probe], *, top: int = TOP) -> list[Mapping[str, Any]]:
        """The answers as the server gives them; what cannot be read is asked again.

        Raises
        ------
        EndpointError
            The server refuses or fails; what was answered is kept.
        """
        client = self.endpoint.client
        path = PATHS[self.route] if self._native is None else self._native.path
        url = f"{client.base_url}/{path}"
        bodies = [self._body(probe, top) for probe in probes]
        answers: list[Mapping[str, Any] | None] = [None] * len(probes)
        with AnswerCache(self._cache_path) as cache:
            keys = [cache.key(url, body, probe.number) for body, probe in zip(bodies, probes, strict=True)]
            for place, key in enumerate(keys):
                if (kept := cache.find(key)) is not None:
                    answers[place] = kept
                    self.cached += 1

            def take(ask: Ask, found: Mapping[str, Any]) -> None:
                self._read(found)
                answers[ask.number] = found
                self.requests += 1
                cache.keep(keys[ask.number], found)

            waiting = [Ask(place, path, bodies[place]) for place, known in enumerate(answers) if known is None]
            if waiting:
                client.ask_all(waiting, take)
        return [answer for answer in answers if answer is not None]

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
