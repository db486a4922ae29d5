"""An endpoint that speaks OpenAI's protocol as a source of texts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from thermoscope.decode.generate import Progress
from thermoscope.decode.request import seed_list, stop_strings
from thermoscope.decode.sample import Sample
from thermoscope.engines.export import export
from thermoscope.engines.registry import engine_named
from thermoscope.errors import EndpointError, InputError
from thermoscope.metrics.words import word_tokens
from thermoscope.models.names import ENDPOINTS, ModelName
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.answers import Answer, cut_at, read_answer
from thermoscope.sources.base import Capabilities, Usage
from thermoscope.sources.cache import AnswerCache
from thermoscope.sources.client import Ask, BadAnswerError, Client, Limits
from thermoscope.sources.providers import Provider, Route, provider

#: Paths below the base address.
_PATHS: Mapping[str, str] = {"chat": "chat/completions", "completions": "completions"}


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, of the prompt and of the text, in any one currency."""

    prompt: float
    completion: float


class Endpoint:
    """Texts from a server.

    Settings do not share random noise there: texts at different settings are independent samples, even with the same
    seed. A parameter that the server's engine does not have is refused; one that works differently there is noted.

    Parameters
    ----------
    kind
        A provider's name: ``vllm``, ``llama-cpp``, ``openai-api``, ... (``sources/providers.py``).
    model
        The model's name there; None asks the server for the first that it lists.
    base_url
        Its address up to and including ``/v1``; by default the provider's.
    route
        "chat" or "completions"; by default the provider's first.
    system
        A system message, on the chat route.
    limits
        Requests at once, and how long each may take.
    cache
        Where answers are kept; None keeps none.
    prices
        To say what the texts cost.
    extra
        Fields that are sent with every request as they are, such as ``chat_template_kwargs``.
    logprobs
        Whether log-probabilities of the tokens are asked for, where the provider gives any.

    Raises
    ------
    InputError
        A provider is unknown, has no such route, or has no default address.
    EndpointError
        The server does not say which models it has.
    """

    def __init__(
        self,
        kind: str,
        model: str | None = None,
        *,
        base_url: str | None = None,
        route: Route | None = None,
        system: str | None = None,
        limits: Limits | None = None,
        cache: Path | None = None,
        prices: Prices | None = None,
        extra: Mapping[str, Any] | None = None,
        logprobs: bool = True,
    ) -> None:
        self.provider = provider(kind)
        url = base_url or ENDPOINTS[kind]
        if not url:
            raise InputError(f"{kind} has no default address; give one with --base-url http://HOST:PORT/v1")
        self.route = _route(self.provider, route)
        if system is not None and self.route != "chat":
            raise InputError("a system message is for the chat route; leave --system or --raw out")
        variable = ModelName("", kind, model or "", url).key_variable
        key = os.environ.get(variable or "") or None
        self.client = Client(url, key=key, key_name=variable, limits=limits)
        self.model = model or self._first_model()
        self._system, self._extra, self._prices = system, dict(extra or {}), prices
        self._logprobs = logprobs and self.provider.top_logprobs > 0
        self._cache_path = cache
        self._usage = Usage(cost=None if prices is None else 0.0)
        self._notes: dict[str, None] = {}

    @property
    def name(self) -> str:
        """``provider/model``."""
        return f"{self.provider.name}/{self.model}"

    @property
    def chat_words(self) -> tuple[str, ...]:
        """The options that reach it in the same way: its address, its route and the system message."""
        how = "--chat" if self.route == "chat" else "--raw"
        system = () if self._system is None else ("--system", self._system)
        return ("--base-url", self.client.base_url, how, *system)

    #: A server does not say on what its model runs.
    revision = dtype = device = None

    @property
    def can(self) -> Capabilities:
        """What its provider documents."""
        return Capabilities(
            logits=False,
            shared_noise=False,
            seeds="sent" if self.provider.seeds else "none",
            logprobs=self.provider.logprobs if self._logprobs else "none",
            top_logprobs=self.provider.top_logprobs if self._logprobs else 0,
        )

    @property
    def usage(self) -> Usage:
        """Requests, tokens and cost so far."""
        return replace(self._usage, retries=self.client.retries)

    @property
    def notes(self) -> tuple[str, ...]:
        """What differs there, and what was not given."""
        return (*self.provider.remarks, *self._notes)

    def samples(
        self,
        prompts: Sequence[str],
        settings: Sequence[SamplingParams],
        seeds: Sequence[int],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        on_sample: Callable[[int, Sample], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> list[Sample]:
        """One text per prompt, setting and seed, the last varying fastest; kept answers are not asked for again.

        Parameters
        ----------
        prompts, settings, seeds
            What to generate.
        max_new_tokens
            The most new tokens of each text.
        stop
            A text ends where one of these strings begins.
        on_sample
            Called with (place in the result, sample) as each text comes.
        on_progress
            Called with each text.

        Raises
        ------
        InputError
            A setting asks for what the server's engine does not have, or a value breaks its rule.
        EndpointError
            The server cannot be reached, refuses, or failed for some requests; the others were handed over and kept.
        """
        numbers, stops = seed_list(seeds), stop_strings(stop)
        fields = [self.fields(setting) for setting in settings]
        places = [(p, s, k) for p in prompts for s in range(len(settings)) for k in numbers]
        samples: list[Sample | None] = [None] * len(places)
        tokens = 0

        def body(number: int) -> dict[str, Any]:
            prompt, setting, seed = places[number]
            return self._body(prompt, fields[setting], seed, max_new_tokens, stops)

        with AnswerCache(self._cache_path) as cache:

            def done(number: int, answer: Answer, *, kept: bool) -> None:
                nonlocal tokens
                prompt, setting, seed = places[number]
                sample = self._sample(cut_at(answer, stops), prompt, settings[setting], seed)
                samples[number] = sample
                tokens += len(sample.token_ids)
                self._count(answer, sample, kept=kept)
                if on_sample is not None:
                    on_sample(number, sample)
                if on_progress is not None:
                    finished = self._usage.requests + self._usage.cached - before
                    on_progress(Progress(finished, len(places), tokens, len(places) * max_new_tokens, 0))

            before = self._usage.requests + self._usage.cached
            open_ = [n for n in range(len(places)) if not self._from_cache(cache, n, body(n), places[n][2], done)]

            def asks() -> Iterator[Ask]:
                for number in open_:
                    yield Ask(number, _PATHS[self.route], body(number))

            def take(ask: Ask, found: Mapping[str, Any]) -> None:
                answer = read_answer(found, self.client.base_url)  # what cannot be read is not kept
                cache.keep(cache.key(self._url, ask.body, places[ask.number][2]), found)
                done(ask.number, answer, kept=False)

            if open_:
                self.client.ask_all(asks(), take)
        return [sample for sample in samples if sample is not None]

    def _from_cache(
        self, cache: AnswerCache, number: int, body: Mapping[str, Any], seed: int, done: Callable[..., None]
    ) -> bool:
        found = cache.find(cache.key(self._url, body, seed))
        if found is None:
            return False
        try:
            answer = read_answer(found, self.client.base_url)
        except BadAnswerError:
            return False
        done(number, answer, kept=True)
        return True

    @property
    def _url(self) -> str:
        return f"{self.client.base_url}/{_PATHS[self.route]}"

    def _first_model(self) -> str:
        found = self.client.get("/v1/models" if self.client.base_url.endswith("/v1") else "/models").get("data")
        names = [one.get("id") for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        if not names or not isinstance(names[0], str):
            raise EndpointError(
                f"the server at {self.client.base_url} does not say which models it has; name one: "
                f"{self.provider.name}/NAME"
            )
        return names[0]

    def fields(self, setting: SamplingParams) -> dict[str, Any]:
        """The setting in the engine's words, every neutral value written out."""
        exported = export(setting, self.provider.engine)
        for verdict in exported.verdicts:
            if verdict.kind == "not there" and verdict.parameter != "order":
                raise InputError(
                    f"{self.provider.name} does not have {verdict.parameter} ({verdict.note}); leave it out, or use "
                    "an engine that has it"
                )
            if verdict.kind != "exact" and verdict.kind != "exact with an explicit order":
                self._notes[f"{verdict.parameter} differs at {self.provider.name}: {verdict.note}"] = None
        if self.provider.setting_field is not None:
            return {self.provider.setting_field: exported.snippets[0].text}
        text = next(one.text for one in exported.snippets if one.language == "json" and "request" in one.title)
        found = json.loads(text)
        found = found.get(engine_named(self.provider.engine).inside, found)
        found.pop("model", None)
        return {name: value for name, value in found.items() if value not in ([], {})}

    def _body(
        self, prompt: str, fields: Mapping[str, Any], seed: int, max_new_tokens: int, stops: Sequence[str]
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, **fields, "max_tokens": max_new_tokens}
        if self.route == "chat":
            system = [] if self._system is None else [{"role": "system", "content": self._system}]
            body["messages"] = [*system, {"role": "user", "content": prompt}]
        else:
            body["prompt"] = prompt
        if self.provider.seeds:
            body["seed"] = seed
        if stops:
            body["stop"] = list(stops)
        if self._logprobs:
            body |= {"logprobs": True, "top_logprobs": 1} if self.route == "chat" else {"logprobs": 1}
        return body | self._extra

    def _sample(self, answer: Answer, prompt: str, setting: SamplingParams, seed: int) -> Sample:
        """The answer as a sample: with its tokens where they are given, else in words."""
        if answer.tokens is None:
            words, word_ends = word_tokens([answer.text])
            ids, ends = tuple((words.values >> 2).tolist()), tuple(word_ends.tolist())
            logprobs: tuple[float, ...] = ()
            self._notes["The server gives no tokens: texts are counted in words, and have no log-probabilities."] = None
        else:
            ids, ends = tuple(token.id for token in answer.tokens), answer.ends
            raw = self.provider.logprobs == "raw"
            logprobs = tuple(token.logprob for token in answer.tokens) if raw else ()
            if not raw:
                self._notes["The server's log-probabilities may depend on the temperature: they are not used."] = None
        return Sample(
            prompt=prompt,
            params=setting,
            seed=seed,
            text=answer.text,
            token_ids=ids,
            finish_reason=answer.finish_reason,
            logprobs=logprobs,
            drawn_logprobs=(),
            entropies=(),
            ranks=(),
            text_ends=ends,
            prompt_tokens=answer.prompt_tokens or 0,
        )

    def _count(self, answer: Answer, sample: Sample, *, kept: bool) -> None:
        before = self._usage
        if kept:
            self._usage = replace(before, cached=before.cached + 1)
            return
        prompt, text = answer.prompt_tokens or 0, answer.completion_tokens or len(sample.token_ids)
        cost = None
        if self._prices is not None and before.cost is not None:
            cost = before.cost + (prompt * self._prices.prompt + text * self._prices.completion) / 1e6
        self._usage = replace(
            before,
            requests=before.requests + 1,
            prompt_tokens=before.prompt_tokens + prompt,
            completion_tokens=before.completion_tokens + text,
            cost=cost,
        )


def _route(of: Provider, route: Route | None) -> Route:
    if route is None:
        return of.routes[0]
    if route not in of.routes:
        raise InputError(f"{of.name} has no {route} route; it has {' and '.join(of.routes)}")
    return route
