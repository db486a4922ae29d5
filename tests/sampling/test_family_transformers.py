"""Every processor of transformers that is one of our stages, alone and in all pairs: equal to 1e-6."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from transformers import (
    EpsilonLogitsWarper,
    EtaLogitsWarper,
    LogitsProcessorList,
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from thermoscope import SamplingParams, probabilities

TOLERANCE = 1e-6
#: In the order of ``generate`` (transformers 5.23, ``_get_logits_processor``).
PROCESSORS = {
    "logit_bias": lambda bias: SequenceBiasLogitsProcessor([[[token], float(b)] for token, b in bias]),
    "repetition_penalty": RepetitionPenaltyLogitsProcessor,
    "no_repeat_ngram_size": NoRepeatNGramLogitsProcessor,
    "temperature": TemperatureLogitsWarper,
    "top_k": TopKLogitsWarper,
    "top_p": TopPLogitsWarper,
    "min_p": MinPLogitsWarper,
    "typical_p": TypicalLogitsWarper,
    "epsilon_cutoff": EpsilonLogitsWarper,
    "eta_cutoff": EtaLogitsWarper,
}
VALUES = {
    "logit_bias": ({0: 2.0, 3: -30.0}, {1: -1.5}),
    "repetition_penalty": (0.7, 1.3, 5.0),
    "no_repeat_ngram_size": (1, 2, 3),
    "temperature": (0.3, 1.7),
    "top_k": (1, 3, 40),
    "top_p": (0.2, 0.9),
    "min_p": (0.02, 0.4),
    "typical_p": (0.2, 0.9, 0.999),
    "epsilon_cutoff": (3e-4, 0.05, 0.9),
    "eta_cutoff": (2e-3, 0.05, 0.9),
}


def processed_by_transformers(logits: Tensor, params: SamplingParams, ids: Tensor) -> Tensor:
    values = {name: getattr(params, name) for name in PROCESSORS}
    if params.temperature == 1:  # as generate does
        del values["temperature"]
    processors = LogitsProcessorList([PROCESSORS[name](v) for name, v in values.items() if v is not None])
    return torch.softmax(processors(ids, logits.clone()), dim=-1)


def combinations() -> Iterator[SamplingParams]:
    """Each stage alone with each value, and all pairs."""
    for n in (1, 2):
        for names in itertools.combinations(VALUES, n):
            for values in itertools.product(*(VALUES[name] for name in names)):
                yield SamplingParams(**dict(zip(names, values, strict=True)))


def cases() -> Iterator[tuple[str, Tensor, Tensor]]:
    """Name, logits (B, V), context (B, L)."""
    generator = torch.Generator().manual_seed(5)
    for vocabulary, spread in ((7, 1.0), (300, 3.0)):
        logits = torch.randn(3, vocabulary, generator=generator) * spread
        ids = torch.randint(0, min(vocabulary, 5), (3, 12), generator=generator)
        yield f"random {vocabulary}", logits, ids
    peaked = torch.randn(1, 50, generator=generator)
    peaked[0, 7] += 20
    yield "peaked", peaked, torch.randint(0, 9, (1, 8), generator=generator)
    yield (
        "a wide range",
        torch.linspace(-50, 50, 50)[torch.randperm(50, generator=generator)][None],
        torch.tensor([[1]]),
    )
    masked = torch.randn(1, 40, generator=generator)
    masked[0, ::3] = -math.inf
    yield "masked", masked, torch.tensor([[1, 2, 1]])
    yield "two tokens", torch.tensor([[0.0, -0.5]]), torch.tensor([[1]])


@pytest.mark.slow
def test_alone_and_in_all_pairs():
    """float32 may decide a tie there, counted: the same processors in float64 must then agree."""
    rows, edges = 0, Counter()
    for name, logits, ids in cases():
        context = ids.tolist()
        for params in combinations():
            bias = params.logit_bias
            if bias is not None and max(token for token, _ in bias) >= logits.shape[-1]:
                continue
            theirs = processed_by_transformers(logits, params, ids)
            ours = probabilities(logits, params, prompt_ids=context)
            for row in range(len(logits)):
                rows += 1
                if not float((ours[row] - theirs[row]).abs().max()) <= TOLERANCE:
                    exact = processed_by_transformers(logits[row : row + 1].double(), params, ids[row : row + 1])[0]
                    float64 = float((ours[row] - exact).abs().max()) <= TOLERANCE
                    assert float64, f"{name}: {params} differs from transformers beyond rounding"
                    edges[name] += 1
    print(f"{rows} rows compared, float32 decides {dict(edges)}")  # noqa: T201
    assert rows > 3000
    assert sum(edges.values()) <= 10


def test_rows_with_different_values_in_one_batch():
    generator = torch.Generator().manual_seed(6)
    settings = list(combinations())[::7]
    settings = [s for s in settings if s.logit_bias is None or len(s.logit_bias) == 2]
    logits = torch.randn(len(settings), 200, generator=generator) * 2.5
    ids = torch.randint(0, 6, (len(settings), 15), generator=generator)
    half = [(row[:7], row[7:]) for row in ids.tolist()]
    ours = probabilities(logits, settings, prompt_ids=[a for a, _ in half], output_ids=[b for _, b in half])
    theirs = torch.cat(
        [processed_by_transformers(logits[i : i + 1], s, ids[i : i + 1]) for i, s in enumerate(settings)]
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("top_k", [None, 20])
def test_all_stages_that_transformers_has_at_once(top_k):
    params = SamplingParams(
        logit_bias={3: 1.0}, repetition_penalty=1.2, no_repeat_ngram_size=2, temperature=1.4, top_k=top_k, top_p=0.95,
        min_p=0.01, typical_p=0.95, epsilon_cutoff=1e-3, eta_cutoff=2e-3,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(8)
    logits = torch.randn(16, 1000, generator=generator) * 2
    ids = torch.randint(0, 30, (16, 60), generator=generator)
    ours = probabilities(logits, params, prompt_ids=ids.tolist())
    torch.testing.assert_close(ours, processed_by_transformers(logits, params, ids), rtol=0, atol=TOLERANCE)
