"""The spectrum of real networks against ``generate``: the bundled model, and tiny ones of several architectures.

A model's own arithmetic rounds differently in batches of different shape, so a text may differ where a temperature
is within rounding of a breakpoint; every difference must be shown to be one.
"""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import load
from thermoscope import SamplingParams, Spectrum, generate, load_model, spectrum
from thermoscope.models.base import Model

#: Logits of float32 networks differ by some 1e-5 between batch shapes, so breakpoints move by about as much.
ROUNDING = 1e-4


def differences(model: Model, found: Spectrum, ts: list[float]) -> int:
    """How many temperatures have another text, all of them at a breakpoint up to rounding."""
    settings = [found.params.replace(temperature=t) for t in ts]
    texts = generate(model, found.prompt, settings, seeds=[found.seed], max_new_tokens=found.max_new_tokens)
    count = 0
    for t, sample in zip(ts, texts, strict=True):
        leaf = found.leaf(t)
        if leaf.token_ids == sample.token_ids:
            continue
        count += 1
        at = next(i for i, (a, b) in enumerate(zip_longest(leaf.token_ids, sample.token_ids)) if a != b)
        node = found.nodes[leaf.path[at]]
        assert min(abs(t - node.low), abs(t - node.high)) <= ROUNDING, (t, at, node)
    return count


def temperatures(number: int, low: float = 0.0, high: float = 1.5) -> list[float]:
    return np.random.default_rng(0).uniform(low, high, number).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.mark.slow
def test_the_bundled_model_at_500_temperatures():
    model = load_model()
    wrong = leaves = 0
    for prompt, seed in (("Once upon a time", 0), ("Explain how blockchain works in simple terms.", 1)):
        (found,) = spectrum(model, prompt, seeds=[seed], max_new_tokens=30, resolution=0)
        leaves += len(found.leaves)
        wrong += differences(model, found, [0.0, *temperatures(500)])
    assert leaves > 40
    assert wrong <= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [{}, {"top_k": 50}, {"top_p": 0.9}, {"min_p": 0.05}, {"top_k": 50, "top_p": 0.9, "order": "llama.cpp"}],
    ids=str,
)
def test_a_gpt2_at_500_temperatures(folder, values):
    model = load("gpt2", folder)
    (found,) = spectrum(model, "The spaceship", params=SamplingParams(**values), max_new_tokens=25, resolution=0)
    assert len(found.leaves) > 5
    assert differences(model, found, [0.0, *temperatures(500)]) <= 3


@pytest.mark.parametrize("kind", ["llama", "gemma3", "mamba"])
def test_other_architectures_a_few_rows_at_a_time(folder, kind):
    """Contexts that did not fit are computed anew, beside others of another length; and one without a cache."""
    model = load(kind, folder)
    (found,) = spectrum(model, "A", max_new_tokens=15, resolution=0, max_rows=3)
    assert len(found.leaves) > 3
    assert differences(model, found, [0.0, *temperatures(60)]) <= 1
