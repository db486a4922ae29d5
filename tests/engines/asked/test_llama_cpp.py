"""Exported settings run by llama.cpp's own server on the bundled model: what it draws from is what the verdict says.

100 settings, orders included; ``THERMOSCOPE_ASKED=1000`` asks for more. The server's own logits are taken, so that the
model's rounding plays no part.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from tests import llama_client
from tests.engines.asked.settings import setting
from tests.sources.llama_server import llama_server
from thermoscope import SamplingParams, export, load_model, probabilities
from thermoscope.engines.dialect import meaningful
from thermoscope.engines.distance import Distributions, run
from thermoscope.engines.effect import EngineSetting
from thermoscope.engines.llama_cpp import LLAMA_CPP
from thermoscope.engines.verdict import judge
from thermoscope.models.base import Model

pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(llama_client.python() is None, reason="xllamacpp is not installed"),
]

ASKED, PARTS = int(os.environ.get("THERMOSCOPE_ASKED", "100")), 4
#: The largest difference of a probability.
CLOSE = 1e-4
#: The same with adaptive-p, behind which thousands of tokens have 1e-8 each: they are lost in the server's float32 sum.
CLOSE_ADAPTIVE = 2e-4
PROMPTS = (
    "Once upon a time, there was a",
    "the cat and the dog and the cat and the dog and the",
    "One day, Lily went to the park. She saw a big",
    "Hello",
)
SEEDS = itertools.count(1)
#: Parameters whose difference there can't be put as a setting of ours: NaN, and what a stage counts, how far back.
NOT_MODELLED = {"typical_p", "dynatemp_range", "repetition_penalty", "repetition_last_n", "penalties_last_n"}


@dataclass
class Asked:
    """A running server, with the model's logits as it has them."""

    server: llama_client.Server
    model: Model
    contexts: list[list[int]]
    logits: list[torch.Tensor]

    def probabilities(self, prompt: list[int], **fields: Any) -> torch.Tensor:
        """(V,) what the server draws the next token from."""
        (step,) = self.steps(prompt, 1, **fields)
        return step[1]

    def steps(self, prompt: list[int], number: int, **fields: Any) -> list[tuple[int, torch.Tensor]]:
        """Tokens that the server draws, each with what it is drawn from."""
        every = {"n_probs": self.model.vocabulary, "post_sampling_probs": True, "cache_prompt": False}
        ask = {"prompt": prompt, "n_predict": number, **every, **fields}
        answer = self.server._ask("/completion", **ask)
        if "completion_probabilities" not in answer:  # the end of the text was drawn at once
            answer = self.server._ask("/completion", **ask, seed=next(SEEDS))
        found = []
        for step in answer["completion_probabilities"]:
            of = torch.zeros(self.model.vocabulary, dtype=torch.float64)
            for one in step["top_probs"]:
                of[one["id"]] = one["prob"]
            found.append((step["id"], of))
        return found


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    model = load_model()
    with llama_server(tmp_path_factory.mktemp("asked"), slots=1) as address:
        made = Asked(llama_client.Server(address.removesuffix("/v1")), model, [], [])
        for prompt in PROMPTS:
            ids = model.encode(prompt)
            raw = torch.log(made.probabilities(ids, temperature=1.0, samplers=["temperature"]))
            ours = model.next_token_logits(prompt).double()
            assert float((ours.softmax(-1) - raw.softmax(-1)).abs().max()) < 3e-4
            made.contexts.append(ids)
            made.logits.append(raw + (ours - raw).median())
        yield made


def fields_of(params: SamplingParams) -> dict[str, Any]:
    """The exported body of a request."""
    return json.loads(next(s.text for s in export(params, "llama.cpp").snippets if s.language == "json"))


def at_an_edge(what: EngineSetting, sample: Distributions, theirs: torch.Tensor) -> bool:
    """Whether a threshold that is moved by float32's rounding gives the engine's distribution."""
    for name in ("top_p", "typical_p", "min_p"):
        value = getattr(what.params, name)
        for moved in () if value is None else (value * (1 - 1e-5), min(value * (1 + 1e-5), 1.0)):
            other = EngineSetting(what.params.replace(**{name: moved}), what.repetition_counts_prompt,
                                  what.penalties_count_prompt)  # fmt: skip
            if float((run(other, sample)[0] - theirs).abs().max()) < CLOSE:
                return True
    return False


@pytest.mark.parametrize("part", range(PARTS))
def test_the_engine_gives_our_distribution_or_the_verdict_says_that_it_does_not(asked: Asked, part: int) -> None:
    exact = 0
    for number in range(part, ASKED, PARTS):
        params = setting(number, LLAMA_CPP.order, asked.model.vocabulary, dynamic=True, windows=True,
                         orders=("llama.cpp", "any"))  # fmt: skip
        place = number % len(PROMPTS)
        theirs = asked.probabilities(asked.contexts[place], **fields_of(params))
        sample = Distributions(asked.logits[place][None], [asked.contexts[place]], [[]], [[]], asked.model.end_of_text)
        close = CLOSE if params.adaptive_target is None else CLOSE_ADAPTIVE
        verdicts, there = judge(params, LLAMA_CPP)
        ours = EngineSetting(meaningful(params), there.repetition_counts_prompt, there.penalties_count_prompt)
        if all(verdict.exact for verdict in verdicts):
            exact += 1
            near = float((run(ours, sample)[0] - theirs).abs().max()) < close or at_an_edge(ours, sample, theirs)
            assert near, (number, str(params), params.order)
        elif not NOT_MODELLED & {verdict.parameter for verdict in verdicts if not verdict.exact}:
            near = float((run(there, sample)[0] - theirs).abs().max()) < close or at_an_edge(there, sample, theirs)
            assert near, (number, str(params), params.order, there)
    assert exact > ASKED / PARTS / 3


def test_a_wrong_order_would_be_seen(asked: Asked) -> None:
    params = SamplingParams(temperature=1.6, top_p=0.9)
    wrong = fields_of(params) | {"samplers": ["top_p", "temperature"]}
    ours = probabilities(asked.logits[0][None], params)[0]
    assert float((ours - asked.probabilities(asked.contexts[0], **wrong)).abs().sum()) / 2 > 0.01


def test_mirostat_truncates_and_learns_as_there(asked: Asked) -> None:
    params = SamplingParams(mirostat_tau=3.0, mirostat_eta=0.2, temperature=1.2, order=["temperature", "mirostat"])
    assert export(params, "llama.cpp").exact
    ids, drawn = list(asked.contexts[0]), []
    for token, theirs in asked.steps(ids, 12, seed=3, **fields_of(params)):
        logits = asked.model.rows(capacity=1, length=len(ids)).add([ids]).double()
        ours = probabilities(logits, params, drawn_logprobs=[drawn])[0]
        assert float((ours - theirs).abs().max()) < 1e-3  # the model's rounding is in it
        drawn.append(math.log(float(ours[token])))
        ids.append(token)


def test_adaptive_p_aims_and_makes_up_as_there(asked: Asked) -> None:
    params = SamplingParams(adaptive_target=0.4, adaptive_decay=0.5, min_p=0.05)
    assert export(params, "llama.cpp").exact
    ids, kept = list(asked.contexts[0]), []
    for token, theirs in asked.steps(ids, 10, seed=3, **fields_of(params)):
        logits = asked.model.rows(capacity=1, length=len(ids)).add([ids]).double()
        ours = probabilities(logits, params, kept_logprobs=[kept])[0]
        assert float((ours - theirs).abs().max()) < 2e-3  # the model's rounding is in it
        kept.append(
            math.log(float(probabilities(logits, params.replace(adaptive_target=None, adaptive_decay=0.9))[0, token]))
        )
        ids.append(token)
    unnamed = {name: value for name, value in fields_of(params).items() if name != "samplers"}
    off = asked.probabilities(asked.contexts[0], **unnamed)
    plain = probabilities(asked.logits[0][None], SamplingParams(min_p=0.05))[0]
    assert float((off - plain).abs().max()) < CLOSE  # its default chain has no adaptive_p


@pytest.mark.parametrize(
    ("values", "parameter"),
    [
        ({"top_n_sigma": 1.0, "typical_p": 0.5, "order": "llama.cpp"}, "typical_p"),
        ({"temperature": 0.2, "typical_p": 0.5}, "typical_p"),
        ({"logit_bias": {5: -100.0}, "typical_p": 0.5, "order": "llama.cpp"}, "typical_p"),
        ({"temperature": 2.0, "repetition_penalty": 1.2, "order": ["temperature", "repetition"]}, "repetition_penalty"),
    ],
    ids=str,
)
def test_what_is_not_the_same_is_said(asked: Asked, values: dict[str, Any], parameter: str) -> None:
    params = SamplingParams(**values)
    assert parameter in {verdict.parameter for verdict in export(params, "llama.cpp").verdicts if not verdict.exact}
    theirs = asked.probabilities(asked.contexts[1], **fields_of(params))
    ours = probabilities(asked.logits[1][None], params, prompt_ids=[asked.contexts[1]])[0]
    assert float((ours - theirs).abs().max()) > CLOSE
