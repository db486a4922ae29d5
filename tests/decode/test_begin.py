"""Texts that begin with given tokens, and tokens as they are drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.fakes import END, FakeModel
from thermoscope import InputError, SamplingParams, generate
from thermoscope.decode.records import TokenRecord

HOT = SamplingParams(temperature=1.2, presence_penalty=0.5, top_p=0.9)


@pytest.mark.parametrize("count", [0, 1, 3, 11])
def test_a_text_goes_on_as_if_its_beginning_had_been_drawn(count: int) -> None:
    model = FakeModel()
    whole = generate(model, "Hi", HOT, seeds=3, max_new_tokens=12)
    for seed, sample in enumerate(whole):
        if len(sample.token_ids) <= count:
            continue
        (again,) = generate(model, "Hi", HOT, seeds=[seed], max_new_tokens=12, begin=sample.token_ids[:count])
        assert (again.token_ids, again.text, again.finish_reason) == (
            sample.token_ids,
            sample.text,
            sample.finish_reason,
        )
        assert again.logprobs[count:] == pytest.approx(sample.logprobs[count:], abs=1e-6)
        assert again.ranks[count:] == sample.ranks[count:]
        assert again.ranks[:count] == (0,) * count
        assert all(math.isnan(value) for value in again.logprobs[:count])


def test_another_token_in_its_place_is_taken() -> None:
    model = FakeModel()
    texts = generate(model, "Hi", HOT, seeds=2, max_new_tokens=6, begin=[7, 8])
    assert all(sample.token_ids[:2] == (7, 8) and len(sample.ranks) == len(sample.token_ids) for sample in texts)


def test_every_token_is_told_as_it_is_drawn() -> None:
    model = FakeModel()
    told: dict[int, list[tuple[int, TokenRecord]]] = {}
    samples = generate(
        model, "Hi", [HOT, SamplingParams()], seeds=2, max_new_tokens=5, begin=[7],
        on_token=lambda number, token, record: told.setdefault(number, []).append((token, record)),
    )  # fmt: skip
    for number, sample in enumerate(samples):
        assert [token for token, _ in told[number]] == list(sample.token_ids[1:])
        assert [record.logprob for _, record in told[number]] == list(sample.logprobs[1:])


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        ([END], "the end of a text"),
        ([-1], "token ids from 0"),
        ([10**9], "token ids from 0"),
        (["a"], "token ids from 0"),
        ([True], "token ids from 0"),
        ([1, 2, 3], "leave a token to draw"),
    ],
)
def test_what_cannot_begin_a_text_is_refused(begin: list[int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        generate(FakeModel(), "Hi", HOT, max_new_tokens=3, begin=begin)
    with pytest.raises(InputError, match="mirostat"):
        generate(FakeModel(), "Hi", SamplingParams(mirostat_tau=5), max_new_tokens=3, begin=[1])


@pytest.mark.parametrize(
    "setting", [HOT, SamplingParams(mirostat_tau=2.0), SamplingParams(adaptive_target=0.4)], ids=str
)
def test_earlier_texts_become_what_longer_ones_are(setting: SamplingParams) -> None:
    model, told, finished = FakeModel(), list[tuple[int, int]](), list[int]()
    settings = [setting, SamplingParams(temperature=0.7)]
    whole = generate(model, "Hi", settings, seeds=40, max_new_tokens=12)
    first = generate(model, "Hi", settings, seeds=40, max_new_tokens=8)
    assert {sample.finish_reason for sample in first} == {"length", "end_of_text"}
    again = generate(
        model, "Hi", settings, seeds=40, max_new_tokens=12, earlier=first,
        on_token=lambda number, token, _: told.append((number, token)), on_sample=lambda n, _: finished.append(n),
    )  # fmt: skip
    assert [sample.token_ids for sample in again] == [sample.token_ids for sample in whole]
    for ours, theirs in zip(again, whole, strict=True):
        for name in ("logprobs", "drawn_logprobs", "entropies", "ranks", "tempered_entropies", "kept_logprobs"):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=1e-6), name
        assert (ours.text, ours.finish_reason, ours.text_ends) == (theirs.text, theirs.finish_reason, theirs.text_ends)
    for number, sample in enumerate(whole):
        new = [token for at, token in told if at == number]
        assert new == list(sample.token_ids[len(first[number].token_ids) :])
    assert sorted(finished) == list(range(80))


def test_texts_of_another_request_are_refused() -> None:
    model = FakeModel()
    first = generate(model, "Hi", HOT, seeds=2, max_new_tokens=5)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"seeds": 3}, "one text for each of the 3"),
        ({"seeds": [1, 0]}, "same order; number 0"),
        ({"prompts": "Ho"}, "same prompts"),
        ({"params": SamplingParams()}, "same prompts, settings"),
        ({"max_new_tokens": 1}, "at least the"),
        ({"begin": [7]}, "not both"),
    ]
    for wrong, said in cases:
        asked: dict[str, Any] = {"prompts": "Hi", "params": HOT, "seeds": 2, "max_new_tokens": 9} | wrong
        with pytest.raises(InputError, match=said):
            generate(model, earlier=first, **asked)
