"""The rules that are tested: each is one contrast of two settings in one measure, fixed before anything was generated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from thermoscope import SamplingParams

Task = Literal["stories", "explanations", "sums"]

#: Prompts are those of the bundled use cases; sums are made on the spot, and are right or wrong.
SUMS, LARGEST = 60, 20
#: Seeds per prompt and new tokens per text.
SEEDS, LENGTH, SUM_LENGTH = 2, 80, 16

#: The settings of each task, by the name that rules use.
SETTINGS: dict[Task, dict[str, SamplingParams]] = {
    "stories": {
        **{f"T={t}": SamplingParams(temperature=t) for t in (0.0, 0.2, 0.5, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5)},
        "T=1.5 min_p=0.1": SamplingParams(temperature=1.5, min_p=0.1),
        "T=1.0 top_p=0.9": SamplingParams(temperature=1.0, top_p=0.9),
        "T=1.0 top_k=50": SamplingParams(temperature=1.0, top_k=50),
    },
    "explanations": {
        **{f"T={t}": SamplingParams(temperature=t) for t in (0.0, 0.5, 0.7, 0.9)},
        "T=0.0 repetition_penalty=1.1": SamplingParams(temperature=0.0, repetition_penalty=1.1),
        "T=0.7 repetition_penalty=1.1": SamplingParams(temperature=0.7, repetition_penalty=1.1),
    },
    "sums": {
        **{f"T={t}": SamplingParams(temperature=t) for t in (0.0, 0.3, 0.7, 1.0)},
        "T=0.0 repetition_penalty=1.1": SamplingParams(temperature=0.0, repetition_penalty=1.1),
    },
}


@dataclass(frozen=True)
class Rule:
    """A rule, and the contrast that decides it.

    Attributes
    ----------
    says
        What people say.
    source
        "the article", or "folk".
    task, measure, a, b
        The contrast: ``measure`` at setting ``a`` against ``b``; a difference, or a ratio for perplexity.
    predicts
        What the rule predicts of a against b: "higher", "lower", or "same": no clear difference.
    higher, lower, open
        What is found where a is clearly higher, clearly lower, or neither; {a} and {b} are the means at both, {effect}
        is the difference or ratio with its interval.
    """

    says: str
    source: Literal["the article", "folk"]
    task: Task
    measure: str
    a: str
    b: str
    predicts: Literal["higher", "lower", "same"]
    higher: str
    lower: str
    open: str


RULES = (
    Rule(
        "A low temperature repeats itself.", "the article", "stories", "rep_4", "T=0.2", "T=0.9", "higher",
        "{a} of the four-token phrases at T=0.2 are repeats, against {b} at T=0.9.",
        "Fewer four-token phrases repeat at T=0.2 ({a}) than at T=0.9 ({b}).",
        "Repeats at T=0.2 ({a}) and T=0.9 ({b}) cannot be distinguished.",
    ),
    Rule(
        "For explanations 0.9 is too high: 0.7 is more coherent.", "the article", "explanations", "perplexity", "T=0.9",
        "T=0.7", "higher",
        "Explanations at T=0.9 surprise the model itself {effect} times as much as at T=0.7.",
        "Explanations at T=0.9 surprise the model less than at T=0.7: {effect} times.",
        "Explanations at T=0.9 and T=0.7 surprise the model about equally: {effect} times.",
    ),
    Rule(
        "0.7 is a good default, also for questions with one answer.", "folk", "sums", "score", "T=0.7", "T=0.0", "same",
        "At T=0.7 {a} of the sums are right, at T=0 {b}: more.",
        "At T=0.7 {a} of the sums are right, at T=0 {b}: 0.7 costs right answers.",
        "{a} of the sums are right at T=0.7 and {b} at T=0: no clear difference.",
    ),
    Rule(
        "T=0 is the most accurate.", "folk", "sums", "score", "T=0.0", "T=0.3", "higher",
        "At T=0 {a} of the sums are right, at T=0.3 {b}.",
        "At T=0 fewer sums are right ({a}) than at T=0.3 ({b}).",
        "{a} of the sums are right at T=0 and {b} at T=0.3: a little temperature costs nothing that shows.",
    ),
    Rule(
        "min_p makes a high temperature safe.", "folk", "stories", "perplexity", "T=1.5 min_p=0.1", "T=1.0", "lower",
        "With min_p=0.1, T=1.5 still surprises the model {effect} times as much as plain T=1.",
        "With min_p=0.1, stories at T=1.5 surprise the model only {effect} times as much as plain T=1: they are safer.",
        "With min_p=0.1, stories at T=1.5 are about as surprising as plain T=1: {effect} times.",
    ),
    Rule(
        "top_p=0.9 and a temperature of 0.8 do the same.", "folk", "stories", "perplexity", "T=1.0 top_p=0.9", "T=0.8",
        "same",
        "top_p=0.9 at T=1 gives stories that surprise the model {effect} times as much as T=0.8 without it.",
        "top_p=0.9 at T=1 gives stories that surprise the model less than T=0.8 without it: {effect} times.",
        "Stories with top_p=0.9 and with T=0.8 surprise the model about equally: {effect} times.",
    ),
    Rule(
        "A repetition penalty of 1.1 is harmless.", "folk", "explanations", "perplexity", "T=0.7 repetition_penalty=1.1",
        "T=0.7", "same",
        "A repetition penalty of 1.1 makes explanations {effect} times as surprising to the model.",
        "A repetition penalty of 1.1 makes explanations less surprising to the model: {effect} times.",
        "A repetition penalty of 1.1 changes the perplexity of explanations by {effect} times: nothing clear.",
    ),
    Rule(
        "A repetition penalty of 1.1 does not touch answers.", "folk", "sums", "score", "T=0.0 repetition_penalty=1.1",
        "T=0.0", "same",
        "With a penalty of 1.1 {a} of the sums are right, without it {b}: it helps.",
        "With a penalty of 1.1 {a} of the sums are right, without it {b}: it costs right answers.",
        "{a} of the sums are right with a penalty of 1.1 and {b} without: no clear difference.",
    ),
    Rule(
        "Stories want 0.9.", "folk", "stories", "reference_distance", "T=0.9", "T=0.5", "lower",
        "Stories at T=0.9 are further from stories by people than at T=0.5: {a} against {b}.",
        "Stories at T=0.9 are nearer to stories by people than at T=0.5: {a} against {b}.",
        "Stories at T=0.9 and T=0.5 are about as far from stories by people: {a} and {b}.",
    ),
    Rule(
        "More temperature, more variety.", "folk", "stories", "self_bleu", "T=1.0", "T=0.5", "lower",
        "Two stories on one prompt are more alike at T=1.0 than at T=0.5 (self-BLEU {a} and {b}).",
        "Two stories on one prompt are less alike at T=1.0 than at T=0.5 (self-BLEU {a} and {b}).",
        "Two stories on one prompt are about as alike at T=1.0 as at T=0.5 (self-BLEU {a} and {b}).",
    ),
    Rule(
        "The hidden top_k=50 of transformers changes nothing.", "folk", "stories", "perplexity", "T=1.0 top_k=50",
        "T=1.0", "same",
        "With top_k=50 stories surprise the model {effect} times as much as without.",
        "With the hidden top_k=50, stories surprise the model only {effect} times as much: "
        "what is measured as T=1 is not T=1.",
        "With and without top_k=50 stories surprise the model about equally: {effect} times.",
    ),
)  # fmt: skip
