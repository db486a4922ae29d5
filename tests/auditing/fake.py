"""A server without a network: known distributions, sampled as it is asked, or as it lies."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tests.auditing.made import chances, places
from thermoscope.errors import EndpointError
from thermoscope.sources.client import Ask, Limits
from thermoscope.sources.endpoint import Endpoint

Change = Callable[[dict[str, Any]], dict[str, Any]]


def name(token: int) -> str:
    """A token's text; every fifth has the letter e."""
    return f" e{token}" if token % 5 == 4 else f" w{token}"


class FakeClient:
    """Answers requests of both routes, each with a draw from its prompt's own distribution.

    Parameters
    ----------
    change
        What it makes of a request before it samples: a lie.
    seed
        Of its distributions and draws.
    spread
        Standard deviation of its logits: the larger, the less its prompts leave open.
    caches, tempered, silent
        Whether it repeats answers to equal prompts, gives log-probabilities after the temperature, or none.
    """

    def __init__(
        self,
        change: Change | None = None,
        *,
        seed: int = 0,
        spread: float = 2.2,
        caches: bool = False,
        tempered: bool = False,
        silent: bool = False,
        refuse: Callable[[Mapping[str, Any]], str | None] = lambda body: None,
    ) -> None:
        self.base_url, self.limits, self.retries = "http://fake/v1", Limits(), 0
        self.asked: Counter[str] = Counter()
        self._change, self._seed, self._spread = change, seed, spread
        self._caches, self._tempered, self._silent, self._refuse = caches, tempered, silent, refuse
        self._rows: dict[str, Any] = {}
        self._sums: dict[tuple[Any, ...], tuple[Any, Any]] = {}
        self._kept: dict[str, Any] = {}
        self._rng = np.random.default_rng(seed)

    def get(self, path: str) -> Mapping[str, Any]:
        """No route but the models'."""
        if path == "/v1/models":
            return {"data": [{"id": "fake", "owned_by": "someone"}]}
        raise EndpointError("not there")

    def ask_all(self, asks: Iterable[Ask], take: Callable[[Ask, Mapping[str, Any]], None]) -> None:
        """Every answer at once."""
        for ask in asks:
            self.asked[json.dumps(ask.body, sort_keys=True)] += 1
            said = self._refuse(ask.body)
            if said is not None:
                raise EndpointError(f"the server at {self.base_url} refuses the request (status 400: {said})")
            take(ask, self._answer(dict(ask.body)))

    def _answer(self, body: dict[str, Any]) -> Mapping[str, Any]:
        prompt = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
        if self._caches and prompt in self._kept and body["max_tokens"] == 1:
            kept: Mapping[str, Any] = self._kept[prompt]
            return kept
        asked = self._change(body) if self._change is not None else body
        rng = np.random.default_rng(asked["seed"] * 7919 + 13) if "seed" in asked else self._rng
        texts = [self._draw(prompt, asked, rng) for _ in range(asked.get("n", 1))]
        answer = {
            "choices": [self._choice(prompt, body, asked, drawn) for drawn in texts],
            "usage": {"completion_tokens": max(map(len, texts))},
        }
        self._kept[prompt] = answer
        return answer

    def _draw(self, prompt: str, asked: Mapping[str, Any], rng: np.random.Generator) -> list[int]:
        """Tokens, drawn one after the other, so that penalties see those before."""
        drawn: list[int] = []
        many: Counter[int] = Counter()
        for _ in range(asked["max_tokens"]):
            order, sums = self._chances(prompt, asked, many)
            token = int(order[sums.searchsorted(rng.random(), side="right")])
            drawn.append(token)
            many[token] += 1
            if any(stop in name(token) for stop in asked.get("stop", ())):
                break
        return drawn

    def _chances(self, prompt: str, asked: Mapping[str, Any], many: Counter[int]) -> tuple[Any, Any]:
        """Tokens by probability, and the sums of these; kept where no penalty acts."""
        setting = {
            "temperature": max(asked.get("temperature", 1.0), 1e-3),
            "top_k": asked.get("top_k") or 0,
            "top_p": asked.get("top_p", 1.0),
            "min_p": asked.get("min_p", 0.0),
        }
        penalties = (asked.get("repetition_penalty", 1.0), asked.get("presence_penalty", 0.0),
                     asked.get("frequency_penalty", 0.0))  # fmt: skip
        plain = not many or penalties == (1.0, 0.0, 0.0)
        key = (prompt, *setting.values())
        if plain and key in self._sums:
            return self._sums[key]
        logits = self._row(prompt)[0] + 12.0  # all that matters are positive, as a repetition penalty divides them
        for token, times in many.items():
            logits[token] = logits[token] / penalties[0] - penalties[1] - times * penalties[2]
        order = np.argsort(-logits)
        sums = chances(logits[None, order], **setting)[0].cumsum()
        found = (order, sums / sums[-1])
        if plain:
            self._sums[key] = found
        return found

    def _choice(
        self, prompt: str, body: Mapping[str, Any], asked: Mapping[str, Any], drawn: list[int]
    ) -> dict[str, Any]:
        shown = self._row(prompt)[0]
        if self._tempered:
            shown = shown / asked.get("temperature", 1.0)
            shown = shown - np.log(np.exp(shown).sum())
        text = "".join(map(name, drawn))
        for stop in asked.get("stop", ()):
            text = text.split(stop)[0]
        choice: dict[str, Any] = {"finish_reason": "length"}
        choice |= {"text": text} if "prompt" in body else {"message": {"content": text}}
        number = body.get("top_logprobs", 0) if "messages" in body else body.get("logprobs", 0)
        if not self._silent and number:
            top = [{"token": name(n), "logprob": float(shown[n])} for n in range(number)]
            choice["logprobs"] = {
                "content": [{"token": name(n), "logprob": float(shown[n]), "top_logprobs": top} for n in drawn]
            }
        return choice

    def _row(self, prompt: str) -> Any:
        if prompt not in self._rows:
            rng = np.random.default_rng([zlib.crc32(prompt.encode()), self._seed])
            self._rows[prompt] = places(1, 150, rng, self._spread)
        return self._rows[prompt].copy()


def endpoint(client: FakeClient, kind: str = "vllm") -> Endpoint:
    """An endpoint whose client is the fake one."""
    made = Endpoint(kind, "fake", base_url=client.base_url)
    made.client = client  # type: ignore[assignment]
    return made
