"""Decoding with real, tiny networks of five architectures, and three that go without a cache."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.tiny import CONFIGS, PROMPTS, load, network, tokenizer
from thermoscope import Sample, SamplingParams, generate, probabilities
from thermoscope.errors import PromptError

GREEDY = SamplingParams(temperature=0)
SETTINGS = [
    GREEDY,
    SamplingParams(temperature=0.3),
    SamplingParams(temperature=0.7, top_k=50),
    SamplingParams(temperature=0.9, top_p=0.9),
    SamplingParams(temperature=1.5, min_p=0.1),
]
CACHELESS = ("bloom", "mamba", "gpt_neo")  # each token takes a pass over the whole text


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


def by_transformers(kind: str, prompt: str, new: int) -> tuple[int, ...]:
    ids = torch.tensor([tokenizer()(prompt)["input_ids"]])
    with torch.inference_mode():
        out = network(kind).generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=new, pad_token_id=0
        )
    return tuple(out[0, ids.shape[1] :].tolist())


@pytest.mark.slow
@pytest.mark.parametrize("kind", CONFIGS)
def test_greedy_is_transformers_generate_token_for_token(folder, kind):
    """Prompts of 1 to 42 tokens in one batch; the windows of Mistral and Gemma are smaller than the texts."""
    model = load(kind, folder)
    assert bool(model.notes) is (kind in CACHELESS)
    new = 30 if kind in CACHELESS else 60
    samples = generate(model, PROMPTS, GREEDY, seeds=range(2), max_new_tokens=new)
    for prompt, sample, again in zip(PROMPTS, samples[::2], samples[1::2], strict=True):
        assert sample.token_ids == by_transformers(kind, prompt, new)
        assert again.token_ids == sample.token_ids
    assert len({sample.token_ids for sample in samples}) == len(PROMPTS)
    assert sum(len(set(sample.token_ids)) for sample in samples) > 40  # not one token over and over


@pytest.mark.slow
@pytest.mark.parametrize("kind", CONFIGS)
def test_texts_do_not_depend_on_the_batch_but_for_counted_flips(folder, kind):
    """A flip is a text that rounding in another batch shape turned; at float32 they are rare."""
    model = load(kind, folder)
    how = {"max_new_tokens": 8 if kind in CACHELESS else 12}
    seeds = range(2)
    alone = [
        generate(model, prompt, params, seeds=[seed], **how)[0]
        for prompt in PROMPTS[:3]
        for params in SETTINGS
        for seed in seeds
    ]
    flips = texts = 0
    batches = ({}, {"merge": False}, {"max_rows": 3}, {"max_rows": 7, "merge": False})
    for extra in batches[:2] if kind in CACHELESS else batches:
        made = generate(model, PROMPTS[:3], SETTINGS, seeds=seeds, **how, **extra)
        texts += len(made)
        for a, b in zip(alone, made, strict=True):
            if a.token_ids != b.token_ids:
                flips += 1
            else:
                close(a, b)
    print(f"{kind}: {flips} flips in {texts} texts")  # noqa: T201
    assert texts >= 60
    assert flips <= 1


def close(a: Sample, b: Sample) -> None:
    assert (a.text, a.finish_reason, a.text_ends) == (b.text, b.finish_reason, b.text_ends)
    for name in ("logprobs", "drawn_logprobs", "entropies"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), abs=2e-3), name


@pytest.mark.parametrize("kind", ["gpt2", "mistral"])
def test_records_are_those_of_one_pass_over_the_text(folder, kind):
    model, plain = load(kind, folder), network(kind)
    for sample in generate(model, PROMPTS[:3], SETTINGS, seeds=[5], max_new_tokens=20):
        ids = tokenizer()(sample.prompt)["input_ids"]
        with torch.inference_mode():
            logits = plain(input_ids=torch.tensor([[*ids, *sample.token_ids]])).logits[0, len(ids) - 1 : -1].double()
        own = torch.log_softmax(logits, dim=-1)
        tokens = torch.tensor(sample.token_ids)[:, None]
        assert sample.prompt_tokens == len(ids)
        assert sample.logprobs == pytest.approx(own.gather(1, tokens)[:, 0].tolist(), abs=2e-3)
        assert sample.entropies == pytest.approx((-(own.exp() * own).sum(dim=-1)).tolist(), abs=2e-3)
        drawn = probabilities(logits, sample.params).gather(1, tokens)[:, 0].log()
        assert sample.drawn_logprobs == pytest.approx(drawn.tolist(), abs=5e-3)
        gaps = (logits - logits.gather(1, tokens)).abs() < 1e-3  # what rounding may put on either side
        low = 1 + (logits > logits.gather(1, tokens) + 1e-3).sum(dim=-1)
        for rank, least, near in zip(sample.ranks, low.tolist(), gaps.sum(dim=-1).tolist(), strict=True):
            assert least <= rank <= least + near - 1


def test_a_text_ends_at_the_context(folder):
    model = load("gpt2", folder)
    quiet = SamplingParams(temperature=0)
    sample = generate(model, PROMPTS[0], quiet, max_length=256)[0]
    assert sample.prompt_tokens + len(sample.token_ids) == 256 or sample.finish_reason == "end_of_text"
    full = "!" * 255
    assert len(model.encode(full)) == 255
    assert len(generate(model, full, quiet)[0].token_ids) == 1
    with pytest.raises(PromptError, match="context of 256 tokens; got 256"):
        generate(model, full + "!")


def test_text_and_stop_strings_with_a_byte_level_tokenizer(folder):
    model = load("llama", folder)
    free = generate(model, PROMPTS, SamplingParams(temperature=1.5), seeds=range(4), max_new_tokens=40)
    for sample in free:
        assert sample.text == tokenizer().decode(sample.text_token_ids, skip_special_tokens=True)
        assert sample.text_ends[-1] == len(sample.text)
    stopped = generate(
        model,
        PROMPTS,
        SamplingParams(temperature=1.5),
        seeds=range(4),
        max_new_tokens=40,
        stop=["e", "\ufffd\ufffd o"],
    )
    assert any(sample.finish_reason == "stop" for sample in stopped)
    for sample, whole in zip(stopped, free, strict=True):
        assert sample.text == whole.text.split("e")[0] or sample.finish_reason != "stop"
        assert ("e" in whole.text) is (sample.finish_reason == "stop")
        assert sample.token_ids == whole.token_ids[: len(sample.token_ids)]


def test_strange_prompts(folder):
    model = load("gpt2", folder)
    for prompt in ("\x00", "\x1b[2J\r", "\u202e", "日本", " ", "\n\n"):
        assert generate(model, prompt, max_new_tokens=2)[0].prompt == prompt
    with pytest.raises(PromptError, match="Unicode"):
        generate(model, "\udc80", max_new_tokens=2)
