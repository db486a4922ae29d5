"""Our one-token attention against the textbook's, in float64, for every shape that the cache gives it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.tiny import VOCABULARY, network
from thermoscope.cpu import attention
from thermoscope.models import rows


def textbook(q: Tensor, k: Tensor, v: Tensor, bounds: list[tuple[int, int]], scale: float) -> Tensor:
    """Q (R, H, 1, D), k (S, L, K, D), v (S, L, K, E) to (R, 1, H, E), row by row and head by head."""
    q, k, v = q.double(), k.double(), v.double()
    shared = q.shape[1] // k.shape[2]
    out = torch.empty(len(q), 1, q.shape[1], v.shape[3], dtype=torch.float64)
    for row, (low, high) in enumerate(bounds):
        for head in range(q.shape[1]):
            weights = torch.softmax(k[row, low:high, head // shared] @ q[row, head, 0] * scale, dim=0)
            out[row, 0, head] = weights @ v[row, low:high, head // shared]
    return out


def ours(q: Tensor, k: Tensor, v: Tensor, bounds: list[tuple[int, int]], **how: float) -> Tensor:
    out, weights = attention.attention(None, q, k, v, torch.tensor(bounds)[:, None, None], **how)
    assert weights is None
    assert out.dtype == q.dtype
    return out


@settings(max_examples=60)
@given(data=st.data())
def test_it_is_the_textbooks(data: st.DataObject) -> None:
    slots, length = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 40))
    key_heads, shared = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    size, value_size = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70))
    count = data.draw(st.integers(1, slots))
    bounds = [tuple(sorted(data.draw(st.lists(st.integers(0, length), min_size=2, max_size=2, unique=True))))
              for _ in range(count)]  # fmt: skip
    dice = torch.Generator().manual_seed(data.draw(st.integers(0, 2**31)))
    q = torch.randn(count, key_heads * shared, 1, size, generator=dice)
    k = torch.randn(slots, length, key_heads, size, generator=dice)
    v = torch.randn(slots, length, key_heads, value_size, generator=dice)
    for kind, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2)):
        given_ = [x.to(kind) for x in (q, k, v)]
        want = textbook(*given_, bounds, size**-0.5)
        torch.testing.assert_close(ours(*given_, bounds).double(), want, rtol=tolerance, atol=tolerance)


def test_positions_outside_the_bounds_are_not_read() -> None:
    q, k, v = torch.randn(1, 2, 1, 8), torch.randn(1, 9, 2, 8), torch.randn(1, 9, 2, 8)
    want = ours(q, k, v, [(2, 6)])
    for block in (k, v):
        block[:, :2] = block[:, 6:] = float("nan")
    assert torch.equal(ours(q, k, v, [(2, 6)]), want)


@pytest.mark.parametrize("size", [1e4, 1e-30])
def test_scores_of_any_size(size: float) -> None:
    q, k, v = torch.randn(1, 1, 1, 4) * size, torch.randn(1, 7, 1, 4), torch.randn(1, 7, 1, 4)
    torch.testing.assert_close(
        ours(q, k, v, [(0, 7)], scaling=1.0).double(), textbook(q, k, v, [(0, 7)], 1.0), rtol=1e-4, atol=1e-5
    )


def test_a_row_is_the_same_alone_among_others_and_on_any_number_of_threads() -> None:
    dice = torch.Generator().manual_seed(0)
    q = torch.randn(13, 6, 1, 64, generator=dice)
    k, v = (torch.randn(13, 300, 3, 64, generator=dice) for _ in range(2))
    bounds = [(n, 300 - 7 * n) for n in range(13)]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = ours(q, k, v, bounds)
        torch.set_num_threads(3)
        assert torch.equal(ours(q, k, v, bounds), one)
    finally:
        torch.set_num_threads(threads)
    for n in range(13):
        assert torch.equal(ours(q[n : n + 1], k[n : n + 1], v[n : n + 1], bounds[n : n + 1]), one[n : n + 1])


@pytest.mark.parametrize("extra", [{"softcap": 50.0}, {"s_aux": torch.zeros(2)}])
def test_what_it_does_not_know_it_refuses(extra: dict[str, object]) -> None:
    q, k = torch.randn(1, 2, 1, 8), torch.randn(1, 3, 2, 8)
    with pytest.raises(NotImplementedError, match=next(iter(extra))):
        attention.attention(None, q, k, k, torch.tensor([[[[0, 3]]]]), **extra)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3", "mistral", "gemma3"])
def test_every_architecture_that_looks_attention_up_gets_it(kind: str, dtype: torch.dtype) -> None:
    model = network(kind).to(dtype)
    found = rows.decoding_of(model, VOCABULARY)
    assert (found.cache, found.kernel, found.notes) == (True, True, ())
    assert model.config._attn_implementation == attention.NAME


def test_an_architecture_of_eager_attention_keeps_it_and_says_so() -> None:
    model = network("llama")
    model.set_attn_implementation("eager")
    found = rows.decoding_of(model, VOCABULARY)
    assert (found.cache, found.kernel) == (True, False)
    assert "eager" in found.notes[0]
    assert model.config._attn_implementation == "eager"


def test_a_kernel_that_gives_other_logits_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    first = attention._attend

    def shifted(query: Tensor, key: Tensor, value: Tensor, bounds: Tensor, scale: float, result: Tensor) -> None:
        first(query, key, value, bounds, 2 * scale, result)

    monkeypatch.setattr(attention, "_attend", shifted)
    found = rows.decoding_of(network("llama"), VOCABULARY)
    assert (found.cache, found.kernel) == (True, False)
    assert "differ" in found.notes[0]
