"""The rarer stages while texts grow: the same texts whatever is decoded beside them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from tests.fakes import FakeModel
from thermoscope import SamplingParams, generate

SETTINGS = [
    SamplingParams(mirostat_tau=2.5, mirostat_eta=0.5),
    SamplingParams(mirostat_tau=2.5, mirostat_eta=0.0),
    SamplingParams(xtc_probability=0.5, xtc_threshold=0.03),
    SamplingParams(dry_multiplier=1.5, dry_allowed_length=1),
    SamplingParams(temperature=0, frequency_penalty=1.0, repetition_penalty=1.3),
    SamplingParams(temperature=0.7, no_repeat_ngram_size=2, typical_p=0.8),
    SamplingParams(dynatemp_range=0.5, eta_cutoff=0.02),
]


def test_merged_or_not_in_any_batch_the_texts_are_the_same() -> None:
    together = generate(FakeModel(), ["Once", "Twice"], SETTINGS, seeds=range(3), max_new_tokens=25)
    apart = generate(FakeModel(), ["Once", "Twice"], SETTINGS, seeds=range(3), max_new_tokens=25, merge=False)
    assert [s.token_ids for s in together] == [s.token_ids for s in apart]
    assert [s.drawn_logprobs for s in together] == [s.drawn_logprobs for s in apart]
    for sample in together[::5]:
        alone = generate(FakeModel(), sample.prompt, sample.params, seeds=[sample.seed], max_new_tokens=25)[0]
        assert alone.token_ids == sample.token_ids
        assert alone.drawn_logprobs == sample.drawn_logprobs


def test_no_ngram_comes_twice() -> None:
    for sample in generate(FakeModel(memory=1), "abab", SamplingParams(temperature=0.3, no_repeat_ngram_size=2),
                           seeds=range(3), max_new_tokens=60):  # fmt: skip
        tokens = (*b"abab"[1:], *sample.token_ids)  # what the prompt repeats it repeats
        pairs = list(pairwise(tokens))
        assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("tau", [1.5, 3.0])
def test_mirostat_reaches_its_surprise(tau: float) -> None:
    """The mean surprise over 400 tokens is tau to 0.3 bits."""
    sample = generate(FakeModel(spread=1.0), "Once", SamplingParams(mirostat_tau=tau), seeds=[1], max_new_tokens=400)[0]
    surprises = [-logprob / math.log(2) for logprob in sample.drawn_logprobs]
    assert sum(surprises) / len(surprises) == pytest.approx(tau, abs=0.3)
