"""Our product of few rows against torch's in float64."""

from __future__ import annotations

import os
import subprocess
import sys

import llvmlite.binding
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from thermoscope.cpu.compiled import processor
from thermoscope.cpu.packed import TiledLinear


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_it_is_the_linear_layer(data: st.DataObject) -> None:
    rows, inputs, outputs = (data.draw(st.integers(1, most)) for most in (120, 70, 70))
    bias = data.draw(st.booleans())
    dice = torch.Generator().manual_seed(data.draw(st.integers(0, 2**31)))
    weight, offsets = torch.randn(outputs, inputs, generator=dice), torch.randn(outputs, generator=dice)
    x, other = torch.randn(rows, inputs, generator=dice), torch.randn(rows, outputs, generator=dice)
    for kind, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2)):
        given_ = [part.to(kind) for part in (weight, offsets, x, other)]
        layer = TiledLinear(given_[0], given_[1] if bias else None)
        w, b, x_, other_ = (part.double() for part in given_)
        want = x_ @ w.T + (b if bias else 0)
        results = (
            (layer(given_[2]), want),
            (layer.plus(given_[2], given_[3]), want + other_),
            (layer.gelu(given_[2]), torch.nn.functional.gelu(want, approximate="tanh")),
        )
        for got, expected in results:
            assert got.dtype == kind
            scale = float(expected.abs().max().clamp(min=1))
            torch.testing.assert_close(got.double(), expected, rtol=tolerance, atol=tolerance * scale)
        assert torch.equal(layer.weight, given_[0])


@pytest.mark.parametrize("inputs", [768, 3072])
def test_a_row_is_the_same_alone_among_others_and_on_any_number_of_threads(inputs: int) -> None:
    layer, x = TiledLinear(torch.randn(200, inputs), torch.randn(200)), torch.randn(101, inputs)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        whole = layer(x)
        torch.set_num_threads(3)
        assert torch.equal(layer(x), whole)
    finally:
        torch.set_num_threads(threads)
    for first, last in ((0, 1), (5, 7), (3, 6), (40, 44), (10, 15), (20, 26), (96, 101)):
        assert torch.equal(layer(x[first:last]), whole[first:last])


@pytest.mark.parametrize("inputs", [1024, 2048])
def test_rows_whole_pages_apart(inputs: int) -> None:
    """Such rows are laid out anew on the way in, and after GELU on the way out; the caller sees neither."""
    layer = TiledLinear(torch.randn(1024, inputs) / inputs**0.5, torch.randn(1024))
    x = torch.randn(25, inputs)
    want = torch.nn.functional.linear(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), want, rtol=1e-4, atol=1e-5)
    got = layer.gelu(x)
    assert got.shape == (25, 1024)
    torch.testing.assert_close(got, torch.nn.functional.gelu(want, approximate="tanh"), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer.gelu(x[None])[0], got, rtol=0, atol=0)


def test_inputs_of_any_shape_and_layout() -> None:
    layer, x = TiledLinear(torch.randn(7, 12), None), torch.randn(3, 12, 5)
    torch.testing.assert_close(layer(x.transpose(1, 2)), x.transpose(1, 2) @ layer.weight.T)
    one = torch.randn(12, 3).t()[:1]
    torch.testing.assert_close(layer(one), one @ layer.weight.T)
    assert layer(torch.randn(0, 12)).shape == (0, 7)


def test_what_does_not_fit_is_refused() -> None:
    layer = TiledLinear(torch.randn(7, 12), None)
    for x in (torch.randn(3, 8), torch.randn(3, 20), torch.randn(2, 3, 6)):
        with pytest.raises(ValueError, match="12 inputs, 7 outputs"):
            layer(x)
    for other in (torch.randn(1, 7), torch.randn(3, 6)):
        with pytest.raises(ValueError, match="does not fit"):
            layer.plus(torch.randn(3, 12), other)


def test_what_is_added_may_be_of_another_type() -> None:
    layer, x, other = TiledLinear(torch.randn(7, 12), None), torch.randn(3, 12), torch.randn(3, 7).bfloat16()
    torch.testing.assert_close(layer.plus(x, other), layer(x) + other.float())


_NARROW = """
import torch
from thermoscope.cpu import tiles
from thermoscope.cpu.packed import TiledLinear
assert tiles.BLOCK == 16, tiles.BLOCK
torch.manual_seed(0)
for rows, inputs, outputs in ((1, 1, 1), (5, 3, 16), (6, 17, 17), (7, 70, 31), (13, 12, 33), (97, 40, 50)):
    x, weight, bias = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(outputs)
    want = x.double() @ weight.double().T + bias
    torch.testing.assert_close(TiledLinear(weight, bias)(x).double(), want, rtol=1e-5, atol=1e-4)
"""


@pytest.mark.skipif("avx512f" not in processor().features, reason="the other tests are of this tile")
def test_the_tile_of_processors_without_avx512() -> None:
    has = llvmlite.binding.get_host_cpu_features()
    features = ",".join(("+" if on and not name.startswith("avx512") else "-") + name for name, on in has.items())
    environment = os.environ | {"NUMBA_CPU_NAME": "znver3", "NUMBA_CPU_FEATURES": features}
    subprocess.run([sys.executable, "-c", _NARROW], env=environment, check=True)
