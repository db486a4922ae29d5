"""Draws follow the distribution, from keys that differ as those of real texts do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from thermoscope import SamplingParams, probabilities
from thermoscope.sampling import draw as draw_module
from thermoscope.sampling.draw import Drawn, draw
from thermoscope.sampling.noise import MAX_SEED, Keys, prompt_key

#: Chance that one chi-square test fails for a right sampler. The keys are fixed: it was taken once, in 10 tests.
SIGNIFICANCE = 1e-4
DRAWS = 50_000


def logits(vocabulary: int = 40) -> torch.Tensor:
    return torch.randn(1, vocabulary, generator=torch.Generator().manual_seed(8)) * 1.5


def keyed(triples: list[tuple[int, int, int]], params: SamplingParams, row: torch.Tensor) -> Drawn:
    n = len(triples)
    return draw(row, [params] * n, Keys(triples), source=torch.zeros(n, dtype=torch.int64))


def chi_square(tokens: torch.Tensor, p: torch.Tensor) -> float:
    """The p-value of the counts of the tokens under p (V,); tokens with less than 5 expected are pooled."""
    counts = np.bincount(tokens.numpy(), minlength=len(p)).astype(float)
    expected = (p.double() / p.double().sum()).numpy() * len(tokens)
    assert counts[expected == 0].sum() == 0, "a token of no probability was drawn"
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    if expected[-1] < 5:  # too little even together
        counts, expected = counts[:-1], expected[:-1] * counts[:-1].sum() / expected[:-1].sum()
    return float(stats.chisquare(counts, expected).pvalue)


SETTINGS = [
    SamplingParams(temperature=0.3),
    SamplingParams(),
    SamplingParams(temperature=1.7),
    SamplingParams(temperature=0.9, top_k=5),
    SamplingParams(temperature=1.7, top_p=0.8),
    SamplingParams(temperature=1.2, min_p=0.1),
    SamplingParams(temperature=1.5, top_k=20, top_p=0.9, min_p=0.02, order="llama.cpp"),
]


@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_draws_follow_the_distribution(params):
    """50,000 keys: 250 seeds x 200 positions of one prompt."""
    prompt = prompt_key([1, 2, 3])
    drawn = keyed([(seed, prompt, position) for seed in range(250) for position in range(200)], params, logits())
    assert chi_square(drawn.tokens, probabilities(logits(), params)[0]) > SIGNIFICANCE


@pytest.mark.parametrize("vary", ["seed", "position", "prompt"])
def test_draws_follow_the_distribution_whatever_varies(vary):
    triples = {
        "seed": [(seed, 5, 0) for seed in range(DRAWS)],
        "position": [(MAX_SEED, 5, position) for position in range(DRAWS)],
        "prompt": [(0, prompt_key([i]), 0) for i in range(DRAWS)],
    }[vary]
    drawn = keyed(triples, SamplingParams(temperature=0.8), logits())
    assert chi_square(drawn.tokens, probabilities(logits(), SamplingParams(temperature=0.8))[0]) > SIGNIFICANCE


def test_a_wrong_distribution_is_noticed():
    """The test above has teeth: draws at T=1.05 are not those of T=1."""
    drawn = keyed([(seed, 5, 0) for seed in range(DRAWS)], SamplingParams(temperature=1.05), logits())
    assert chi_square(drawn.tokens, probabilities(logits(), SamplingParams())[0]) < SIGNIFICANCE


def test_successive_draws_are_independent():
    """Pairs of tokens at neighbouring positions of one seed follow the product of the distributions."""
    params, row = SamplingParams(temperature=0.7), logits(5)
    tokens = keyed([(s, 9, i) for s in range(25_000) for i in range(2)], params, row).tokens.view(-1, 2)
    p = probabilities(row, params)[0].double()
    assert chi_square(tokens[:, 0] * 5 + tokens[:, 1], torch.outer(p, p).flatten()) > SIGNIFICANCE


@pytest.mark.parametrize("extra", [{}, {"top_k": 3}, {"top_p": 0.5}, {"min_p": 0.1}])
def test_temperature_zero_is_the_argmax_for_every_seed(extra):
    rows = torch.randn(50, 300, generator=torch.Generator().manual_seed(1))
    rows[::5] = rows[::5].round()  # ties
    keys = Keys([(seed, 3, 0) for seed in range(50)])
    drawn = draw(rows, [SamplingParams(temperature=0, **extra)] * 50, keys)
    lowest = [(row == row.max()).nonzero()[0, 0].item() for row in rows]
    assert drawn.tokens.tolist() == lowest
    assert drawn.logprobs.tolist() == [0.0] * 50


@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_logprobs_are_those_of_the_distribution(params):
    rows = torch.randn(64, 90, generator=torch.Generator().manual_seed(2)) * 3
    drawn = draw(rows, [params] * 64, Keys([(7, 7, i) for i in range(64)]))
    p = probabilities(rows.double(), params).gather(1, drawn.tokens[:, None])[:, 0]
    assert (p > 0).all()
    torch.testing.assert_close(drawn.logprobs, p.log(), rtol=1e-12, atol=1e-12)


def test_a_row_is_drawn_alike_alone_and_among_others_bit_for_bit():
    settings = [*SETTINGS, SamplingParams(temperature=0), SamplingParams(top_k=1), SamplingParams(top_k=90)] * 3
    rows = torch.randn(4, 90, generator=torch.Generator().manual_seed(3)) * 3
    source = torch.arange(len(settings)) % 4
    triples = [(i % 5, i % 3, 7) for i in range(len(settings))]
    drawn = draw(rows, settings, Keys(triples), source=source)
    for i, (params, triple) in enumerate(zip(settings, triples, strict=True)):
        alone = draw(rows[source[i]][None], [params], Keys([triple]))
        assert alone.tokens[0] == drawn.tokens[i]
        assert alone.logprobs[0] == drawn.logprobs[i], params
    backwards = draw(rows, settings[::-1], Keys(triples[::-1]), source=source.flip(0))
    assert torch.equal(backwards.tokens.flip(0), drawn.tokens)
    assert torch.equal(backwards.logprobs.flip(0), drawn.logprobs)


def test_many_rows_go_in_turns_without_a_difference(monkeypatch):
    rows = torch.randn(30, 90, generator=torch.Generator().manual_seed(4))
    settings = (SETTINGS * 5)[:30]
    keys = Keys([(i, 0, 0) for i in range(30)])
    whole = draw(rows, settings, keys)
    monkeypatch.setattr(draw_module, "_PASS_BYTES", 90 * 8 * 4)
    turns = draw(rows, settings, keys)
    assert torch.equal(whole.tokens, turns.tokens)
    assert torch.equal(whole.logprobs, turns.logprobs)


def test_tokens_of_minus_infinity_are_never_drawn():
    row = torch.full((1, 50), -float("inf"))
    row[0, [3, 44]] = 0.0
    for params in (SamplingParams(), SamplingParams(top_k=10), SamplingParams(temperature=1e308)):
        tokens = keyed([(seed, 0, 0) for seed in range(500)], params, row).tokens
        assert set(tokens.tolist()) == {3, 44}


def test_settings_share_their_noise():
    """Common random numbers: at T=0.7 and T=1.0 one seed gives the same token more often than two seeds do."""
    n, row = 4000, logits(200)
    low, high = SamplingParams(temperature=0.7), SamplingParams()
    a = keyed([(seed, 1, 0) for seed in range(n)], low, row).tokens
    coupled = (a == keyed([(seed, 1, 0) for seed in range(n)], high, row).tokens).double().mean()
    independent = (a == keyed([(seed + n, 1, 0) for seed in range(n)], high, row).tokens).double().mean()
    chance = float((probabilities(row, low) * probabilities(row, high)).sum())
    assert float(independent) == pytest.approx(chance, abs=4 * (chance / n) ** 0.5)
    assert coupled > 3 * chance
    assert coupled > 0.5


def test_a_shared_seed_and_setting_is_one_text_and_others_differ():
    row = logits(200)
    triples = [(1, 2, 3), (1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4)]
    many = [keyed(triples, SamplingParams(temperature=t), row).tokens.tolist() for t in np.linspace(1, 3, 20)]
    assert all(tokens[0] == tokens[1] for tokens in many)
    for other in (2, 3, 4):
        assert any(tokens[0] != tokens[other] for tokens in many)
