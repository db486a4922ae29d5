"""min-k, p-less, top-H, smoothing, bans of the end and windows of penalties by hand arithmetic, on four tokens."""

import math

import pytest
import torch

from tests.sampling.test_filters import HALVES, column, kept, logits_of
from tests.sampling.test_penalties import ROW, tokens
from thermoscope import SamplingParams, generate, inspect, load_model, probabilities
from thermoscope.errors import InputError, ParameterError
from thermoscope.sampling import newer_filters, penalties
from thermoscope.sampling.stages import adaptive_aim

INF = math.inf
FOUR = torch.tensor([[9.0, 8.0, 2.0, 1.0]], dtype=torch.float64)


def test_min_k_keeps_what_is_before_the_steepest_drop():
    # drops 1, 6, 1 over ranks 1, 2, 3: 1, 3, 1/3; the second is the steepest, so two stay
    assert kept(newer_filters.min_k(FOUR, column(0))) == [[0, 1]]
    # of 5, 4, 3, 2: 1, 1/2, 1/3; the first
    assert kept(newer_filters.min_k(torch.tensor([[3.0, 5.0, 2.0, 4.0]]), column(0))) == [[1]]


def test_min_k_keeps_at_least_tau_over_the_range():
    # the range is 8: tau 23.9 is below 3 tokens, 24 is 3, 32 is 4
    assert kept(newer_filters.min_k(FOUR.repeat(3, 1), column(23.9, 24, 32))) == [[0, 1], [0, 1, 2], [0, 1, 2, 3]]


def test_min_k_looks_at_what_is_left_and_keeps_equals():
    assert kept(newer_filters.min_k(torch.tensor([[9.0, -INF, 8.0, -INF]]), column(0))) == [[0]]
    assert kept(newer_filters.min_k(torch.tensor([[5.0, 5.0, 1.0, 0.0]]), column(0))) == [[0, 1]]  # drops 0, 4/2, 1/3
    assert kept(newer_filters.min_k(torch.full((1, 4), 2.0), column(0))) == [[0, 1, 2, 3]]  # there is no drop


def test_min_k_is_the_same_at_every_temperature():
    of = 3 * torch.randn(5, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for t in (0.1, 0.7, 3.0):
        assert kept(newer_filters.min_k(of / t, column(*[0] * 5))) == kept(newer_filters.min_k(of, column(*[0] * 5)))


def test_min_k_of_a_wide_row_is_its_definition():
    """Rows whose steepest drop is beyond what is looked at first."""
    flat = torch.linspace(0.0, -0.001, 3000, dtype=torch.float64)[None].clone()
    flat[0, 700:] -= 50.0
    assert len(kept(newer_filters.min_k(flat, column(0)))[0]) == 700
    flat = torch.linspace(0.0, -0.001, 3000, dtype=torch.float64)[None].clone()
    flat[0, 2999] -= 50.0
    assert len(kept(newer_filters.min_k(flat, column(0)))[0]) == 2999


def test_p_less_keeps_what_reaches_the_chance_that_two_draws_agree():
    # 1/4 + 1/16 + 2/64 = 11/32 = 0.344: only 1/2 reaches it
    assert kept(newer_filters.p_less(logits_of(HALVES), column(2), column(0))) == [[0]]
    # 0.16 + 0.1296 + 0.0576 = 0.3472; of order 3 sqrt(0.12448) = 0.353, of order 20 (0.4^20 1.1216)^(1/19) = 0.3835
    three = logits_of(*[[0.4, 0.36, 0.24, 0]] * 3)
    assert kept(newer_filters.p_less(three, column(2, 3, 20), column(0, 0, 0))) == [[0, 1], [0, 1], [0]]


def test_p_less_norm_takes_off_the_mean_chance_of_a_miss():
    # 11/32 - (21/32) / 3 = 1/8: all four reach it; half of it is 0.234: two
    assert kept(newer_filters.p_less(logits_of(HALVES, HALVES), column(2, 2), column(1, 0.5))) == [[0, 1, 2, 3], [0, 1]]


def test_p_less_of_equal_tokens_and_of_one():
    equal = torch.zeros(1, 7)
    for norm in (0, 1):
        assert len(kept(newer_filters.p_less(equal, column(2), column(norm)))[0]) == 7
        assert kept(newer_filters.p_less(torch.tensor([[-INF, 3.0]]), column(2), column(norm))) == [[1]]


def test_top_h_keeps_what_has_its_share_of_the_entropy():
    # H = 1.75 ln 2 = 1.213; of 1/2 and 1/4: 2/3 and 1/3, H_2 = ln 3 - 2/3 ln 2 = 0.637, 0.525 of it;
    # with 1/8 more: 4/7, 2/7, 1/7: H_3 = 0.9557, 0.788 of it
    shares = column(0.5, 0.53, 0.78, 0.79, 1)
    found = kept(newer_filters.top_h(logits_of(*[HALVES] * 5), shares))
    assert found[:2] == [[0], [0, 1]]
    assert found[2] == [0, 1]
    assert found[3] == [0, 1, 2, 3]  # the last two are as probable as each other
    assert found[4] == [0, 1, 2, 3]


def test_top_h_of_a_wide_row_is_its_definition():
    of = torch.linspace(3.0, 0.0, 3000, dtype=torch.float64)[None]
    p = of.softmax(-1)[0]
    entropy = -(p * p.log()).sum()

    def own(k):
        q = p[:k] / p[:k].sum()
        return -(q * q.log()).sum()

    for share in (0.3, 0.8, 0.97):
        k = len(kept(newer_filters.top_h(of, column(share)))[0])
        assert own(k) <= share * entropy < own(k + 1)


def test_smoothing():
    # d = 0, -1, -7, -8; s = 0.5, c = 1: -d^2 / 2
    assert newer_filters.smoothing(FOUR, column(0.5), column(1)).tolist() == [[0, -0.5, -24.5, -32]]
    # c = 2: 0.5 (d^3 / 2 - d^2 / 2)
    assert newer_filters.smoothing(FOUR, column(0.5), column(2)).tolist() == [[0, -0.5, -98, -144]]
    # c = 5: k = -1, q = 2: 0.5 (2 d^3 + d^2): -1 goes to -0.5, which a smaller curve would not do to -0.4
    out = newer_filters.smoothing(torch.tensor([[0.0, -0.4, -INF]]), column(0.5), column(5))
    assert out[0].tolist() == pytest.approx([0, 0.5 * (2 * -0.064 + 0.16), -INF], rel=1e-6)
    assert newer_filters.smoothing(FOUR, column(0), column(2)).tolist() == [[0, -1, -7, -8]]


def test_adaptive_p():
    # p = 1/2, 1/4, 1/8, 1/8 and an aim of 1/2: d = 0, 5/6, 5/4, 5/4; 5 - 10 (25/36) / (11/6) = 1.2121
    out = newer_filters.adaptive_p(logits_of(HALVES, [0.5, 0.5, 0, 0]), column(0.5, 1))
    assert out[0].tolist() == pytest.approx([5, 5 - 10 * (25 / 36) / (11 / 6), *[5 - 10 * 1.5625 / 2.25] * 2])
    # d = 5/3 for both that are left: 5 - 10 (25/9) / (8/3)
    assert out[1].tolist() == pytest.approx([*[5 - 10 * (25 / 9) / (8 / 3)] * 2, -INF, -INF])


def test_adaptive_p_makes_up_for_what_was_drawn():
    setting = SamplingParams(adaptive_target=0.5, adaptive_decay=0.75)
    assert adaptive_aim(setting, []) == 0.5
    # the mean is 0.75 * 0.5 + 0.25 * 0.9 = 0.6, then 0.75 * 0.6 + 0.25 * 0.1 = 0.475
    assert adaptive_aim(setting, [math.log(0.9)]) == pytest.approx(0.4)
    assert adaptive_aim(setting, [math.log(0.9), math.log(0.1)]) == pytest.approx(0.525)
    assert adaptive_aim(SamplingParams(adaptive_target=0.9, adaptive_decay=0), [math.log(0.1)]) == 1


def test_adaptive_p_remembers_what_tokens_had_before_it():
    """The record of a text gives the distributions that it was drawn from, with truncation before adaptive-p."""
    model = load_model()
    setting = SamplingParams(min_p=0.02, temperature=1.3, adaptive_target=0.3)
    (sample,) = generate(model, "Once", setting, seeds=[5], max_new_tokens=8)
    before, ids = setting.replace(adaptive_target=None), model.encode("Once")
    for step, token in enumerate(sample.token_ids):
        row = model.rows(capacity=1, length=len(ids)).add([ids]).double()
        assert math.log(probabilities(row, before)[0, token]) == pytest.approx(sample.kept_logprobs[step], abs=1e-4)
        p = probabilities(row, setting, kept_logprobs=[sample.kept_logprobs[:step]])[0, token]
        assert math.log(p) == pytest.approx(sample.drawn_logprobs[step], abs=1e-4)
        ids.append(token)
    at = inspect(model, "Once", setting, seed=5, at_step=6)
    assert at.drawn == sample.token_ids[6]


def test_adaptive_p_comes_last():
    with pytest.raises(ParameterError, match="got top_k after it; move adaptive_p to the end"):
        SamplingParams(adaptive_target=0.5, top_k=5, order=["adaptive_p", "top_k"])


def test_the_end_is_forbidden_until_there_are_enough_tokens():
    two = ROW.repeat(2, 1)
    out = penalties.min_new_tokens(two, [2, 2], [0, 3, 99], tokens([1], [1, 1]))
    assert out.tolist() == [[-INF, -1, 0, -INF], [2, -1, 0, 4]]
    all_ends = penalties.min_new_tokens(two, [2, 2], [0, 1, 2, 3], tokens([], []))
    assert all_ends.tolist() == two.tolist()  # nothing would be left


def test_a_text_has_at_least_so_many_tokens():
    model = load_model()
    short = SamplingParams(logit_bias=dict.fromkeys(model.end_of_text, 50.0))
    (at_once,) = generate(model, "Once", short, max_new_tokens=12)
    (later,) = generate(model, "Once", short.replace(min_new_tokens=5), max_new_tokens=12)
    assert (len(at_once.text_token_ids), len(later.text_token_ids)) == (0, 5)
    assert later.finish_reason == "end_of_text"


def test_probabilities_need_the_ends_to_forbid_them():
    p = probabilities(torch.zeros(1, 4), SamplingParams(min_new_tokens=1), end_ids={3})
    assert p.tolist() == [[pytest.approx(1 / 3)] * 3 + [0.0]]
    with pytest.raises(InputError, match="end_ids must be token ids from 0 to 3; got 4"):
        probabilities(torch.zeros(1, 4), SamplingParams(min_new_tokens=1), end_ids=[4])


def test_tokens_of_the_prompt_are_favoured():
    # 4 * 2 = 8; -1 / 2; token 0 is not in the prompt
    assert penalties.encoder_repetition(ROW, column(2), tokens([3, 1, 3])).tolist() == [[2, -0.5, 0, 8]]


def of_windows(setting, prompt, output):
    p = probabilities(ROW, setting, prompt_ids=[prompt], output_ids=[output])
    return (p.log() - p.log()[0, 2]).squeeze(0).tolist()  # token 2 has logit 0, and is never there


def test_penalties_look_back_on_the_last_tokens_alone():
    there = {"prompt": [0, 3], "output": [1, 3, 1]}
    every = of_windows(SamplingParams(repetition_penalty=2), **there)
    last = of_windows(SamplingParams(repetition_penalty=2, repetition_last_n=2), **there)
    longer = of_windows(SamplingParams(repetition_penalty=2, repetition_last_n=4), **there)
    assert every == pytest.approx([1, -2, 0, 2])
    assert last == pytest.approx([2, -2, 0, 2])  # 3 and 1 are the last two; 0 is not
    assert longer == pytest.approx([2, -2, 0, 2])
    counted = SamplingParams(presence_penalty=1, frequency_penalty=0.25)
    assert of_windows(counted, **there) == pytest.approx([2, -2.5, 0, 2.75])
    assert of_windows(counted.replace(penalties_last_n=1), **there) == pytest.approx([2, -2.25, 0, 4])
    assert of_windows(SamplingParams(frequency_penalty=1, penalties_last_n=2), **there) == pytest.approx([2, -2, 0, 3])


def test_dry_looks_back_on_the_last_tokens_alone():
    # 0 1 | 0 1 then 0 would go on a repetition of two; the last three tokens hold none that long
    there = {"prompt": [0, 1, 0, 1], "output": []}
    setting = SamplingParams(dry_multiplier=1.0)
    assert of_windows(setting, **there) == pytest.approx([1, -1, 0, 4])
    assert of_windows(setting.replace(dry_last_n=4), **there) == pytest.approx([1, -1, 0, 4])
    assert of_windows(setting.replace(dry_last_n=3), **there) == pytest.approx([2, -1, 0, 4])


def test_windows_need_a_penalty():
    SamplingParams(frequency_penalty=1, penalties_last_n=3)
    rule = "penalties_last_n does nothing without presence_penalty or frequency_penalty"
    with pytest.raises(ParameterError, match=rule):
        SamplingParams(penalties_last_n=3)
    with pytest.raises(ParameterError, match="repetition_last_n must be at least 1"):
        SamplingParams(repetition_penalty=1.1, repetition_last_n=0)
