"""Requests to the decoder, one per text, after every check that is possible before decoding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from numbers import Integral
from typing import Any

from thermoscope.checks import at_least_one, check_text
from thermoscope.decode.records import UNKNOWN, TokenRecord
from thermoscope.decode.sample import Sample
from thermoscope.errors import InputError, PromptError
from thermoscope.models.base import Model
from thermoscope.sampling.chain import settings_of
from thermoscope.sampling.noise import check_seed
from thermoscope.settings.params import SamplingParams
from thermoscope.words import quoted

#: The most seeds that a number asks for.
MOST_SEEDS = 100_000
#: New tokens per text when neither ``max_new_tokens`` nor ``max_length`` is given (less if the context ends).
DEFAULT_NEW_TOKENS = 200


@dataclass(slots=True)
class Request:
    """One sample to be made, and its records while it grows."""

    prompt: str
    prompt_ids: tuple[int, ...]
    params: SamplingParams
    seed: int
    max_new_tokens: int
    begin: tuple[int, ...] = ()
    records: list[TokenRecord] = field(default_factory=list)
    drawn_logprobs: list[float] = field(default_factory=list)
    kept_logprobs: list[float] = field(default_factory=list)
    tempered_entropies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """What it begins with has places in the records, of which nothing is known."""
        self.records += [UNKNOWN] * len(self.begin)
        for numbers in (self.drawn_logprobs, self.kept_logprobs, self.tempered_entropies):
            numbers += [nan] * len(self.begin)

    def go_on(self, sample: Sample) -> None:
        """Begin with a text that was made before, whose records are known."""
        self.begin = sample.token_ids
        columns = (sample.logprobs, sample.entropies, sample.ranks)
        self.records = [TokenRecord(*row) for row in zip(*columns, strict=True)]
        self.drawn_logprobs, self.tempered_entropies = list(sample.drawn_logprobs), list(sample.tempered_entropies)
        self.kept_logprobs = list(sample.kept_logprobs) or [nan] * len(self.begin)

    def forget(self, tokens: int) -> None:
        """Take the records back to those of the first tokens, so many: the others are drawn again, or are no text."""
        for records in (self.records, self.drawn_logprobs, self.kept_logprobs, self.tempered_entropies):
            del records[tokens:]


def requests_for(
    model: Model,
    prompts: str | Sequence[str],
    params: SamplingParams | Sequence[SamplingParams] | None,
    seeds: int | Sequence[int],
    max_new_tokens: int | None,
    max_length: int | None,
    begin: Sequence[int] = (),
) -> list[Request]:
    """One request per prompt, setting and seed, the last varying fastest; arguments and errors as in ``generate``."""
    check_model(model)
    texts = as_list("prompts", prompts, str)
    settings = settings_of(SamplingParams() if params is None else params, model.vocabulary)
    numbers = seed_list(seeds)
    for name, given in (("prompts", texts), ("params", settings)):
        if not given:
            raise InputError(f"{name} must not be empty; give at least one")
    requests = []
    first = _beginning(model, begin, settings)
    for text in texts:
        ids = tuple(prompt_ids(model, text))
        limit = new_tokens(model, len(ids), max_new_tokens, max_length)
        if len(first) >= limit:
            raise InputError(
                f"begin must leave a token to draw; it has {len(first)} of at most {limit}; "
                f"use max_new_tokens of {len(first) + 1} or more"
            )
        requests += [Request(text, ids, setting, seed, limit, first) for setting in settings for seed in numbers]
    return requests


def _beginning(model: Model, begin: Sequence[int], settings: Sequence[SamplingParams]) -> tuple[int, ...]:
    """The tokens that every text begins with, checked."""
    first = tuple(as_list("begin", begin, int))
    for token in first:
        if isinstance(token, bool) or not isinstance(token, Integral) or not 0 <= int(token) < model.vocabulary:
            raise InputError(
                f"begin must have token ids from 0 to {model.vocabulary - 1}, the model's vocabulary; "
                f"got {quoted(token)}"
            )
        if token in model.end_of_text:
            raise InputError(f"begin must not hold the end of a text; got {token}; leave it out")
    learning = [name for name in ("mirostat", "adaptive_p") if any(name in s.active_stages for s in settings)]
    if first and learning:
        raise InputError(
            f"{learning[0]} needs how its tokens were drawn, which is unknown with begin; leave one of them out"
        )
    return tuple(int(token) for token in first)


def go_on(requests: Sequence[Request], earlier: Sequence[Sample]) -> dict[int, Sample]:
    """Let requests begin with the texts that were made for them before; those that had ended, by their numbers.

    Raises
    ------
    InputError
        They are not the texts of these requests, one for each, or one has more tokens than are asked for.
    """
    if len(earlier) != len(requests):
        raise InputError(f"earlier must have one text for each of the {len(requests)} asked for; got {len(earlier)}")
    ended: dict[int, Sample] = {}
    for number, (request, sample) in enumerate(zip(requests, earlier, strict=True)):
        if (sample.prompt, sample.params, sample.seed) != (request.prompt, request.params, request.seed):
            raise InputError(
                "earlier must be texts of the same prompts, settings and seeds in the same order; "
                f"number {number} is of another"
            )
        if len(sample.token_ids) > request.max_new_tokens:
            raise InputError(
                f"max_new_tokens must be at least the {len(sample.token_ids)} tokens of an earlier text; "
                f"got {request.max_new_tokens}"
            )
        if sample.finish_reason != "length" or len(sample.token_ids) == request.max_new_tokens:
            ended[number] = replace(sample, params=request.params)
        else:
            request.go_on(sample)
    return ended


def check_model(model: object) -> None:
    """Raise InputError unless it is a model, such as ``load_model`` gives."""
    if not hasattr(model, "encode_prompt") or not hasattr(model, "vocabulary"):
        fix = f"write load_model({quoted(model)})" if isinstance(model, str) else "use load_model()"
        raise InputError(f"model must be a model that runs here, as load_model gives; got {quoted(model)}; {fix}")


def seed_list(seeds: int | Sequence[int]) -> list[int]:
    """So many seeds, from 0 on, or those that are listed: distinct ones, at least one.

    Raises
    ------
    InputError
        There is none, one is not a whole number from 0 to 2^64 - 1, or one is given twice.
    """
    given: Any = seeds
    if getattr(seeds, "shape", None) == ():  # a number of numpy's
        given = given.item()
    if isinstance(given, int) and not isinstance(given, bool):
        if not 1 <= given <= MOST_SEEDS:
            fix = f"write seeds=[{given}] for the one seed {given}" if given >= 0 else "write seeds=1 for the seed 0"
            raise InputError(
                f"seeds must be how many seeds, 1 to {MOST_SEEDS:,}, or a list of seeds; got {given}; {fix}"
            )
        return list(range(given))
    numbers = [check_seed(seed) for seed in as_list("seeds", given, int)]
    if not numbers:
        raise InputError("seeds must not be empty; give at least one")
    if len(set(numbers)) < len(numbers):
        twice = next(seed for place, seed in enumerate(numbers) if seed in numbers[:place])
        raise InputError(f"each seed may be given once; got {twice} twice; leave one out")
    return numbers


def as_list(name: str, given: Any, single: type) -> list[Any]:
    """One or several as a list; a single value of the wrong type is kept, to be refused by its own check."""
    if isinstance(given, single) or not isinstance(given, Iterable):
        return [given]
    if isinstance(given, set | frozenset):
        raise InputError(f"{name} must be in an order; got a set; give a list")
    try:
        return list(given)
    except TypeError:  # an array without dimensions has __iter__ but cannot be iterated over
        return [given.item() if hasattr(given, "item") else given]


def prompt_ids(model: Model, prompt: str) -> list[int]:
    """Token ids of a prompt that is not empty and leaves room for a token.

    Raises
    ------
    PromptError
        It is not a string, has no token, or fills the model's context.
    """
    check_model(model)
    if not isinstance(prompt, str):
        raise PromptError(f"a prompt must be a string; got {type(prompt).__name__}")
    check_text("a prompt", prompt, PromptError)
    ids = model.encode_prompt(prompt) if prompt else []
    if not ids:
        raise PromptError("a prompt must have at least one token; got an empty one; write a word")
    if model.context_length is not None and len(ids) >= model.context_length:
        raise PromptError(
            f"a prompt must leave room in the model's context of {model.context_length} tokens; got {len(ids)}; "
            f"shorten it to {model.context_length - 1} or fewer"
        )
    return ids


def new_tokens(model: Model, prompt_tokens: int, max_new_tokens: int | None, max_length: int | None) -> int:
    """How many new tokens a text may have.

    Raises
    ------
    InputError
        Both limits are given, one is not a whole number >= 1, or it does not fit prompt and context.
    """
    context = model.context_length
    max_new_tokens, max_length = at_least_one("max_new_tokens", max_new_tokens), at_least_one("max_length", max_length)
    if max_new_tokens is not None and max_length is not None:
        raise InputError(
            f"give max_new_tokens or max_length, not both; got {quoted(max_new_tokens)} and {quoted(max_length)} "
            "(max_length counts the prompt)"
        )
    if max_length is not None:
        if max_length <= prompt_tokens:
            raise InputError(
                f"max_length counts the prompt and must be above its {prompt_tokens} tokens; got {quoted(max_length)}; "
                f"use at least {prompt_tokens + 1}, or max_new_tokens"
            )
        wanted = max_length - prompt_tokens
    elif max_new_tokens is not None:
        wanted = max_new_tokens
    else:
        return DEFAULT_NEW_TOKENS if context is None else min(DEFAULT_NEW_TOKENS, context - prompt_tokens)
    if context is not None and prompt_tokens + wanted > context:
        name, most = ("max_length", context) if max_length is not None else ("max_new_tokens", context - prompt_tokens)
        raise InputError(
            f"prompt and new tokens must fit the context of {context} tokens; got {prompt_tokens} + {quoted(wanted)}; "
            f"use {name} of at most {most}"
        )
    return wanted


def stop_strings(stop: str | Sequence[str]) -> tuple[str, ...]:
    """One stop string, several or none as a tuple.

    Raises
    ------
    InputError
        One is empty or not a string.
    """
    stops = tuple(as_list("stop", stop, str))
    for text in stops:
        if not isinstance(text, str) or not text:
            raise InputError(f"a stop string must be a text that is not empty; got {quoted(text)}; leave it out")
        check_text("a stop string", text, InputError)
    return stops
