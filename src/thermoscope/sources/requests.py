"""Requests to endpoints, and samples from what they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from thermoscope.decode.sample import Sample
from thermoscope.engines.export import export
from thermoscope.errors import InputError, PromptError
from thermoscope.metrics.words import word_tokens
from thermoscope.models.chat import as_messages, conversation
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.answers import Answer
from thermoscope.sources.providers import Provider, Route

#: Paths of the routes below the base address.
PATHS: Mapping[str, str] = {"chat": "chat/completions", "completions": "completions"}


def logprob_fields(route: str, top: int) -> dict[str, Any]:
    """What asks a route for log-probabilities of each token and of the ``top`` most probable ones."""
    return {"logprobs": True, "top_logprobs": top} if route == "chat" else {"logprobs": top}


@dataclass(slots=True)
class RequestForm:
    """How one endpoint is asked, and how its answers are read.

    Attributes
    ----------
    provider, model, route
        Whose words are spoken, the model's name there, and by which route.
    system
        A system message, on the chat route.
    extra
        Fields that go with every request as they are.
    logprobs
        Whether log-probabilities are asked for.
    notes
        What was found that a reader of the texts must know, a sentence each, in order.
    """

    provider: Provider
    model: str
    route: Route
    system: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    logprobs: bool = True
    notes: dict[str, None] = field(default_factory=dict)

    def fields(self, setting: SamplingParams) -> dict[str, Any]:
        """The setting in the engine's words, every neutral value written out.

        Raises
        ------
        InputError
            The engine does not have a parameter of it.
        """
        exported = export(setting, self.provider.engine)
        for verdict in exported.verdicts:
            if verdict.kind == "not there" and verdict.parameter != "order":
                raise InputError(
                    f"{self.provider.name} does not have {verdict.parameter} ({verdict.note}); leave it out, or use "
                    "an engine that has it"
                )
            if verdict.kind != "exact" and verdict.kind != "exact with an explicit order":
                self.notes[f"{verdict.parameter} differs at {self.provider.name}: {verdict.note}"] = None
        if self.provider.setting_field is not None:
            return {self.provider.setting_field: exported.snippets[0].text}
        return exported.request_fields

    def prompt_fields(self, prompt: str) -> dict[str, Any]:
        """The prompt as the route takes it; messages, written as a JSON list, go on the chat route as they are.

        Raises
        ------
        PromptError
            The messages break their rule, or the route takes a text alone.
        """
        if self.route == "chat":
            return {"messages": conversation(prompt, self.system)}
        if as_messages(prompt) is not None:
            raise PromptError("messages need the chat route; got them with --raw; leave --raw out, or give a text")
        return {"prompt": prompt}

    def body(
        self, prompt: str, fields: Mapping[str, Any], seed: int, max_new_tokens: int, stop: Sequence[str]
    ) -> dict[str, Any]:
        """One request; ``fields`` are those of the setting."""
        body: dict[str, Any] = {"model": self.model, **fields, "max_tokens": max_new_tokens}
        body |= self.prompt_fields(prompt)
        if self.provider.seeds:
            body["seed"] = seed
        if stop:
            body["stop"] = list(stop)
        if self.logprobs:
            body |= logprob_fields(self.route, 1)
        return {**body, **self.extra}

    def sample(self, answer: Answer, prompt: str, setting: SamplingParams, seed: int) -> Sample:
        """The answer as a sample: with its tokens where they are given, else in words."""
        logprobs: tuple[float, ...] = ()
        if answer.tokens is None:
            words, word_ends = word_tokens([answer.text])
            ids, ends = tuple((words.values >> 2).tolist()), tuple(word_ends.tolist())
            self.notes["The server gives no tokens: texts are counted in words, and have no log-probabilities."] = None
        else:
            ids, ends = tuple(token.id for token in answer.tokens), answer.ends
            if self.provider.logprobs == "raw":
                logprobs = tuple(token.logprob for token in answer.tokens)
            else:
                self.notes["The server's log-probabilities may depend on the temperature: they are not used."] = None
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
