"""Passes over whole vocabularies: compiled loops against torch in float64, and against the torch code beside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from thermoscope import probabilities
from thermoscope.cpu import draw_loops
from thermoscope.sampling import passes
from thermoscope.sampling.chain import process
from thermoscope.sampling.draw import draw
from thermoscope.sampling.noise import Keys, philox
from thermoscope.settings.params import SamplingParams

#: Uneven sizes, blocks that are cut, one token, and rows with much at -inf.
SIZES = [1, 2, 63, 64, 65, 1023, 1024, 1025, 5000]


def rows(size: int, *, spread: float = 3.0) -> torch.Tensor:
    made = torch.randn(6, size, generator=torch.Generator().manual_seed(size)) * spread
    made[1] = made[1].round()  # ties
    made[2] = 0.0
    if size > 2:
        made[3, ::2] = float("-inf")
        made[4, 1:] = float("-inf")
        made[5] *= 1e4
    return made


@pytest.fixture
def plain_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a device that has no compiled loops."""
    monkeypatch.setattr(passes, "compiled_for", lambda _: False)
    monkeypatch.setattr(passes, "drawn_by_loops", lambda _: False)


@pytest.mark.parametrize("size", SIZES)
def test_summaries(size: int) -> None:
    logits = rows(size)
    totals, entropies = passes.summaries(logits)
    logp = torch.log_softmax(logits.double(), dim=-1)
    torch.testing.assert_close(totals, torch.logsumexp(logits.double(), dim=-1), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(entropies, torch.special.entr(logp.exp()).sum(dim=-1), rtol=2e-6, atol=2e-6)


def test_summaries_of_one_survivor() -> None:
    totals, entropies = passes.summaries(torch.tensor([[float("-inf"), 2.5, float("-inf")]]))
    assert float(totals[0]) == 2.5
    assert abs(float(entropies[0])) < 1e-30


@pytest.mark.parametrize("size", SIZES)
def test_torch_elsewhere_gives_the_same(size: int, request: pytest.FixtureRequest) -> None:
    logits = rows(size)
    source, tokens = torch.tensor([0, 0, 1, 2, 3, 4, 5]), torch.tensor([0, size - 1, size // 2, 0, size // 2, 0, 0])
    thresholds = torch.topk(logits, min(3, size)).values[:, -1]
    compiled = (
        *passes.summaries(logits),
        passes.ranks(logits, source, tokens),
        *passes.at_least(logits, thresholds),
    )
    request.getfixturevalue("plain_torch")
    plain = (
        *passes.summaries(logits),
        passes.ranks(logits, source, tokens),
        *passes.at_least(logits, thresholds),
    )
    for ours, theirs in zip(compiled, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-6, atol=2e-6)


def test_ranks_count_what_is_larger() -> None:
    logits = torch.tensor([[1.0, 3.0, 3.0, float("-inf")], [0.0, 0.0, 0.0, 0.0]])
    source = torch.tensor([0, 0, 0, 0, 1, 1])
    assert passes.ranks(logits, source, torch.tensor([1, 2, 0, 3, 0, 3])).tolist() == [1, 1, 3, 4, 1, 1]


def test_ranks_of_many_tokens_of_a_row_are_those_of_each() -> None:
    logits = torch.randn(1, 200).round(decimals=1)  # with ties
    tokens = torch.arange(200)
    each = [int(passes.ranks(logits, torch.tensor([0]), token[None])) for token in tokens]
    assert passes.ranks(logits, torch.zeros(200, dtype=torch.int64), tokens).tolist() == each


def test_at_least_keeps_ties_in_order_of_id() -> None:
    logits = torch.tensor([[5.0, 1.0, 5.0, 4.0, 5.0], [0.0, 9.0, 0.0, 0.0, 0.0]])
    values, ids = passes.at_least(logits, torch.tensor([5.0, 1.0]))
    assert ids.tolist() == [[0, 2, 4], [1, 0, 0]]
    assert values.tolist() == [[5.0, 5.0, 5.0], [9.0, float("-inf"), float("-inf")]]
    assert values.dtype == torch.float64


@pytest.mark.parametrize("size", [1, 3, 4, 5, 1000])
def test_compiled_noise_is_philoxs(size: int) -> None:
    triples = [(2**64 - 1, 2**63 + 5, 12), (0, 0, 0)]
    blocks = torch.arange(1, (size + 3) // 4 + 1)
    uniforms = torch.empty(2, size, dtype=torch.float64)
    draw_loops.uniforms_of_rows(np.array(triples, dtype=np.uint64), uniforms.numpy(), 0, 2)
    for row, triple in enumerate(triples):
        seed, prompt, position = (torch.tensor(np.array([word], np.uint64).view(np.int64)) for word in triple)
        none = torch.zeros_like(blocks)
        counter = torch.stack([blocks, position.expand_as(blocks), prompt.expand_as(blocks), none])
        words = philox(counter, torch.stack([seed.expand_as(blocks), none])).T.flatten()[:size]
        want = ((words.numpy().view(np.uint64) >> np.uint64(12)).astype(np.float64) + 0.5) / 2**52
        assert uniforms[row].tolist() == want.tolist()
    ids = torch.arange(size).flip(0)[None].repeat(2, 1)
    places = torch.empty(2, size, dtype=torch.float64)
    draw_loops.uniforms_of_tokens(np.array(triples, dtype=np.uint64), np.array([1, 0]), ids.numpy(), places.numpy())
    assert torch.equal(places, uniforms.flip(0).flip(1))


@pytest.mark.parametrize("temperature", [1e-4, 0.3, 1.0, 7.0, 1e6])
@pytest.mark.parametrize("size", [1, 65, 1025, 5000])
def test_untruncated_draws_are_those_of_the_chain(
    size: int, temperature: float, request: pytest.FixtureRequest
) -> None:
    """Token for token: the same sums, in float64, and ties to the lowest id."""
    logits, source = rows(size), torch.arange(6).repeat(40)
    keys = Keys([(seed, 1, 2) for seed in range(40) for _ in range(6)])
    params = [SamplingParams(temperature=temperature)] * 240
    fast = draw(logits, params, keys, source=source)
    request.getfixturevalue("plain_torch")
    slow = draw(logits, params, keys, source=source)
    assert fast.tokens.tolist() == slow.tokens.tolist()
    torch.testing.assert_close(fast.logprobs, slow.logprobs, rtol=1e-12, atol=1e-12)


def test_truncated_and_untruncated_rows_share_a_draw() -> None:
    logits = rows(1000)
    params = [SamplingParams(temperature=t, top_k=k) for t in (0.0, 0.8) for k in (None, 4, 1)]
    keys = Keys([(9, 9, 9)] * 6)
    together = draw(logits, params, keys)
    for n in range(6):
        alone = draw(logits[n : n + 1], params[n : n + 1], Keys([(9, 9, 9)]))
        assert int(alone.tokens[0]) == int(together.tokens[n])
        assert float(alone.logprobs[0]) == float(together.logprobs[n])


# --- the first truncation of wide rows -----------------------------------------------------------------------------

WIDE = 9000
TRUNCATIONS = [
    {"top_k": 1}, {"top_k": 40}, {"top_k": 400}, {"top_p": 0.3}, {"top_p": 0.95}, {"top_p": 1.0}, {"min_p": 0.05},
    {"min_p": 0.0}, {"min_p": 1.0}, {"epsilon_cutoff": 3e-4}, {"epsilon_cutoff": 0.9}, {"eta_cutoff": 2e-3},
    {"top_a": 0.2}, {"top_a": 0.0}, {"top_n_sigma": 1.5}, {"mirostat_tau": 3.0}, {"typical_p": 0.9},
    {"xtc_probability": 0.5, "xtc_threshold": 0.01}, {"dynatemp_range": 0.4, "temperature": 0.8, "top_p": 0.9},
    {"top_k": 50, "top_p": 0.9, "min_p": 0.02, "epsilon_cutoff": 1e-3},
    {"repetition_penalty": 1.3, "presence_penalty": 0.4, "frequency_penalty": 0.1, "logit_bias": {7: 2.0}},
    {"no_repeat_ngram_size": 2, "min_p": 0.05}, {"dry_multiplier": 0.8, "top_p": 0.9},
    {"min_p": 0.1, "order": "llama.cpp"},
    {"top_k": 9, "repetition_penalty": 1.2, "order": ["top_k", "repetition", "temperature"]},
]  # fmt: skip


def wide(*, spread: float = 3.0) -> torch.Tensor:
    """Rows with ties, with half of the tokens gone, with one token, and one with logits of 1e4."""
    return rows(WIDE, spread=spread)


def contexts() -> dict[str, list[list[int]]]:
    generator = torch.Generator().manual_seed(1)
    return {
        "prompt_ids": torch.randint(0, 6, (6, 9), generator=generator).tolist(),
        "output_ids": torch.randint(0, 6, (6, 14), generator=generator).tolist(),
    }


@pytest.mark.parametrize("temperature", [0.0, 0.4, 1.0, 1.7])
@pytest.mark.parametrize("values", TRUNCATIONS, ids=str)
def test_candidates_found_in_whole_rows_are_the_filters(
    values: dict, temperature: float, request: pytest.FixtureRequest
) -> None:
    """The compiled way and torch's, of float32 logits, and both of float64 ones."""
    params = SamplingParams(**({"temperature": temperature} | values))
    logits = wide()
    compiled = probabilities(logits, params, **contexts())
    request.getfixturevalue("plain_torch")
    torch.testing.assert_close(compiled, probabilities(logits, params, **contexts()), rtol=1e-5, atol=1e-7)
    exact = probabilities(logits.double(), params, **contexts()).float()
    torch.testing.assert_close(compiled, exact, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("values", TRUNCATIONS, ids=str)
def test_a_wide_row_is_drawn_the_same_alone_and_in_any_company(values: dict) -> None:
    """To the last bit, among rows with other values, in other order, and with a shared row of logits."""
    logits, context = wide(), contexts()
    others = [SamplingParams(**({"temperature": t} | values)) for t in (0.5, 1.0, 1.4)]
    source = torch.tensor([0, 1, 2, 3, 4, 5, 0, 5, 3, 1, 0, 2])
    params = [others[n % 3] for n in range(12)]
    triples = [(n % 4, 3, 7) for n in range(12)]
    lists = {name: [rows_[s] for s in source.tolist()] for name, rows_ in context.items()}
    drawn = {"drawn_logprobs": [[-1.0, -2.5]] * 12}
    together = draw(logits, params, Keys(triples), source=source, **lists, **drawn)
    for n in range(12):
        one = {name: [rows_[n]] for name, rows_ in (lists | drawn).items()}
        alone = draw(logits[source[n]][None], [params[n]], Keys([triples[n]]), **one)
        assert int(alone.tokens[0]) == int(together.tokens[n])
        assert float(alone.logprobs[0]) == float(together.logprobs[n])


@pytest.mark.parametrize("values", TRUNCATIONS, ids=str)
def test_wide_draws_are_those_of_torch(values: dict, request: pytest.FixtureRequest) -> None:
    params = [SamplingParams(**({"temperature": t} | values)) for t in (0.0, 0.6, 1.0) for _ in range(20)]
    keys = Keys([(seed, 1, 2) for seed in range(60)])
    source = torch.arange(60) % 6
    lists = {name: [rows_[s] for s in source.tolist()] for name, rows_ in contexts().items()}
    fast = draw(wide(), params, keys, source=source, **lists)
    request.getfixturevalue("plain_torch")
    slow = draw(wide(), params, keys, source=source, **lists)
    assert fast.tokens.tolist() == slow.tokens.tolist()
    torch.testing.assert_close(fast.logprobs, slow.logprobs, rtol=1e-5, atol=1e-6)


def test_half_types_are_drawn_as_float32() -> None:
    logits = wide().to(torch.bfloat16)
    params = [SamplingParams(temperature=0.8, min_p=0.01, repetition_penalty=1.1)] * 6
    keys = Keys([(seed, 1, 2) for seed in range(6)])
    half, full = (draw(x, params, keys, **contexts()) for x in (logits, logits.float()))
    assert half.tokens.tolist() == full.tokens.tolist()
    assert half.logprobs.tolist() == full.logprobs.tolist()


def test_penalties_in_loops_are_those_of_torch() -> None:
    """Values that float32 can't hold as well: a penalty removes no token and makes none infinite."""
    for values in (
        {"repetition_penalty": 1.7}, {"repetition_penalty": 1e300}, {"repetition_penalty": 1e-300},
        {"presence_penalty": 1.5, "frequency_penalty": -0.2}, {"presence_penalty": 1e39}, {"no_repeat_ngram_size": 1},
        {"no_repeat_ngram_size": 3},
    ):  # fmt: skip
        (compiled,) = process(wide(), [SamplingParams(**values)] * 6, **contexts())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(passes, "compiled_for", lambda _: False)
            patch.setattr(passes, "drawn_by_loops", lambda _: False)
            (plain,) = process(wide(), [SamplingParams(**values)] * 6, **contexts())
        assert torch.equal(compiled.tempered(), plain.tempered())
        assert bool((compiled.logits.amax(dim=-1) > float("-inf")).all())
