import weakref
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import gelu
from transformers.pytorch_utils import Conv1D

from tests.tiny import CONFIGS, network
from thermoscope.cpu import probe
from thermoscope.cpu.packed import OneDNNLinear, PlainLinear, WidenedLinear, kind_for
from thermoscope.cpu.shared import PackedEmbedding
from thermoscope.models import packing
from thermoscope.models.packing import pack, packed_linears
from thermoscope.models.rows import decoding_of

KINDS = (OneDNNLinear, PlainLinear)
needs_onednn = pytest.mark.skipif(not torch._C._has_mkldnn, reason="torch without oneDNN")


@needs_onednn
@pytest.mark.parametrize("rows", [(1,), (3, 5), (1, 40), (2, 1, 1)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_linear_is_the_linear(kind, rows, bias):
    torch.manual_seed(0)
    linear = nn.Linear(48, 70, bias=bias)
    packed = kind(linear.weight, linear.bias)
    x = torch.randn(*rows, 48)
    with torch.inference_mode():
        want, other = linear(x), torch.randn(*rows, 70)
        torch.testing.assert_close(packed(x), want, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(packed.plus(x, other), want + other, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(packed.gelu(x), gelu(want, approximate="tanh"), rtol=1e-5, atol=1e-5)
    assert packed(x).shape == (*rows, 70)


@needs_onednn
@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_linear_gives_its_weights_to_who_asks(kind):
    linear = nn.Linear(48, 70)
    packed = kind(linear.weight, linear.bias)
    assert torch.equal(packed.weight, linear.weight)
    assert torch.equal(packed.bias, linear.bias)
    assert kind(linear.weight, None).bias is None


@needs_onednn
def test_what_is_packed():
    class Special(nn.Linear):
        pass

    inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), Conv1D(6, 4))
    model = network("gpt2")
    model.extra = nn.ModuleList([inner, Special(4, 4)])
    before = sum(type(m) in (nn.Linear, Conv1D) for m in model.modules())
    x = torch.randn(3, 4)
    with torch.inference_mode():
        want = inner(x)
        assert pack(model) == before
        torch.testing.assert_close(inner(x), want, rtol=1e-5, atol=1e-5)
    assert type(model.extra[1]) is Special
    assert not any(type(m) in (nn.Linear, Conv1D) for m in model.modules())
    assert pack(model) == 0


@needs_onednn
def test_weights_are_let_go_of_as_they_are_packed(monkeypatch):
    """So that a network never takes twice the memory of its weights."""
    model, kind = network("llama"), kind_for(torch.float32)
    layers = [weakref.ref(m) for m in model.modules() if type(m) is nn.Linear]
    alive = []

    def packing_one(weight, bias):
        alive.append(sum(layer() is not None for layer in layers))
        return kind(weight, bias)

    monkeypatch.setattr(packing, "kind_for", lambda dtype: packing_one)
    pack(model)
    assert alive[0] == len(layers)
    assert alive[-1] <= 3  # the one that is packed now, and its siblings
    assert not any(layer() is not None for layer in layers)


@needs_onednn
@pytest.mark.parametrize(
    ("fault", "bfloat16", "dtype", "kind"),
    [
        (None, True, torch.float32, OneDNNLinear),
        (None, True, torch.bfloat16, OneDNNLinear),
        (None, False, torch.float32, OneDNNLinear),
        (None, False, torch.bfloat16, WidenedLinear),
        ("no oneDNN", True, torch.float32, PlainLinear),
        ("no oneDNN", True, torch.bfloat16, PlainLinear),
        (None, True, torch.float16, None),
        ("no oneDNN", True, torch.float16, None),
    ],
)
def test_which_product_a_processor_is_given(fault, bfloat16, dtype, kind, monkeypatch):
    monkeypatch.setattr(probe, "onednn_fault", lambda: fault)
    monkeypatch.setattr(probe, "multiplies_bfloat16", lambda: bfloat16)
    assert kind_for(dtype) is kind


@pytest.mark.parametrize(
    ("supported", "has", "multiplies"),
    [
        (True, {"architecture": "x86_64", "avx512_bf16": True}, True),
        (True, {"architecture": "x86_64", "amx_bf16": True}, True),
        (True, {"architecture": "x86_64", "avx512_f": True, "avx512_bf16": False}, False),
        (False, {"architecture": "x86_64", "avx2": True}, False),
        (True, {"architecture": "aarch64"}, True),
        (True, None, True),
    ],
)
@needs_onednn
def test_which_processors_multiply_bfloat16(supported, has, multiplies, monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    if has is None:
        monkeypatch.delattr(torch.cpu, "get_capabilities")
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    assert probe.multiplies_bfloat16.__wrapped__() is multiplies


@needs_onednn
@pytest.mark.parametrize("bias", [True, False])
def test_widened_weights_give_the_same_in_bfloat16(bias):
    torch.manual_seed(0)
    linear = nn.Linear(48, 70, bias=bias).to(torch.bfloat16)
    packed = WidenedLinear(linear.weight, linear.bias)
    x, other = torch.randn(2, 3, 48).bfloat16(), torch.randn(2, 3, 70).bfloat16()
    with torch.inference_mode():
        want = nn.functional.linear(x.float(), linear.weight.float(), linear.bias.float() if bias else None)
        for got, expected in (
            (packed(x), want),
            (packed.plus(x, other), want + other),
            (packed.gelu(x), gelu(want, approximate="tanh")),
        ):
            assert got.dtype == torch.bfloat16
            torch.testing.assert_close(got.float(), expected, rtol=2**-8, atol=1e-5)  # one rounding
    assert torch.equal(packed.weight, linear.weight)
    assert (packed.bias is None) is not bias and (not bias or torch.equal(packed.bias, linear.bias))


@needs_onednn
@pytest.mark.parametrize("room", [True, False])
def test_weights_are_widened_where_there_is_room(room, monkeypatch, caplog):
    import psutil

    free = 10**9 if room else 1000
    monkeypatch.setattr(probe, "multiplies_bfloat16", lambda: False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    model = network("llama").to(torch.bfloat16)
    with caplog.at_level("INFO", logger="thermoscope"):
        pack(model)
    assert type(packed_linears(model)[0]) is (WidenedLinear if room else PlainLinear)
    assert len([line for line in caplog.messages if "bfloat16" in line]) == 1
    assert decoding_of(model, 320).direct is not None


@needs_onednn
@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_both_products_serve_whole_networks(kind, monkeypatch):
    ids, logits = torch.randint(1, 320, (5, 9)), []
    for product in KINDS:
        monkeypatch.setattr(packing, "kind_for", lambda _, product=product: product)
        model = network(kind)
        pack(model)
        assert type(packed_linears(model)[0]) is product
        found = decoding_of(model, 320)
        assert found.direct is not None
        with torch.inference_mode():
            logits.append(model(input_ids=ids, use_cache=False).logits)
    torch.testing.assert_close(*logits, rtol=1e-4, atol=1e-4)


def test_other_types_are_left_alone():
    model = network("gpt2").to(torch.float16)
    assert pack(model) == 0


@needs_onednn
@pytest.mark.parametrize("kind", CONFIGS)
def test_packed_logits_agree_with_unpacked(kind):
    """Within 1e-4 of the largest logit."""
    plain, packed = network(kind), network(kind)
    assert pack(packed) > 0
    for shape in ((1, 1), (1, 30), (5, 9), (24, 3)):
        ids = torch.randint(1, 320, shape, generator=torch.Generator().manual_seed(1))
        with torch.inference_mode():
            want, got = (m(input_ids=ids, use_cache=False).logits for m in (plain, packed))
        assert float((want - got).abs().max()) <= 1e-4 * float(want.abs().max())


@needs_onednn
@pytest.mark.parametrize("shape", [(320, 32), (70, 48), (5, 16), (1000, 80)])
@pytest.mark.parametrize("kind", KINDS)
def test_an_embedding_is_read_out_of_the_packed_head(kind, shape):
    weight = torch.randn(shape)
    embedding = PackedEmbedding.of(kind(weight, None), weight)
    assert embedding is not None, "a layout that isn't known here"
    ids = torch.randint(shape[0], (3, 7))
    assert torch.equal(embedding(ids), weight[ids])
    assert torch.equal(embedding(torch.tensor([shape[0] - 1])), weight[-1:])
    assert torch.equal(embedding.weight, weight)


@needs_onednn
@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_are_not_the_heads_are_not_read_out_of_it(kind):
    weight = torch.randn(320, 32)
    other = weight.clone()
    other[319, 31] += 1
    assert PackedEmbedding.of(kind(weight, None), other) is None


@needs_onednn
def test_a_tied_head_is_there_once_and_an_untied_embedding_stays():
    tied, untied = network("gpt2"), network("llama")
    assert tied.lm_head.weight is tied.transformer.wte.weight
    assert untied.lm_head.weight is not untied.model.embed_tokens.weight
    want = tied.transformer.wte.weight.clone()
    pack(tied)
    pack(untied)
    assert sum(p.numel() for p in tied.parameters() if p.shape == want.shape) == 0
    assert torch.equal(tied.get_input_embeddings()(torch.arange(320)), want)
    assert type(untied.get_input_embeddings()) is nn.Embedding


@needs_onednn
def test_layers_with_one_input_are_one_product():
    model, plain = network("llama"), network("llama")
    assert pack(model) == 2 * 7 + 1
    assert len(packed_linears(model)) == 2 * 4 + 1
    mlp, own = model.model.layers[0].mlp, plain.model.layers[0].mlp
    assert mlp.gate_proj.together is mlp.up_proj.together
    assert torch.equal(mlp.up_proj.weight, own.up_proj.weight)
    assert mlp.up_proj.bias is None
    first, second = torch.randn(2, 3, 32)
    with torch.inference_mode():
        # in any order, with any inputs: what each layer would have given by itself
        calls = (("gate", first), ("up", first), ("gate", first), ("up", second), ("up", first), ("gate", second))
        for name, x in (*calls, ("gate", second), ("up", second)):
            name = f"{name}_proj"
            want = getattr(own, name)(x)
            torch.testing.assert_close(getattr(mlp, name)(x), want, rtol=1e-5, atol=1e-5)
    assert mlp.gate_proj.together._last is None, "the last of them lets go of the input"
