"""The flags that we export, run by llama.cpp's own samplers on the same logits, give our distribution."""

from __future__ import annotations

import ctypes
import json
import math

import pytest
import torch

from thermoscope import SamplingParams, probabilities
from thermoscope.engines.export import export
from thermoscope.sampling.stages import mirostat_mu

llama = pytest.importorskip("llama_cpp", reason="llama-cpp-python is an extra: pip install .[peers]")

V = 300


def chain_of(fields: dict, vocabulary: int):
    """The chain that llama.cpp's common_sampler_init makes of a request's fields (common/sampling.cpp)."""
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    biases = fields["logit_bias"]
    if biases:
        array = (llama.llama_logit_bias * len(biases))(*[llama.llama_logit_bias(t, b) for t, b in biases])
        llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_logit_bias(vocabulary, len(biases), array))
    if fields["mirostat"] == 2:
        llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_temp(fields["temperature"]))
        return chain
    make = {
        "penalties": lambda: llama.llama_sampler_init_penalties(
            vocabulary, LAST_N, fields["repeat_penalty"], fields["frequency_penalty"], fields["presence_penalty"]
        ),
        "dry": lambda: llama.llama_sampler_init_dry(  # the vocabulary is for breakers, of which there are none
            None, fields["dry_multiplier"], fields["dry_base"], fields["dry_allowed_length"], LAST_N, None, 0
        ),
        "top_n_sigma": lambda: llama.llama_sampler_init_top_n_sigma(fields["top_n_sigma"]),
        "top_k": lambda: llama.llama_sampler_init_top_k(fields["top_k"]),
        "typ_p": lambda: llama.llama_sampler_init_typical(fields["typical_p"], 0),
        "top_p": lambda: llama.llama_sampler_init_top_p(fields["top_p"], 0),
        "min_p": lambda: llama.llama_sampler_init_min_p(fields["min_p"], 0),
        "xtc": lambda: llama.llama_sampler_init_xtc(fields["xtc_probability"], fields["xtc_threshold"], 0, 7),
        "temperature": lambda: llama.llama_sampler_init_temp_ext(
            fields["temperature"], fields["dynatemp_range"], fields["dynatemp_exponent"]
        ),
    }
    for name in fields["samplers"]:
        llama.llama_sampler_chain_add(chain, make[name]())
    return chain


#: Of the exported 131072 tokens to look back on, as many as cover every context here.
LAST_N = 4096


def run(fields: dict, logits: torch.Tensor, context: list[int]) -> torch.Tensor:
    """Probabilities (V,) after llama.cpp's chain."""
    chain = chain_of(fields, len(logits))
    for token in context:
        llama.llama_sampler_accept(chain, token)
    data = (llama.llama_token_data * len(logits))(
        *[llama.llama_token_data(i, float(l), 0.0) for i, l in enumerate(logits)]  # noqa: E741
    )
    candidates = llama.llama_token_data_array(data=data, size=len(logits), selected=-1, sorted=False)
    llama.llama_sampler_apply(chain, ctypes.byref(candidates))
    left = torch.full((len(logits),), -math.inf, dtype=torch.float64)
    for i in range(candidates.size):
        left[candidates.data[i].id] = candidates.data[i].logit
    llama.llama_sampler_free(chain)
    return torch.softmax(left, dim=-1)


def exported(params: SamplingParams) -> dict:
    fields = export(params, "llama.cpp")
    return json.loads(next(s.text for s in fields.snippets if s.language == "json"))


SETTINGS = [
    {"temperature": 0.7},
    {"temperature": 1.6, "top_p": 0.9},
    {"temperature": 1.6, "top_p": 0.9, "order": "llama.cpp"},
    {"temperature": 0.7, "top_k": 20, "top_p": 0.9, "min_p": 0.05},
    {"temperature": 1.3, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "order": "llama.cpp"},
    {"min_p": 0.1, "top_k": 5, "order": ["min_p", "top_k"]},
    {"typical_p": 0.6},
    {"typical_p": 0.9, "temperature": 0.5, "order": "llama.cpp"},
    {"top_n_sigma": 1.2, "temperature": 1.5},
    {"dynatemp_range": 0.5, "temperature": 1.0},
    {"dynatemp_range": 0.4, "dynatemp_exponent": 2.0, "temperature": 0.8, "top_k": 30, "order": "llama.cpp"},
    {"repetition_penalty": 1.3, "top_p": 0.95},
    {"logit_bias": {3: 4.0, 17: -2.5}, "repetition_penalty": 1.2, "temperature": 0.9},
    {"xtc_probability": 1.0, "xtc_threshold": 0.05},
    {"xtc_probability": 0.0, "xtc_threshold": 0.05, "temperature": 0.8},
    {"temperature": 0, "top_k": 10},
    {"dry_multiplier": 0.8, "dry_allowed_length": 1},
    {"dry_multiplier": 2.0, "dry_base": 1.2, "repetition_penalty": 1.1, "temperature": 0.9},
]


@pytest.mark.parametrize("values", SETTINGS, ids=str)
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_llama_cpp_gives_our_distribution(values, spread):
    params = SamplingParams(**values)
    assert export(params, "llama.cpp").exact
    generator = torch.Generator().manual_seed(int(spread))
    context = torch.randint(0, 5, (40,), generator=generator).tolist()
    for _ in range(5):
        logits = torch.randn(V, generator=generator) * spread
        ours = probabilities(logits[None].double(), params, prompt_ids=[context])[0]
        theirs = run(exported(params), logits, context)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=3e-6)  # they compute in float32


def test_a_wrong_order_would_be_seen():
    params = SamplingParams(temperature=1.6, top_p=0.9)
    fields = exported(params) | {"samplers": ["top_p", "temperature"]}
    logits = torch.randn(V, generator=torch.Generator().manual_seed(0)) * 3
    ours = probabilities(logits[None].double(), params)[0]
    assert float((ours - run(fields, logits, [])).abs().sum()) / 2 > 0.01


def test_presence_and_frequency_count_the_prompt_there():
    """The verdict says so; with the whole context as generated text the two agree."""
    params = SamplingParams(presence_penalty=0.7, frequency_penalty=0.3)
    (first, second) = export(params, "llama.cpp").verdicts
    assert first.kind == second.kind == "different"
    context = [1, 2, 3, 2, 2]
    logits = torch.randn(V, generator=torch.Generator().manual_seed(1))
    theirs = run(exported(params), logits, context)
    as_generated = probabilities(logits[None].double(), params, output_ids=[context])[0]
    as_prompt = probabilities(logits[None].double(), params, prompt_ids=[context])[0]
    torch.testing.assert_close(as_generated, theirs, rtol=0, atol=3e-6)
    assert float((as_prompt - theirs).abs().sum()) > 1e-3


def test_mirostat_truncates_and_learns_as_there():
    """Its own tokens along 30 steps: each is one that ours keeps, and mu goes on from its probability."""
    params = SamplingParams(mirostat_tau=3.0, mirostat_eta=0.2)
    assert export(params, "llama.cpp").exact
    sampler = llama.llama_sampler_init_mirostat_v2(5, 3.0, 0.2)
    generator = torch.Generator().manual_seed(3)
    drawn: list[float] = []
    for _ in range(30):
        logits = torch.randn(V, generator=generator) * 2
        data = (llama.llama_token_data * V)(*[llama.llama_token_data(i, float(l), 0.0) for i, l in enumerate(logits)])  # noqa: E741
        candidates = llama.llama_token_data_array(data=data, size=V, selected=-1, sorted=False)
        llama.llama_sampler_apply(sampler, ctypes.byref(candidates))
        ours = probabilities(logits[None].double(), params, drawn_logprobs=[drawn])[0]
        assert candidates.size == int((ours > 0).sum())
        chosen = candidates.data[candidates.selected]
        assert float(ours[chosen.id]) == pytest.approx(chosen.p, abs=1e-5)
        drawn.append(math.log(float(ours[chosen.id])))
    assert mirostat_mu(params, drawn) != 6
    llama.llama_sampler_free(sampler)
