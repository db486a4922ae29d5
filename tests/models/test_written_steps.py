"""Steps that are written out: the logits of the modules, and only where they are."""

from __future__ import annotations

import random
from copy import deepcopy

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen2Config

from tests.tiny import CONFIGS, VOCABULARY, network
from thermoscope.cpu import probe
from thermoscope.models import rows
from thermoscope.models import written_steps as direct
from thermoscope.models.packing import pack
from thermoscope.models.rows import CachedRows, PlainRows, decoding_of


def packed(kind: str, dtype: torch.dtype = torch.float32):
    model = network(kind).to(dtype)
    if not pack(model):
        pytest.skip(f"no packed layers in {dtype} here")
    return model


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3", "mistral"])
def test_a_random_life_gives_the_logits_of_the_unpacked_modules(kind: str) -> None:
    model, dice = packed(kind), random.Random(6)
    step = direct.step_of(model)
    assert step is not None
    cached, plain = CachedRows(model, 8, 60, direct=step), PlainRows(network(kind))

    def context(length: int) -> list[int]:
        return [dice.randrange(1, VOCABULARY) for _ in range(length)]

    contexts = [context(n) for n in (3, 17, 1)]
    pairs = [(cached.add(contexts), plain.add(contexts))]
    for number in range(20):
        if number % 3 == 0:
            sources = [dice.randrange(len(plain)) for _ in range(dice.randint(2, 7))]
            cached.select(sources)
            plain.select(sources)
        tokens = torch.tensor(context(len(plain)))
        pairs.append((cached.step(tokens), plain.step(tokens)))
    for ours, theirs in pairs:
        assert float((ours - theirs).abs().max()) <= 1e-4 * float(theirs.abs().max())


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3", "mistral"])
def test_several_tokens_of_a_row_follow_each_other(kind: str, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "loops", lambda part: compiled)
    model, dice = packed(kind), random.Random(7)
    context = [dice.randrange(1, VOCABULARY) for _ in range(30)]
    cached, plain = CachedRows(model, 1, 60, direct=direct.step_of(model)), PlainRows(network(kind))
    cached.add([context[:9]])
    for kept, length in ((9, 12), (5, 21), (21, 30), (12, 13)):
        (ours,), (theirs,) = cached.resume(context[:length], kept), plain.add([context[:length]])
        assert float((ours - theirs).abs().max()) <= 1e-4 * float(theirs.abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3", "mistral"])
def test_it_is_found_when_a_model_is_loaded(kind: str, dtype: torch.dtype) -> None:
    found = decoding_of(packed(kind, dtype), VOCABULARY)
    assert found.direct is not None
    assert found.notes == ()


def test_qwen_2_with_its_biases() -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        Qwen2Config(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256)
    ).eval()  # fmt: skip
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.q_proj.bias.normal_()
    pack(model)
    assert decoding_of(model, VOCABULARY).direct is not None


@pytest.mark.parametrize("kind", ["gemma3", "bloom", "gpt_neo"])
def test_other_families_go_through_their_modules(kind: str) -> None:
    assert direct.step_of(packed(kind)) is None


def test_networks_that_are_not_packed_or_have_other_parts_go_through_their_modules() -> None:
    assert direct.step_of(network("llama")) is None
    config = deepcopy(CONFIGS["llama"])
    config.hidden_act = "gelu"
    model = AutoModelForCausalLM.from_config(config).eval()
    pack(model)
    assert direct.step_of(model) is None


@pytest.mark.slow
def test_a_step_that_gives_other_logits_is_found_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    first = direct._silu_times
    monkeypatch.setattr(direct, "_silu_times", lambda gate_up: 1.5 * first(gate_up))
    found = rows.decoding_of(packed("llama"), VOCABULARY)
    assert found.direct is None
    assert (found.cache, found.kernel) == (True, True)
    assert "by transformers' modules" in found.notes[0]
    assert "differ" in found.notes[0]


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    """Bit by bit, where the product is ours."""
    model = packed("llama")
    if "Tiled" not in type(model.lm_head).__name__:
        pytest.skip("oneDNN's products are the same up to rounding alone")
    step, results = direct.step_of(model), []
    for contexts in ([[1, 2, 3]], [[1, 2, 3], [4, 5], [6, 7, 8, 9]]):
        cached = CachedRows(model, 3, 20, direct=step)
        cached.add(contexts[:1])
        if contexts[1:]:
            cached.add(contexts[1:])
        tokens = torch.arange(5, 5 + len(contexts))
        results.append([cached.step(tokens)[0] for _ in range(5)])
    for alone, among in zip(*results, strict=True):
        assert torch.equal(alone, among)
