"""The twins of compiled loops in torch and numpy: the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.cpu import attention_loops, plain_attention, plain_texts, text_loops
from thermoscope.cpu.attention import as_array
from thermoscope.metrics.words import _kinds

_GROUPS = st.lists(st.lists(st.lists(st.integers(0, 3), max_size=12), min_size=1, max_size=4), min_size=1, max_size=3)


@given(_GROUPS)
def test_ngrams_of_texts(groups: list[list[list[int]]]) -> None:
    texts = [text for group in groups for text in group]
    flat = np.array([value for text in texts for value in text], np.int64)
    starts = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
    edges = np.concatenate([[0], np.cumsum([len(group) for group in groups], dtype=np.int64)])
    mixed, ours = np.empty(len(flat), np.uint64), np.empty(len(flat), np.uint64)
    text_loops.mix_all(flat, mixed)
    plain_texts.mix_all(flat, ours)
    np.testing.assert_array_equal(mixed, ours)
    everything = np.array([np.maximum(np.diff(starts) - n + 1, 0) for n in range(1, 5)])
    results = []
    for module in (text_loops, plain_texts):
        of_texts, elsewhere = everything.copy(), np.zeros(len(texts), np.int64)
        of_groups = np.array([np.add.reduceat(row, edges[:-1]) for row in everything])
        module.count(mixed, starts, edges, of_texts, of_groups, elsewhere)
        found = np.zeros((4, len(texts)), np.int64)
        for n, row in enumerate(found, start=1):
            module.matches(mixed, starts, edges, n, row)
        results.append((of_texts, of_groups, elsewhere, found))
    for want, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, want)


@given(st.lists(st.text(alphabet="ab é_-.!日\u0301 \n", max_size=12), max_size=5))
def test_words(texts: list[str]) -> None:
    points = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    starts = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
    results = []
    for module in (text_loops, plain_texts):
        tokens, ends, counts = (
            np.empty(len(points), np.uint64),
            np.empty(len(points), np.int32),
            np.zeros(len(texts), int),
        )
        found = module.cut_words(points, _kinds(points), starts, tokens, ends, counts)
        results.append((found, tokens[:found].tolist(), ends[:found].tolist(), counts.tolist()))
    assert results[0] == results[1]


def test_rows_are_gathered() -> None:
    values, first, starts = np.arange(10), np.array([7, 0, 3]), np.array([0, 2, 2, 5])
    out = np.empty(5, int)
    plain_texts.gather(values, first, starts, out)
    assert out.tolist() == [7, 8, 3, 4, 5]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("rotated", "normed"), [(False, False), (True, False), (True, True)])
def test_attention_of_one_new_token(dtype: torch.dtype, rotated: bool, normed: bool) -> None:
    torch.manual_seed(3)
    rows, heads, key_heads, size, length = 3, 4, 2, 8, 9
    low, high = torch.tensor([0, 2, 0]), torch.tensor([4, 9, 1])
    blocks = [torch.randn(4, length, key_heads, size).to(dtype) for _ in range(2)]
    qkv = torch.randn(rows, (heads + 2 * key_heads) * size).to(dtype)
    angles = torch.randn(rows, size // 2).repeat(1, 2) if rotated else torch.empty(rows, 0)
    weights = [torch.rand(size) if normed else torch.empty(0) for _ in range(2)]
    theirs = [block.clone() for block in blocks]
    q, out = torch.empty(rows, heads, size), torch.empty(rows, heads, size)
    attention_loops.attend_new(
        as_array(qkv), angles.cos().numpy(), angles.sin().numpy(), *(weight.numpy() for weight in weights),
        np.float32(1e-6), *(as_array(block) for block in theirs), low.numpy(), high.numpy(), np.float32(0.3),
        q.numpy(), out.numpy(), 0, rows * key_heads,
    )  # fmt: skip
    got = plain_attention.attend_new(
        qkv, angles.cos(), angles.sin(), *weights, 1e-6, *blocks, low, high, 0.3, heads
    )  # fmt: skip
    close = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0.02, "atol": 0.02}
    torch.testing.assert_close(got, out, **close)
    for ours, wanted in zip(blocks, theirs, strict=True):
        torch.testing.assert_close(ours, wanted, **close)
