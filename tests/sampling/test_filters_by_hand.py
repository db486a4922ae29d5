"""The rarer filters by hand arithmetic, and properties of all filters."""

import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.sampling.test_filters import HALVES, column, kept, logits_of
from thermoscope import SamplingParams, probabilities
from thermoscope.sampling import filters
from thermoscope.sampling.draw import draw
from thermoscope.sampling.noise import Keys
from thermoscope.sampling.stages import mirostat_mu
from thermoscope.sampling.trace import trace
from thermoscope.settings.stages import STAGE_OF, STAGES

INF = math.inf
LN2 = math.log(2)


def test_entropy_of_halves():
    # 1/2 ln 2 + 1/4 ln 4 + 2 * 1/8 ln 8 = (1/2 + 2/4 + 6/8) ln 2 = 1.75 ln 2
    logp = filters.log_probabilities(logits_of(HALVES, [1, 0, 0, 0]))
    assert filters.entropy(logp)[:, 0].tolist() == pytest.approx([1.75 * LN2, 0], abs=1e-15)


def test_top_n_sigma():
    # mean 1, deviations 3, 1, -1, -3: sigma = sqrt((9 + 1 + 1 + 9) / 4) = sqrt 5 = 2.236
    logits = torch.tensor([[4.0, 2.0, 0.0, -2.0]] * 4)
    # 4 - 0.8 sigma = 2.21; 4 - 0.9 sigma = 1.99; 4 - 1.7 sigma = 0.2; 4 - 2.7 sigma = -2.04
    assert kept(filters.top_n_sigma(logits, column(0.8, 0.9, 1.7, 2.7))) == [[0], [0, 1], [0, 1], [0, 1, 2, 3]]


def test_top_n_sigma_looks_at_what_is_left():
    # of 4 and 2 alone: mean 3, sigma 1; 4 - 1.9 = 2.1 drops 2, 4 - 2 keeps it. One token has no deviation.
    logits = torch.tensor([[4.0, -INF, 2.0, -INF], [4.0, -INF, 2.0, -INF], [7.0, -INF, -INF, -INF]])
    assert kept(filters.top_n_sigma(logits, column(1.9, 2.0, 1.0))) == [[0], [0, 2], [0]]
    assert kept(filters.top_n_sigma(torch.full((1, 3), 5.0), column(0.1))) == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("p", "tokens"),
    [
        # surprises in units of ln 2: 1, 2, 3, 3; entropy 1.75; distances 0.75, 0.25, 1.25, 1.25
        (0.2, [1]),  # the nearest has 1/4
        (0.25, [1]),
        (0.26, [0, 1]),  # then the first: 3/4
        (0.75, [0, 1]),
        (0.8, [0, 1, 2, 3]),  # the last two are as near as each other
        (1.0, [0, 1, 2, 3]),
    ],
)
def test_typical_p(p, tokens):
    assert kept(filters.typical_p(logits_of(HALVES), column(p))) == [tokens]


def test_typical_p_may_drop_the_most_probable():
    # 0.6 and 40 of 0.01: entropy 0.6 * 0.511 + 0.4 * 4.605 = 2.149; distances 1.638 and 2.456
    row = [0.6] + [0.01] * 40
    assert kept(filters.typical_p(logits_of(row), column(0.5))) == [[0]]
    # 0.4 and 60 of 0.01: entropy 0.4 * 0.916 + 0.6 * 4.605 = 3.130; distances 2.214 and 1.475
    row = [0.4] + [0.01] * 60
    assert kept(filters.typical_p(logits_of(row), column(0.5))) == [list(range(1, 61))]


def test_typical_p_of_a_large_vocabulary_is_its_definition():
    generator = torch.Generator().manual_seed(1)
    rows = torch.cat([torch.randn(2, 9000, generator=generator) * s for s in (0.05, 1, 4)])
    for p in (0.2, 0.9, 0.999):
        got = kept(filters.typical_p(rows, torch.full((6, 1), p).double()))
        for row, tokens in zip(rows, got, strict=True):
            q = torch.softmax(row.double(), -1)
            distance = (-q.log() + (q * q.log()).sum()).abs()
            order = distance.argsort()
            enough = int((q[order].cumsum(0) < p).sum())
            assert tokens == (distance <= distance[order[enough]]).nonzero().flatten().tolist()


def test_epsilon_cutoff():
    logits = logits_of(HALVES).repeat(4, 1)
    # the last keeps the most probable, although none reaches 0.6
    assert kept(filters.epsilon_cutoff(logits, column(0, 0.125, 0.2, 0.6))) == [[0, 1, 2, 3]] * 2 + [[0, 1], [0]]


def test_eta_cutoff():
    # exp(-H) = 2^-1.75 = 0.297; sqrt(eta) * 0.297 against eta: 0.25 -> min(0.25, 0.149); 0.5 -> 0.21; 0.04 -> 0.04
    logits = logits_of(HALVES).repeat(4, 1)
    assert kept(filters.eta_cutoff(logits, column(0.25, 0.5, 0.04, 0))) == [[0, 1]] * 2 + [[0, 1, 2, 3]] * 2
    # 0.0178 = min(0.2, sqrt(0.2) * 0.297 = 0.1328): between 1/8 and 1/4
    assert kept(filters.eta_cutoff(logits_of(HALVES), column(0.2))) == [[0, 1]]


def test_top_a():
    # a * (1/2)^2: 0.5 -> 1/8, 0.6 -> 0.15, 1 -> 1/4
    logits = logits_of(HALVES).repeat(4, 1)
    assert kept(filters.top_a(logits, column(0, 0.5, 0.6, 1))) == [[0, 1, 2, 3]] * 2 + [[0, 1]] * 2
    assert kept(filters.top_a(logits_of([0.5, 0.3, 0.2]), column(1))) == [[0, 1]]


def test_xtc():
    logits = logits_of([0.4, 0.3, 0.2, 0.1])

    def run(threshold, fires=True):
        return kept(filters.xtc(logits, torch.tensor([[fires]]), column(threshold)))[0]

    assert run(0.15) == [2, 3]  # 0.4, 0.3 and 0.2 reach it; the least of them stays, and what is below
    assert run(0.3) == [1, 2, 3]
    assert run(0.35) == [0, 1, 2, 3]  # one alone stays
    assert run(0.5) == [0, 1, 2, 3]  # none
    assert run(0.0) == [3]
    assert run(0.15, fires=False) == [0, 1, 2, 3]


def test_xtc_of_equal_tokens_keeps_one():
    logits = torch.tensor([[1.0, 1.0, 1.0, -INF]])
    assert kept(filters.xtc(logits, torch.tensor([[True]]), column(0.2))) == [[2]]
    assert kept(filters.xtc(logits, torch.tensor([[True]]), column(0.0))) == [[2]]


def test_mirostat_keeps_surprises_up_to_mu():
    logits = logits_of(HALVES).repeat(4, 1)  # 1, 2, 3, 3 bits
    assert kept(filters.mirostat(logits, column(3, 2.5, 1, 0.5))) == [[0, 1, 2, 3], [0, 1], [0], [0]]


def test_mirostat_mu_follows_the_surprise():
    setting = SamplingParams(mirostat_tau=3, mirostat_eta=0.5)
    assert mirostat_mu(setting, []) == 6
    # a token of 1/4 has 2 bits, one below tau: mu goes up by 0.5; one of 1/32 has 5: down by 1
    assert mirostat_mu(setting, [math.log(1 / 4)]) == pytest.approx(6.5)
    assert mirostat_mu(setting, [math.log(1 / 4), math.log(1 / 32)]) == pytest.approx(5.5)


def test_dynamic_temperature():
    # four equal tokens: H = ln 4, relative 1: the highest; halves: 1.75 ln 2 / ln 4 = 0.875
    rows = logits_of([0.25] * 4, HALVES, HALVES, HALVES)
    t = filters.dynamic_temperature(rows, column(1, 1, 1, 0.3), column(0.5, 0.5, 0.5, 0.5), column(1, 1, 2, 1))
    # 0.5 + 1 * 0.875; 0.5 + 0.875^2; from 0 to 0.8: 0.8 * 0.875
    assert t[:, 0].tolist() == pytest.approx([1.5, 1.375, 1.265625, 0.7])


def test_dynamic_temperature_without_range_or_choice_is_the_temperature():
    rows = torch.tensor([[0.0, 1.0, 2.0], [0.0, -INF, -INF]]).double()
    assert filters.dynamic_temperature(rows, column(0.8, 0.8), column(0, 0.5), column(1, 1)).tolist() == [[0.8]] * 2


# --- in the chain ---------------------------------------------------------------------------------------------


def test_xtc_is_a_mixture_of_both_outcomes():
    # 0.4 .3 .2 .1 at threshold 0.15: without 0.4 and 0.3 there remain 2/3 and 1/3
    p = probabilities(logits_of([0.4, 0.3, 0.2, 0.1]), SamplingParams(xtc_probability=0.25, xtc_threshold=0.15))
    assert p[0].tolist() == pytest.approx([0.3, 0.225, 0.75 * 0.2 + 0.25 * 2 / 3, 0.75 * 0.1 + 0.25 / 3])


def test_the_coin_of_xtc_is_the_noise_of_seed_prompt_and_position():
    """Draws of 4,000 seeds are the mixture (chi-square, 3 degrees: p < 1e-4 above 21.1), whatever the batch."""
    logits = logits_of([0.4, 0.3, 0.2, 0.1])
    setting = SamplingParams(xtc_probability=0.25, xtc_threshold=0.15)
    n = 4000
    keys = Keys([(seed, 5, 0) for seed in range(n)])
    tokens = draw(logits, [setting] * n, keys, source=torch.zeros(n, dtype=torch.int64)).tokens.tolist()
    counts, expected = Counter(tokens), (probabilities(logits, setting)[0] * n).tolist()
    assert sum((counts[i] - e) ** 2 / e for i, e in enumerate(expected)) < 21.1
    some = [17, 3, 2999]
    alone = draw(logits, [setting] * 3, Keys([(s, 5, 0) for s in some]), source=torch.zeros(3, dtype=torch.int64))
    assert alone.tokens.tolist() == [tokens[s] for s in some]


def test_coins_are_uniform_and_from_their_own_stream():
    import numpy as np
    from scipy import stats

    keys = Keys([(seed, 9, 4) for seed in range(3000)])
    coins = keys.uniform()
    assert stats.kstest(coins.numpy(), "uniform").pvalue > 1e-4
    word = np.random.Philox(counter=np.array([0, 4, 9, 1], dtype=np.uint64), key=np.array([7, 0], dtype=np.uint64))
    assert float(coins[7]) == ((int(word.random_raw(1)[0]) >> 12) + 0.5) / 2**52


SETTINGS = st.builds(
    lambda values, order: SamplingParams(**values, order=order),
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0.1, 5),
            "top_k": st.integers(1, 12),
            "top_p": st.floats(0.01, 1),
            "min_p": st.floats(0, 1),
            "typical_p": st.floats(0.01, 1),
            "epsilon_cutoff": st.floats(0, 0.9),
            "eta_cutoff": st.floats(0, 0.9),
            "top_a": st.floats(0, 1),
            "top_n_sigma": st.floats(0.1, 5),
            "repetition_penalty": st.floats(0.3, 3),
            "presence_penalty": st.floats(-2, 2),
            "frequency_penalty": st.floats(-2, 2),
            "no_repeat_ngram_size": st.integers(1, 4),
            "dry_multiplier": st.floats(0, 3),
            "dynatemp_range": st.floats(0, 1),
            "xtc_probability": st.sampled_from([0.0, 0.5, 1.0]),
            "mirostat_tau": st.floats(0.1, 5),
            "logit_bias": st.dictionaries(st.integers(0, 8), st.floats(-9, 9), max_size=2),
        },
    ),
    st.permutations(list(STAGES)),
)
ROWS = st.lists(st.floats(-30, 30, width=32) | st.sampled_from([0.0, 1.0, -INF]), min_size=9, max_size=9).filter(
    lambda row: any(math.isfinite(x) for x in row)
)
CONTEXTS = st.lists(st.integers(0, 8), max_size=12)


@pytest.mark.slow
@given(st.lists(st.tuples(ROWS, SETTINGS, CONTEXTS, CONTEXTS), min_size=1, max_size=4))
def test_any_stages_in_any_order(batch):
    """A survivor always, probabilities that sum to 1, nothing revived, and each row as if it were alone."""
    rows, settings, prompts, outputs = (list(part) for part in zip(*batch, strict=True))
    logits = torch.tensor(rows)
    drawn = [[-1.0] * len(output) for output in outputs]
    p = probabilities(logits, settings, prompt_ids=prompts, output_ids=outputs, drawn_logprobs=drawn)
    torch.testing.assert_close(p.sum(dim=-1), torch.ones(len(rows)), rtol=0, atol=1e-6)
    assert (p >= 0).all()
    assert (p[logits == -INF] == 0).all()
    for i in range(len(rows)):
        alone = probabilities(
            logits[i : i + 1], settings[i], prompt_ids=[prompts[i]], output_ids=[outputs[i]], drawn_logprobs=[drawn[i]]
        )
        assert torch.equal(alone[0], p[i])
        if settings[i].xtc_probability in (None, 0, 1):  # else p is a mixture
            traced = trace(
                logits[i], settings[i], prompt_ids=prompts[i], output_ids=outputs[i], drawn_logprobs=drawn[i]
            )  # which searches no candidates, but goes through the whole vocabulary stage by stage
            torch.testing.assert_close(traced[-1].probabilities.float(), p[i], rtol=0, atol=1e-6)


def test_a_penalty_after_top_k_finds_its_tokens():
    """What top_k left is kept as a few columns; a penalty behind it looks for tokens by their ids."""
    logits = torch.tensor([[0.0, 1.0, 5.0, 4.0, 2.0, 3.0]])
    params = SamplingParams(top_k=2, repetition_penalty=2.0, order=["top_k", "repetition"])
    # 5 and 4 / 2 are left: odds e^(5 - 2)
    p = probabilities(logits, params, prompt_ids=[[3, 0]])[0]
    assert p.tolist() == pytest.approx([0, 0, 1 / (1 + math.exp(-3)), math.exp(-3) / (1 + math.exp(-3)), 0, 0])


IDEMPOTENT = {
    "top_k": 3, "min_p": 0.1, "no_repeat_ngram_size": 2
}  # fmt: skip


@pytest.mark.parametrize("name", IDEMPOTENT)
@given(ROWS)
def test_idempotent_where_that_holds(name, row):
    """What these leave, they leave again. Not so those that count mass or entropy anew: top_p=0.8 of 5, 3, 2."""
    from thermoscope.sampling.stages import FUNCTIONS, StageRows

    rows = StageRows(
        [SamplingParams(**{name: IDEMPOTENT[name]})], [[1, 2, 1]], [[3, 1]], None, None, torch.device("cpu")
    )
    stage = STAGE_OF[name]
    once = FUNCTIONS[stage](torch.tensor([row]), rows)
    assert torch.equal(FUNCTIONS[stage](once, rows), once)


def test_top_p_is_not_idempotent():
    once = filters.top_p(logits_of([0.5, 0.3, 0.2]), column(0.8))
    assert kept(once) == [[0, 1]]
    # of 5/8 and 3/8 the first has not 0.8 yet: here it is; at 0.6 it is not
    assert kept(filters.top_p(filters.top_p(logits_of([0.5, 0.3, 0.2]), column(0.6)), column(0.6))) == [[0]]


COMMUTING = [
    ({"temperature": 0.7}, {"top_k": 3}),
    ({"temperature": 1.7}, {"top_n_sigma": 1.0}),
    ({"top_k": 4}, {"min_p": 0.1}),
    ({"logit_bias": {1: 2.0}}, {"presence_penalty": 0.5}),
    ({"dry_multiplier": 0.8}, {"frequency_penalty": 0.5}),
    ({"no_repeat_ngram_size": 2}, {"repetition_penalty": 1.3}),
    ({"temperature": 0.5}, {"no_repeat_ngram_size": 2}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("a", "b"), COMMUTING, ids=str)
@given(ROWS)
def test_independent_of_the_order_where_that_holds(a, b, row):
    """The pairs that exports take to commute (engines.dialect)."""
    from thermoscope.engines.dialect import conflicts

    stages = [STAGE_OF[next(iter(part))] for part in (a, b)]
    one, other = (SamplingParams(**a, **b, order=order) for order in (stages, stages[::-1]))
    assert conflicts(one, other.order) == []
    context = {"prompt_ids": [[1, 2, 1]], "output_ids": [[2, 3, 1]]}
    logits = torch.tensor([row], dtype=torch.float64)
    torch.testing.assert_close(
        probabilities(logits, one, **context), probabilities(logits, other, **context), rtol=0, atol=1e-9
    )
