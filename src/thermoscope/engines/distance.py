"""How far what an engine runs is from what was asked: total variation on real next-token distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from torch import Tensor

from thermoscope.decode.generate import generate
from thermoscope.engines.effect import Distance, EngineSetting
from thermoscope.models.base import Model
from thermoscope.sampling.chain import probabilities
from thermoscope.settings.params import SamplingParams

#: Where the distributions come from unless the caller has prompts of their own.
PROMPTS = (
    "Once upon a time, in a distant galaxy, there was a spaceship called Voyager.",
    "Explain how blockchain works in simple terms.",
    "What are some of the best strategies within",
    "The",
)
#: Tokens of each text, and of how many of them the distribution is taken.
_LENGTH, _STEPS = 48, 12


@dataclass(frozen=True)
class Distributions:
    """A sample of a model's next-token distributions, with the contexts that they belong to.

    Attributes
    ----------
    logits : Tensor (B, V)
    prompt_ids, output_ids, drawn_logprobs
        The tokens before each, and what was recorded of them.
    end_ids
        The tokens that end a text.
    kept_logprobs
        Adaptive-p's record of them, if it is on.
    """

    logits: Tensor
    prompt_ids: Sequence[Sequence[int]]
    output_ids: Sequence[Sequence[int]]
    drawn_logprobs: Sequence[Sequence[float]]
    end_ids: frozenset[int] = frozenset()
    kept_logprobs: Sequence[Sequence[float]] | None = None


def distributions_of(
    model: Model, params: SamplingParams, *, prompts: Sequence[str] = PROMPTS, seed: int = 0
) -> Distributions:
    """Next-token distributions of a model along texts that it makes with a setting."""
    length = _LENGTH if model.context_length is None else max(1, min(_LENGTH, model.context_length - 32))
    samples = generate(model, list(prompts), params, seeds=[seed], max_new_tokens=length)
    prompt_ids, output_ids, logprobs, kept = [], [], [], []
    for sample in samples:
        ids = model.encode_prompt(sample.prompt)
        steps = sorted({round(i * len(sample.text_token_ids) / _STEPS) for i in range(_STEPS)})
        for step in steps:
            prompt_ids.append(ids)
            output_ids.append(list(sample.token_ids[:step]))
            logprobs.append(list(sample.drawn_logprobs[:step]))
            kept.append(list(sample.kept_logprobs[:step]))
    contexts = [[*a, *b] for a, b in zip(prompt_ids, output_ids, strict=True)]
    logits = model.rows(capacity=len(contexts), length=max(map(len, contexts))).add(contexts)
    return Distributions(logits, prompt_ids, output_ids, logprobs, model.end_of_text, kept)


def run(what: EngineSetting, sample: Distributions) -> Tensor:
    """Probabilities (B, V), float64, of a run on a sample of distributions."""
    prompt, output = sample.prompt_ids, sample.output_ids
    if not what.repetition_counts_prompt:
        prompt = [[] for _ in prompt]
    elif what.penalties_count_prompt:
        output = [[*a, *b] for a, b in zip(prompt, output, strict=True)]
        prompt = [[] for _ in prompt]
    return probabilities(
        sample.logits.double(), what.params, prompt_ids=prompt, output_ids=output,
        drawn_logprobs=sample.drawn_logprobs, kept_logprobs=sample.kept_logprobs, end_ids=sample.end_ids,
    )  # fmt: skip


def distance(a: EngineSetting, b: EngineSetting, sample: Distributions) -> Distance:
    """Total variation between two runs: half the sum of absolute differences, median and worst."""
    if a == b:
        return Distance(0.0, 0.0, len(sample.logits))
    apart = ((run(a, sample) - run(b, sample)).abs().sum(dim=-1) / 2).tolist()
    return Distance(median(apart), max(apart), len(apart))
