"""Scoring texts from anywhere gives what generating them gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.fakes import FakeModel
from tests.tiny import load
from thermoscope.decode.generate import generate
from thermoscope.metrics.ragged import Ragged
from thermoscope.metrics.registry import MEASURES
from thermoscope.metrics.scoring import _stepped, score
from thermoscope.metrics.texts import Texts
from thermoscope.settings.params import SamplingParams

PROMPTS = ["Once upon a time", "Explain how it works"]


def test_the_records_are_those_of_generating() -> None:
    model = FakeModel(end_bias=2.0)
    samples = generate(model, PROMPTS, SamplingParams(top_k=6), seeds=range(8), max_new_tokens=40)
    scored = score(model, [s.prompt for s in samples], [s.text for s in samples])
    again = [i for i, s in enumerate(samples) if scored.tokens.row(i).tolist() == list(s.text_token_ids)]
    assert len(again) >= 2  # the others hold bytes that are no text, and can't be read back
    for i in again:
        n = len(samples[i].text_token_ids)
        assert scored.logprobs.row(i) == pytest.approx(samples[i].logprobs[:n], abs=1e-5)
        assert scored.entropies.row(i) == pytest.approx(samples[i].entropies[:n], abs=1e-5)
        assert scored.ends.row(i).tolist() == list(samples[i].text_ends[:n])


def test_a_text_measures_the_same_generated_or_read_from_a_file() -> None:
    model = FakeModel(end_bias=2.0)
    samples = generate(model, PROMPTS, SamplingParams(top_k=6), seeds=range(40), max_new_tokens=40, stop="e")
    scored = score(model, [s.prompt for s in samples], [s.text for s in samples])
    same = [
        i for i, s in enumerate(samples)
        if len(s.text_token_ids) < len(s.token_ids) and scored.tokens.row(i).tolist() == list(s.text_token_ids)
    ]  # fmt: skip
    assert {samples[i].finish_reason for i in same} == {"end_of_text", "stop"}
    kept = [samples[i] for i in same]
    read = Texts(
        tokens=scored.tokens.take(np.array(same)), logprobs=scored.logprobs.take(np.array(same)),
        entropies=scored.entropies.take(np.array(same)), strings=[s.text for s in kept],
        prompts=[s.prompt for s in kept], settings=[s.params for s in kept],
    )  # fmt: skip
    made = Texts.from_samples(kept)
    for name in ("perplexity", "entropy", "drift"):
        assert MEASURES[name].of(read) == pytest.approx(MEASURES[name].of(made), abs=1e-4, nan_ok=True)
    first = kept[int(made.order[0])]
    n = len(first.text_token_ids)
    if n:
        assert MEASURES["perplexity"].of(made)[0] == pytest.approx(np.exp(-np.mean(first.logprobs[:n])))


def test_a_first_token_without_a_record_is_left_out_of_the_common_length_too() -> None:
    rows = Ragged.of([[-1.0, -2.0, -9.0]], np.float64)
    texts = Texts(
        tokens=Ragged.of([[5, 6, 7, 8]], np.int64), strings=["abcd"], prompts=[""], settings=[""], logprobs=rows,
        length=3,
    )  # fmt: skip
    assert texts.logprobs is not None and texts.logprobs.row(0).tolist() == [-1.0, -2.0]


@pytest.mark.parametrize("kind", ["gpt2", "mamba", "gemma3"])
def test_texts_read_at_once_are_as_if_read_token_by_token(kind: str, tmp_path: Path) -> None:
    model = load(kind, tmp_path)
    prompts, texts = ["Once upon a time", "The quick", ""], [", in a distant galaxy, there was", " brown", "Explain it"]
    scored = score(model, prompts, texts)
    for i, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
        before = model.encode(prompt) if prompt else [0]
        ids = [*before, *scored.tokens.row(i).tolist()]
        assert model.decode(ids) == prompt + text
        own = torch.log_softmax(_stepped(model, ids[:-1]), dim=-1)[len(before) - 1 :]
        expected = own.gather(1, torch.tensor(ids[len(before) :])[:, None])[:, 0]
        assert scored.logprobs.row(i) == pytest.approx(expected.numpy(), abs=2e-4)
        assert scored.entropies.row(i) == pytest.approx(-(own.exp() * own).sum(-1).numpy(), abs=2e-4)


def test_what_does_not_fit_the_context_is_read_in_windows() -> None:
    model = FakeModel(context_length=16, memory=3)
    long = "abcdefghij" * 6
    scored = score(model, ["zz"], [long])
    whole = score(FakeModel(memory=3), ["zz"], [long])
    assert len(scored.logprobs.row(0)) == 60
    assert scored.logprobs.row(0) == pytest.approx(whole.logprobs.row(0))  # three tokens of memory are always there


def test_empty_texts_and_no_prompt() -> None:
    scored = score(FakeModel(), ["", "x", ""], ["", "", "ab"])
    assert scored.tokens.lengths.tolist() == [0, 0, 2]
    assert scored.logprobs.lengths.tolist() == [0, 0, 2]  # read after an end-of-text token

    class Endless(FakeModel):
        end_of_text = frozenset()  # type: ignore[assignment]

    assert score(Endless(), [""], ["ab"]).logprobs.lengths.tolist() == [1]  # nothing precedes the first


def test_progress_and_order() -> None:
    told: list[tuple[int, int]] = []
    texts = ["a" * n for n in (5, 1, 3)]
    scored = score(FakeModel(), [""] * 3, texts, on_progress=lambda done, all_: told.append((done, all_)))
    assert scored.tokens.lengths.tolist() == [5, 1, 3]
    assert told[-1] == (3, 3)
    alone = [score(FakeModel(), [""], [text]).logprobs.row(0) for text in texts]
    assert all(np.allclose(a, scored.logprobs.row(i)) for i, a in enumerate(alone))


def test_tempered_entropies_are_those_of_generating_where_the_temperature_is_known() -> None:
    model = FakeModel(end_bias=2.0)
    settings = [SamplingParams(temperature=t, top_k=6) for t in (0, 0.6, 1.0)]
    samples = generate(model, PROMPTS, settings, seeds=range(4), max_new_tokens=30)
    texts = [s.text for s in samples]
    known = [s.params.temperature if s.seed else None for s in samples]
    scored = score(model, [s.prompt for s in samples], texts, temperatures=known)
    read = 0
    for i, sample in enumerate(samples):
        if known[i] is None:
            assert not len(scored.tempered_entropies.row(i))
        elif scored.tokens.row(i).tolist() == list(sample.text_token_ids):
            n, read = len(sample.text_token_ids), read + 1
            assert scored.tempered_entropies.row(i) == pytest.approx(sample.tempered_entropies[:n], abs=1e-5)
    assert read >= 3
    assert not len(score(model, [s.prompt for s in samples], texts).tempered_entropies.values)
