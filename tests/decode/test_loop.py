"""Merged decoding with a fake model, where equality of samples is exact and the work can be counted."""

from __future__ import annotations

import itertools
import random

import pytest
import torch

from tests.fakes import END, FakeModel
from thermoscope import Sample, SamplingParams, generate, probabilities

PROMPTS = ["Once upon", "a", "Explain how it works", "日本 🚀", "b\x00\x1b[2J"]
SETTINGS = [
    SamplingParams(temperature=0),
    SamplingParams(temperature=0.3),
    SamplingParams(temperature=0.9, top_k=5),
    SamplingParams(temperature=0.9, top_k=50, top_p=0.9),
    SamplingParams(temperature=1.5, min_p=0.05),
    SamplingParams(temperature=1.5, top_p=0.9, order="llama.cpp"),
    SamplingParams(),
]


def model() -> FakeModel:
    return FakeModel(end_bias=4.0)


def make(fake: FakeModel | None = None, **how) -> list[Sample]:
    how = {"prompts": PROMPTS, "params": SETTINGS, "seeds": range(3), "max_new_tokens": 30, **how}
    return generate(fake or model(), how.pop("prompts"), how.pop("params"), **how)


@pytest.fixture(scope="module")
def alone() -> dict[tuple[str, SamplingParams, int], Sample]:
    """Every sample made by itself."""
    return {
        (prompt, params, seed): generate(model(), prompt, params, seeds=[seed], max_new_tokens=30)[0]
        for prompt, params, seed in itertools.product(PROMPTS, SETTINGS, range(3))
    }


@pytest.mark.slow
@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("max_rows", [None, 1, 2, 7, 24, 1000])
def test_a_sample_does_not_know_what_is_made_beside_it(alone, max_rows, merge):
    """All of it: text, tokens, and the records to the last bit. Results come prompts x settings x seeds."""
    samples = make(max_rows=max_rows, merge=merge)
    assert samples == [alone[key] for key in itertools.product(PROMPTS, SETTINGS, range(3))]
    assert len({sample.token_ids for sample in samples}) > 50  # not all alike for a poor reason
    assert {sample.finish_reason for sample in samples} == {"end_of_text", "length"}


def test_one_alone_is_one_in_a_batch_of_24(alone):
    samples = generate(model(), "a", SETTINGS[1], seeds=range(24), max_new_tokens=30)
    for seed in range(3):
        assert samples[seed] == alone["a", SETTINGS[1], seed]


@pytest.mark.slow
def test_order_of_prompts_settings_and_seeds_does_not_matter(alone):
    dice = random.Random(0)
    for _ in range(3):
        prompts, settings, seeds = (dice.sample(list(x), len(x)) for x in (PROMPTS, SETTINGS, range(3)))
        samples = make(prompts=prompts, params=settings, seeds=seeds, max_rows=dice.choice([3, 11, 200]))
        assert samples == [alone[key] for key in itertools.product(prompts, settings, seeds)]


def test_repeated_requests_are_each_answered(alone):
    samples = make(prompts=["a", "a"], params=[SETTINGS[1]] * 2, seeds=[1, 0])
    want = [alone["a", SETTINGS[1], seed] for seed in (1, 0)]
    assert samples == want * 4


def test_a_longer_limit_only_goes_on(alone):
    for longer, (key, short) in zip(make(max_new_tokens=60), alone.items(), strict=True):
        assert longer.token_ids[: len(short.token_ids)] == short.token_ids, key
        assert longer.logprobs[: len(short.logprobs)] == short.logprobs


def test_stop_strings_do_not_change_what_comes_before(alone):
    for sample, (key, free) in zip(make(stop=["e", "日"]), alone.items(), strict=True):
        assert free.text.startswith(sample.text), key
        assert free.token_ids[: len(sample.token_ids)] == sample.token_ids


# --- work -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("merge", [True, False])
def test_a_prompt_is_computed_once_whatever_the_number_of_samples(merge):
    fake = model()
    make(fake, merge=merge, max_rows=256)
    assert sorted(fake.added) == sorted(fake.encode(prompt) for prompt in PROMPTS)
    fake = model()
    generate(fake, ["a", "b", "a"], SETTINGS, seeds=range(4), max_new_tokens=5, merge=merge, max_rows=256)
    assert sorted(fake.added) == [[97], [98]]


def test_with_less_room_than_samples_a_prompt_is_computed_once_per_roomful():
    fake = model()
    generate(fake, "a", seeds=range(10), max_new_tokens=3, max_rows=4)
    assert fake.added == [[97]] * 3


def test_greedy_samples_of_all_seeds_are_one_row():
    fake = FakeModel(end_bias=-100)
    samples = generate(fake, "a", SamplingParams(temperature=0), seeds=range(16), max_new_tokens=10)
    assert fake.stepped == 9  # the last token needs no step
    assert len({sample.token_ids for sample in samples}) == 1
    fake = FakeModel(end_bias=-100)
    generate(fake, "a", SamplingParams(temperature=0), seeds=range(16), max_new_tokens=10, merge=False)
    assert fake.stepped == 9 * 16


def test_merging_computes_one_row_per_distinct_beginning():
    fake = FakeModel(end_bias=-100)
    samples = generate(fake, "a", SamplingParams(temperature=0.8), seeds=range(20), max_new_tokens=12)
    beginnings = {sample.token_ids[:n] for sample in samples for n in range(1, 12)}
    assert fake.stepped == len(beginnings)
    assert len(beginnings) < 20 * 11


def test_finished_rows_leave_the_batch():
    fake = FakeModel(end_bias=8)
    samples = generate(fake, "a", SamplingParams(), seeds=range(12), max_new_tokens=40, merge=False)
    lengths = [len(sample.token_ids) for sample in samples]
    assert len(set(lengths)) > 3
    assert fake.stepped == sum(length - 1 for length in lengths)


@pytest.mark.slow
def test_rows_in_flight_stay_within_the_limit():
    """The fake's rows assert that they are never more than their capacity, and never longer than asked for."""
    fake = model()
    made = []
    rows = fake.rows
    fake.rows = lambda **room: made.append(rows(**room)) or made[-1]
    make(fake, max_rows=5)
    assert [room.capacity for room in made] == [5]
    assert made[0].length == max(len(fake.encode(prompt)) for prompt in PROMPTS) + 30


def test_progress_counts():
    fake, seen = model(), []
    samples = make(fake, on_progress=seen.append, max_rows=256)
    last = seen[-1]
    assert last.finished == last.samples == len(samples)
    assert last.tokens == sum(len(sample.token_ids) for sample in samples)
    assert last.most_tokens == 30 * len(samples)
    assert last.forward_rows == fake.stepped < last.tokens
    for before, after in itertools.pairwise(seen):
        assert before.finished <= after.finished
        assert before.tokens < after.tokens


# --- records --------------------------------------------------------------------------------------------------


def test_records_are_those_of_the_full_context():
    """Against the model's logits for the whole context of each token, in float64."""
    for sample in make(prompts=PROMPTS[:3]):
        fake = model()
        context = fake.encode(sample.prompt)
        assert sample.prompt_tokens == len(context)
        for i, token in enumerate(sample.token_ids):
            logits = fake.next_logits(context).double()
            own = torch.log_softmax(logits, dim=-1)
            assert sample.logprobs[i] == pytest.approx(float(own[token]), abs=1e-5)
            assert sample.entropies[i] == pytest.approx(float(-(own.exp() * own).sum()), abs=1e-5)
            assert sample.ranks[i] == 1 + int((logits > logits[token]).sum())
            drawn = probabilities(logits[None], sample.params)[0, token]
            assert sample.drawn_logprobs[i] == pytest.approx(float(drawn.log()), abs=1e-9)
            context.append(token)


def test_records_have_one_entry_per_token():
    for sample in make(stop="e"):
        n = len(sample.token_ids)
        for name in ("logprobs", "drawn_logprobs", "entropies", "ranks", "text_ends"):
            assert len(getattr(sample, name)) == n, name
        assert list(sample.text_ends) == sorted(sample.text_ends)
        assert sample.text_ends[-1] == len(sample.text)


def test_greedy_tokens_have_rank_one_and_are_certain():
    for sample in make(params=SETTINGS[0]):
        assert set(sample.ranks) == {1}
        assert set(sample.drawn_logprobs) == {0.0}
        assert all(logprob < 0 for logprob in sample.logprobs)


def test_entropy_and_rank_with_tokens_that_can_not_be():
    class Masked(FakeModel):
        def _logits(self, context):
            logits = super()._logits(context).clone()
            logits[0:200] = -float("inf")
            logits[201] = logits[200] = 5.0
            return logits

    for sample in generate(Masked(spread=0.5), "a", SamplingParams(), seeds=range(20), max_new_tokens=3):
        assert all(0 < entropy < 5 for entropy in sample.entropies)
        assert all(token >= 200 for token in sample.token_ids)
        assert all(rank == 1 for rank, token in zip(sample.ranks, sample.token_ids, strict=True) if token in (200, 201))


def test_a_token_that_ends_a_text_but_is_not_special_has_no_text():
    class Newline(FakeModel):
        end_of_text = frozenset({END, ord("e")})

    samples = generate(Newline(end_bias=-100), "a", SamplingParams(), seeds=range(20), max_new_tokens=200)
    ended = [sample for sample in samples if sample.finish_reason == "end_of_text"]
    assert len(ended) > 5
    for sample in ended:
        assert sample.token_ids[-1] == ord("e")
        assert sample.text == bytes(sample.token_ids[:-1]).decode(errors="replace")
        assert sample.text_ends[-1] == len(sample.text)
