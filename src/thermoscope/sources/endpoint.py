"""An endpoint that speaks OpenAI's protocol as a source of texts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from thermoscope.checks import at_least_one, check_text
from thermoscope.decode.progress import Progress
from thermoscope.decode.records import TokenRecord
from thermoscope.decode.request import DEFAULT_NEW_TOKENS, seed_list, stop_strings
from thermoscope.decode.sample import Sample
from thermoscope.errors import EndpointError, InputError, PromptError
from thermoscope.models.names import ENDPOINTS, ModelName
from thermoscope.sampling.chain import settings_of
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.answers import Answer, cut_at, read_answer
from thermoscope.sources.base import Batch, Capabilities, Usage
from thermoscope.sources.client import Ask, Client, Limits
from thermoscope.sources.kept import find_or_ask
from thermoscope.sources.providers import Provider, Route, provider
from thermoscope.sources.requests import PATHS, RequestForm


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

    #: A server does not say on what its model runs, nor which setting its authors recommend.
    revision = dtype = device = own_settings = None

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
        asks_logprobs = logprobs and self.provider.top_logprobs > 0
        self.form = RequestForm(self.provider, self.model, self.route, system, dict(extra or {}), asks_logprobs)
        self._prices, self._cache_path = prices, cache
        self._usage = Usage(cost=None if prices is None else 0.0)

    @property
    def name(self) -> str:
        """``provider/model``."""
        return f"{self.provider.name}/{self.model}"

    @property
    def chat_words(self) -> tuple[str, ...]:
        """The options that reach it in the same way: its address, its route, the system message and chat options."""
        system, options = self.form.system, self.form.extra.get("chat_template_kwargs", {})
        return (
            f"--base-url={self.client.base_url}",
            "--chat" if self.route == "chat" else "--raw",
            *(() if system is None else (f"--system={system}",)),
            *(f"--chat-option={name}={json.dumps(value)}" for name, value in options.items()),
        )

    @property
    def can(self) -> Capabilities:
        """What its provider documents."""
        asks = self.form.logprobs
        return Capabilities(
            logits=False,
            shared_noise=False,
            seeds="sent" if self.provider.seeds else "none",
            logprobs=self.provider.logprobs if asks else "none",
            top_logprobs=self.provider.top_logprobs if asks else 0,
        )

    @property
    def prices(self) -> Prices | None:
        """What a million tokens cost, if that was given."""
        return self._prices

    @property
    def usage(self) -> Usage:
        """Requests, tokens and cost so far."""
        return replace(self._usage, retries=self.client.retries)

    @property
    def notes(self) -> tuple[str, ...]:
        """What differs there, and what was not given."""
        return (*self.provider.remarks, *self.form.notes)

    def seen(self, prompt: str) -> None:
        """Nothing: the server's template is not known here."""

    def fields(self, setting: SamplingParams) -> dict[str, Any]:
        """What is sent for a setting; errors as in ``settings``."""
        return self.form.fields(setting)

    def settings(self, given: SamplingParams | Iterable[SamplingParams]) -> tuple[SamplingParams, ...]:
        """One setting or several, each of which the engine has.

        Raises
        ------
        InputError
            One is no setting, or has a parameter that the engine does not have.
        """
        chosen = tuple(settings_of(given))
        for setting in chosen:
            self.form.fields(setting)
        return chosen

    def new_tokens(self, prompts: Sequence[str], max_new_tokens: int | None, max_length: int | None = None) -> int:
        """The most new tokens of a text; the server's context and tokenizer are not known here.

        Raises
        ------
        PromptError
            A prompt is empty, or no text.
        InputError
            ``max_length`` is given, or the length breaks its rule.
        """
        for prompt in prompts:
            if not isinstance(prompt, str) or not prompt:
                raise PromptError(f"a prompt must be a text that is not empty; got {prompt!r}; write one")
            check_text("a prompt", prompt, PromptError)
            self.form.prompt_fields(prompt)
        if max_length is not None:
            raise InputError(
                f"max_length counts the prompt's tokens, which {self.name} does not give; use max_new_tokens instead"
            )
        return at_least_one("max_new_tokens", max_new_tokens) or DEFAULT_NEW_TOKENS

    def rows_in_flight(self, prompts: Sequence[str], max_new_tokens: int, texts: int) -> None:
        """Nothing: the server decides."""

    def samples(
        self,
        prompts: Sequence[str],
        settings: Sequence[SamplingParams],
        seeds: int | Sequence[int],
        *,
        max_new_tokens: int,
        stop: str | Sequence[str] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> list[Sample]:
        """One text per prompt, setting and seed, the last varying fastest.

        Parameters
        ----------
        prompts, settings, seeds
            What to generate.
        max_new_tokens
            The most new tokens of each text.
        stop
            A text ends where one of these strings begins.
        on_progress
            Called with each text.

        Raises
        ------
        InputError
            A setting asks for what the server's engine does not have, or a value breaks its rule.
        EndpointError
            The server cannot be reached, refuses, or failed for some requests; the others are kept where answers are.
        """
        batches = [Batch(prompt, tuple(settings), tuple(seed_list(seeds))) for prompt in prompts]
        found: dict[int, Sequence[Sample]] = {}
        self.make(
            batches,
            max_new_tokens=max_new_tokens,
            stop=stop_strings(stop),
            on_batch=found.__setitem__,
            on_progress=on_progress,
        )
        return [sample for number in range(len(batches)) for sample in found[number]]

    def make(
        self,
        batches: Sequence[Batch],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        max_rows: int | None = None,
        on_sample: Callable[[int, int, Sample], None] | None = None,
        on_batch: Callable[[int, Sequence[Sample]], None] | None = None,
        on_token: Callable[[int, int, int, TokenRecord], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Ask for the texts of all batches at once; kept answers are not asked for again.

        Parameters and errors as in ``Source``; ``max_rows`` is the server's own affair.
        """
        fields = {setting: self.form.fields(setting) for batch in batches for setting in batch.settings}
        places = [
            _Place(number, place, batch.prompt, setting, seed)
            for number, batch in enumerate(batches)
            for place, (setting, seed) in enumerate((s, k) for s in batch.settings for k in batch.seeds)
        ]
        texts: dict[int, dict[int, Sample]] = {}
        finished = tokens = 0

        def ask(number: int) -> Ask:
            at = places[number]
            body = self.form.body(at.prompt, fields[at.setting], at.seed, max_new_tokens, stop)
            return Ask(number, PATHS[self.route], body, at.seed)

        def done(number: int, answer: Answer, kept: bool) -> None:
            nonlocal finished, tokens
            at = places[number]
            sample = self.form.sample(cut_at(answer, stop), at.prompt, at.setting, at.seed)
            self._count(answer, sample, kept=kept)
            finished, tokens = finished + 1, tokens + len(sample.token_ids)
            if on_sample is not None:
                on_sample(at.batch, at.place, sample)
            of_batch = texts.setdefault(at.batch, {})
            of_batch[at.place] = sample
            if len(of_batch) == len(batches[at.batch]):
                whole = texts.pop(at.batch)
                if on_batch is not None:
                    on_batch(at.batch, [whole[place] for place in range(len(whole))])
            if on_progress is not None:
                on_progress(Progress(finished, len(places), tokens, len(places) * max_new_tokens, 0))

        def read(found: Mapping[str, Any]) -> Answer:
            return read_answer(found, self.client.base_url)

        find_or_ask(self.client, self._cache_path, len(places), ask, read, done)

    def _first_model(self) -> str:
        found = self.client.get("/v1/models" if self.client.base_url.endswith("/v1") else "/models").get("data")
        names = [one.get("id") for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        if not names or not isinstance(names[0], str):
            raise EndpointError(
                f"the server at {self.client.base_url} does not say which models it has; name one: "
                f"{self.provider.name}/NAME"
            )
        return names[0]

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


@dataclass(frozen=True, slots=True)
class _Place:
    """One text that is asked for: its batch, its place there, and what it is of."""

    batch: int
    place: int
    prompt: str
    setting: SamplingParams
    seed: int


def _route(of: Provider, route: Route | None) -> Route:
    if route is None:
        return of.routes[0]
    if route not in of.routes:
        raise InputError(f"{of.name} has no {route} route; it has {' and '.join(of.routes)}")
    return route
