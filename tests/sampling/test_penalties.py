"""Penalties by hand arithmetic, and against slow definitions over any tokens."""

import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.sampling import penalties
from thermoscope.sampling.penalties import Tokens

INF = math.inf
CPU = torch.device("cpu")


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def tokens(*lists):
    return Tokens.of(lists, device=CPU)


ROW = torch.tensor([[2.0, -1.0, 0.0, 4.0]], dtype=torch.float64)


def test_logit_bias_adds():
    out = penalties.logit_bias(ROW.repeat(2, 1), [{1: 3.0, 3: -0.5}, {0: -9.0, 99: 5.0}])
    assert out.tolist() == [[2, 2, 0, 3.5], [-7, -1, 0, 4]]


def test_repetition_divides_positive_and_multiplies_negative_once_per_token():
    # 4 / 2 = 2; -1 * 2 = -2; 0 stays; token 0 is not there. Token 3 is there three times and counts once.
    out = penalties.repetition(ROW, column(2), tokens([3, 3, 1, 2, 3]))
    assert out.tolist() == [[2, -2, 0, 2]]


def test_repetition_below_one_makes_what_is_there_more_likely():
    assert penalties.repetition(ROW, column(0.5), tokens([0, 1])).tolist() == [[4, -0.5, 0, 4]]


def test_presence_counts_once_and_frequency_each_time():
    # token 0 twice: 2 - 0.5 - 2 * 0.25 = 1; token 1 once: -1 - 0.5 - 0.25 = -1.75
    out = penalties.presence_frequency(ROW, column(0.5), column(0.25), tokens([0, 1, 0]))
    assert out.tolist() == [[1, -1.75, 0, 4]]


def test_no_repeat_ngram():
    # the text ends in 1: of the 2-grams (1,2), (2,1), (1,0) two begin with 1 and would be completed by 2 and 0
    context = tokens([1, 2, 1, 0, 1])
    assert penalties.no_repeat_ngram(ROW, [2], context).tolist() == [[-INF, -1, -INF, 4]]
    # the 3-gram (0, 1, x) has not been there before
    assert penalties.no_repeat_ngram(ROW, [3], context).tolist() == ROW.tolist()
    # n = 1 bans all that is there
    assert penalties.no_repeat_ngram(ROW, [1], context).tolist() == [[-INF, -INF, -INF, 4]]
    # n = 6 is longer than the text
    assert penalties.no_repeat_ngram(ROW, [6], context).tolist() == ROW.tolist()


def test_no_repeat_ngram_never_removes_all():
    assert penalties.no_repeat_ngram(ROW, [1], tokens([0, 1, 2, 3])).tolist() == ROW.tolist()
    masked = ROW.masked_fill(torch.tensor([[False, True, True, True]]), -INF)
    assert penalties.no_repeat_ngram(masked, [1], tokens([0])).tolist() == masked.tolist()


def dry(context, *, multiplier=1.0, base=2.0, allowed=2, breakers=(), vocabulary=10):
    logits = torch.zeros(1, vocabulary, dtype=torch.float64)
    out = penalties.dry(logits, column(multiplier), column(base), column(allowed), [breakers], tokens(context))
    return {token: -value for token, value in enumerate(out[0].tolist()) if value}


def test_dry():
    # "1 2 3 4" and again "1 2 3": 4 stands after 3 tokens that also end the text: 1 * 2^(3-2) = 2
    assert dry([1, 2, 3, 4, 1, 2, 3]) == {4: 2}
    # after "2 3" alone the repetition has 2 tokens, the allowed length: 1 * 2^0 = 1
    assert dry([2, 3, 4, 1, 2, 3]) == {4: 1}
    # one token is below it
    assert dry([3, 4, 1, 2, 3]) == {}
    assert dry([3, 4, 1, 2, 3], allowed=1) == {4: 1}
    # a token in two repetitions, of 3 ("1 2 3") and of 2 ("2 3"), counts with the longer: 0.5 * 2^(3-2) = 1
    assert dry([1, 2, 3, 4, 9, 2, 3, 4, 8, 1, 2, 3], multiplier=0.5) == {4: 1}


def test_dry_a_repetition_does_not_reach_across_a_breaker():
    context = [1, 2, 3, 4, 1, 2, 3]
    # after the breaker 1 come 2 and 3: two tokens, 2^0
    assert dry(context, breakers=(1,)) == {4: 1}
    # after the breaker 2 comes only 3: too short
    assert dry(context, breakers=(2,)) == {}
    # a breaker itself is never penalised
    assert dry(context, breakers=(4,)) == {}


def test_dry_stops_growing_at_the_largest_float32():
    # 40 equal tokens: L = 39 at base 10; 10^x reaches e^88.7 at x = 38
    assert dry([5] * 60, base=10.0)[5] == pytest.approx(10.0**38)
    assert dry([5] * 9, base=1.0) == {5: 1}


@pytest.mark.parametrize("context", [[], [1], [1, 1]])
def test_dry_of_short_texts(context):
    assert dry(context) == {}


def slow_dry(context, multiplier, base, allowed, breakers):
    """DRY by its definition: every earlier place, every length."""
    longest = {}
    limit = next((i for i, token in enumerate(reversed(context)) if token in breakers), len(context))
    for end in range(len(context) - 1):
        length = 0
        while length <= end and length < limit and context[end - length] == context[len(context) - 1 - length]:
            length += 1
        if length >= allowed and context[end + 1] not in breakers:
            longest[context[end + 1]] = max(longest.get(context[end + 1], 0), length)
    return {token: multiplier * base ** (length - allowed) for token, length in longest.items()}


contexts = st.lists(st.integers(0, 3), max_size=30)


@given(contexts, st.sampled_from([1.0, 1.3, 2.0]), st.integers(1, 4), st.sets(st.integers(0, 3), max_size=2))
def test_dry_is_its_definition(context, base, allowed, breakers):
    want = slow_dry(context, 0.7, base, allowed, breakers)
    got = dry(context, multiplier=0.7, base=base, allowed=allowed, breakers=tuple(breakers), vocabulary=4)
    assert got == pytest.approx(want)


@given(contexts, st.integers(1, 5))
def test_no_repeat_ngram_is_its_definition(context, n):
    banned = {context[i + n - 1] for i in range(len(context) - n + 1)
              if context[i : i + n - 1] == context[len(context) - n + 1 :]}  # fmt: skip
    out = penalties.no_repeat_ngram(torch.zeros(1, 5), [n], tokens(context))
    assert set((out[0] == -INF).nonzero().flatten().tolist()) == (banned if n <= len(context) else set())


@given(st.lists(contexts, min_size=1, max_size=5), st.data())
def test_rows_do_not_see_each_other(lists, data):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(len(lists), 4, generator=generator)
    sizes = [data.draw(st.integers(1, 4)) for _ in lists]
    values = column(*[data.draw(st.floats(0.5, 3)) for _ in lists])
    breakers = [data.draw(st.lists(st.integers(0, 3), max_size=2, unique=True)) for _ in lists]

    def run(rows):
        l, t, v = logits[rows], tokens(*[lists[r] for r in rows]), values[rows]  # noqa: E741
        return [
            penalties.repetition(l, v, t),
            penalties.presence_frequency(l, v, -v, t),
            penalties.no_repeat_ngram(l, [sizes[r] for r in rows], t),
            penalties.dry(l, v, v + 1, v.ceil(), [breakers[r] for r in rows], t),
        ]

    together = run(list(range(len(lists))))
    for row in range(len(lists)):
        for alone, all_ in zip(run([row]), together, strict=True):
            assert torch.equal(alone[0], all_[row])


def test_tokens_without_a_logit_are_left_out():
    context = tokens([9, 9, 9, 2, 9])
    for out in (
        penalties.repetition(ROW, column(2), context),
        penalties.presence_frequency(ROW, column(1), column(1), context),
        penalties.no_repeat_ngram(ROW, [1], context),
        penalties.dry(ROW, column(1), column(2), column(1), [()], context),
    ):
        assert out.shape == ROW.shape
        assert out[0, [0, 1, 3]].tolist() == [2, -1, 4]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_inputs_stay_as_they_were(dtype):
    logits = torch.randn(2, 6, generator=torch.Generator().manual_seed(2)).to(dtype)
    before = logits.clone()
    context = tokens([1, 2, 1, 2, 1], [])
    for out in (
        penalties.logit_bias(logits, [{1: 1.0}, {}]),
        penalties.repetition(logits, column(2, 2), context),
        penalties.presence_frequency(logits, column(1, 1), column(1, 1), context),
        penalties.no_repeat_ngram(logits, [2, 2], context),
        penalties.dry(logits, column(1, 1), column(2, 2), column(1, 1), [(), ()], context),
    ):
        assert torch.equal(logits, before)
        assert out.data_ptr() != logits.data_ptr()
        assert not torch.equal(out[0].double(), logits[0].double())
        assert torch.equal(out[1].double(), logits[1].double())


def test_long_contexts():
    """64 rows of 4,096 tokens over 150,000: the slowest penalty within a few times a copy of the logits."""
    rng = np.random.default_rng(0)
    lists = [rng.integers(0, 150_000, 4096).tolist() for _ in range(62)] + [[7] * 4096, [1, 2, 3, 4] * 1024]
    logits = torch.zeros(64, 150_000)
    start = time.perf_counter()
    context = tokens(*lists)
    _ = context.padded
    penalties.repetition(logits, column(*[1.1] * 64), context)
    penalties.presence_frequency(logits, column(*[1.0] * 64), column(*[1.0] * 64), context)
    penalties.no_repeat_ngram(logits, [3] * 64, context)
    out = penalties.dry(logits, column(*[1.0] * 64), column(*[1.75] * 64), column(*[2.0] * 64), [()] * 64, context)
    assert time.perf_counter() - start < 20  # a loop over 262,144 tokens in Python takes minutes
    assert out[62, 7] < -1e30
    assert out[63, 1] < -1e30
