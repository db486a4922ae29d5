"""Rows of real, tiny networks: whatever is added, stepped and moved, logits are those of the whole context."""

from __future__ import annotations

import random

import pytest
import torch

from tests.tiny import CONFIGS, VOCABULARY, network
from thermoscope.models import rows as rows_module
from thermoscope.models.rows import CachedRows, PlainRows, cache_works, decoding_of

CACHED = ["gpt2", "llama", "qwen3", "mistral", "gemma3"]
CACHELESS = ["bloom", "mamba", "gpt_neo"]


@pytest.mark.parametrize("kind", CACHED)
def test_the_cache_works_for(kind):
    assert cache_works(network(kind), VOCABULARY) is None


@pytest.mark.parametrize("kind", CACHELESS)
def test_the_cache_is_found_not_to_work_for(kind):
    fault = cache_works(network(kind), VOCABULARY)
    assert fault
    assert "\n" not in fault


def test_a_cache_that_gives_other_logits_is_found_out():
    model = network("llama")
    first = model.forward

    def shifted(**how):
        out = first(**how)
        if how.get("use_cache"):
            out.logits = out.logits + torch.linspace(0, 1, VOCABULARY)
        return out

    model.forward = shifted
    assert "differ" in cache_works(model, VOCABULARY)


def test_a_cache_is_tried_on_ordinary_tokens(monkeypatch):
    """Not on those at the ends of a vocabulary: in bfloat16 some models give noise for special tokens."""
    model, seen = network("llama"), set()
    first = model.forward

    def watched(**how):
        seen.update(how["input_ids"].flatten().tolist())
        return first(**how)

    model.forward = watched
    assert cache_works(model, VOCABULARY) is None
    assert min(seen) >= VOCABULARY // 4 and max(seen) < 3 * VOCABULARY // 4
    assert len(seen) == 7
    for few in (1, 2, 3, 5):
        assert all(0 <= rows_module._ordinary(n, few) < few for n in range(9))


@pytest.mark.parametrize("uneven", [True, False])
@pytest.mark.parametrize("kind", CACHED)
def test_cached_rows_give_the_logits_of_the_whole_context(kind, uneven):
    """A random life: rows of one or several lengths are added, stepped, forked, moved and dropped."""
    model, dice = network(kind), random.Random(4)
    cached, plain = CachedRows(model, 12, 70), PlainRows(model)
    worst = 0.0

    def check(ours: torch.Tensor, theirs: torch.Tensor) -> None:
        nonlocal worst
        assert ours.shape == theirs.shape
        assert ours.dtype == torch.float32
        worst = max(worst, float((ours - theirs).abs().max() / theirs.abs().max()))

    def context(length: int) -> list[int]:
        return [dice.randrange(1, VOCABULARY) for _ in range(length)]

    lengths = [3, 17, 17, 1, 9] if uneven else [9] * 5
    contexts = [context(n) for n in lengths]
    check(cached.add(contexts), plain.add(contexts))
    for step in range(30):
        if step % 3 == 0:
            most = min(12, len(plain) + 2)
            sources = [dice.randrange(len(plain)) for _ in range(dice.randint(2, most))]
            cached.select(sources)
            plain.select(sources)
        tokens = torch.tensor(context(len(plain)))
        check(cached.step(tokens), plain.step(tokens))
        if step in (7, 19) and len(plain) < 11 and uneven:  # a new prompt while others are under way
            late = [context(6)]
            check(cached.add(late), plain.add(late))
    assert len(cached) == len(plain)
    assert worst < 1e-4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", CACHED)
def test_rows_on_a_gpu_give_the_logits_of_the_whole_context(kind):
    found = decoding_of(network(kind).to("cuda"), VOCABULARY)
    assert (found.cache, found.notes) == (True, ())


def test_rows_may_all_go_and_others_come():
    model = network("gpt2")
    cached, plain = CachedRows(model, 2, 20), PlainRows(model)
    for rows in (cached, plain):
        rows.add([[1, 2, 3], [4]])
        rows.select([])
        assert len(rows) == 0
    torch.testing.assert_close(cached.add([[7, 8]]), plain.add([[7, 8]]), rtol=1e-4, atol=1e-4)
    tokens = torch.tensor([9])
    torch.testing.assert_close(cached.step(tokens), plain.step(tokens), rtol=1e-4, atol=1e-4)


def test_many_prompts_go_through_in_passes(monkeypatch):
    model = network("gpt2")
    contexts = [[n + 1, n + 2, n + 3] for n in range(10)]
    seen: list[int] = []
    model.register_forward_pre_hook(lambda _, __, how: seen.append(len(how["input_ids"])), with_kwargs=True)
    whole = CachedRows(model, 10, 5).add(contexts)
    monkeypatch.setattr("thermoscope.models.rows._PREFILL_TOKENS", 12)
    rows = CachedRows(model, 10, 5)
    torch.testing.assert_close(rows.add(contexts), whole, rtol=1e-4, atol=1e-4)
    assert seen == [10, 4, 4, 2]
    assert len(rows) == 10


@pytest.mark.parametrize("kind", CONFIGS)
def test_plain_rows_keep_the_order_of_rows_of_any_length(kind):
    model = network(kind)
    contexts = [[5, 6, 7], [8], [9, 10, 11], [12, 13]]
    together = PlainRows(model).add(contexts)
    for row, context in enumerate(contexts):
        with torch.inference_mode():
            want = model(input_ids=torch.tensor([context])).logits[0, -1]
        torch.testing.assert_close(together[row], want, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("chunk", [4, 2048])
@pytest.mark.parametrize("kind", CACHED)
def test_contexts_that_begin_alike_and_long_ones(kind, chunk, monkeypatch):
    """What all begin with is run once, long contexts in chunks: the same logits, now and a step later."""
    monkeypatch.setattr(rows_module, "_CHUNK", chunk)
    model, dice = network(kind), random.Random(5)
    start = [dice.randrange(1, VOCABULARY) for _ in range(20)]
    contexts = [start + [dice.randrange(1, VOCABULARY) for _ in range(n)] for n in (3, 3, 1, 9, 3)]
    cached, plain = CachedRows(model, 8, 40), PlainRows(model)
    tokens_run = count_tokens(cached, monkeypatch)
    other = [[7, 8, 9]]
    pairs = [(cached.add(other), plain.add(other)), (cached.add(contexts), plain.add(contexts))]
    assert tokens_run() == 3 + 20 + 3 + 3 + 1 + 9 + 3
    pairs.append((cached.step(torch.arange(1, 7)), plain.step(torch.arange(1, 7))))
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("contexts", "shared"),
    [
        ([[1] * 30], 0),
        ([[1] * 30, [1] * 30], 29),
        ([[1] * 30, [1] * 17], 16),
        ([[1] * 30, [1] * 16], 0),
        ([[1] * 20 + [2], [1] * 20 + [3], [1] * 25], 20),
        ([[1] * 15 + [2], [1] * 15 + [3]], 0),
    ],
)
def test_how_much_is_shared(contexts, shared):
    assert CachedRows(network("gpt2"), 4, 40)._shared(contexts) == shared


def count_tokens(cached, monkeypatch):
    """How many tokens went through the model from here on."""
    first, seen = cached._forward, []

    def counting(ids, positions, mask):
        seen.append(ids.numel())
        return first(ids, positions, mask)

    monkeypatch.setattr(cached, "_forward", counting)
    return lambda: sum(seen)
