import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from tests.tiny import CONFIGS, network
from thermoscope.models.packed import PackedLinear, pack

needs_onednn = pytest.mark.skipif(not torch._C._has_mkldnn, reason="torch without oneDNN")


@needs_onednn
@pytest.mark.parametrize("rows", [(1,), (3, 5), (1, 40), (2, 1, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_packed_linear_is_the_linear(rows, bias):
    torch.manual_seed(0)
    linear = nn.Linear(48, 70, bias=bias)
    packed = PackedLinear(linear.weight, linear.bias)
    x = torch.randn(*rows, 48)
    with torch.inference_mode():
        torch.testing.assert_close(packed(x), linear(x), rtol=1e-5, atol=1e-5)
    assert packed(x).shape == (*rows, 70)


@needs_onednn
def test_a_packed_linear_gives_its_weights_to_who_asks():
    linear = nn.Linear(48, 70)
    packed = PackedLinear(linear.weight, linear.bias)
    assert torch.equal(packed.weight, linear.weight)
    assert torch.equal(packed.bias, linear.bias)
    assert PackedLinear(linear.weight, None).bias is None


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
