"""``compare`` on a model whose texts are exact."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import pytest
import torch
from rich.console import Console

from tests.fakes import FakeModel
from tests.handmade import compared, sample
from thermoscope.comparison.compare import compare
from thermoscope.comparison.comparison import Comparison
from thermoscope.decode.generate import generate
from thermoscope.decode.progress import Progress
from thermoscope.errors import InputError, Interrupted, ModelMemoryError, ParameterError, PromptError
from thermoscope.metrics.registry import TEXT_MEASURES
from thermoscope.report.terminal.comparison import print_comparison
from thermoscope.settings.params import SamplingParams

MODEL = FakeModel(end_bias=2.0)
PROMPT = "Once upon"


def printed(comparison: Comparison) -> str:
    out = io.StringIO()
    print_comparison(comparison, Console(file=out, width=80))
    return out.getvalue()


def test_texts_are_those_of_generate_alone_in_order_settings_then_seeds() -> None:
    base = SamplingParams(top_k=40, min_p=0.01)
    result = compare(MODEL, PROMPT, [0.9, 0.2, 1.4], params=base, seeds=[5, 2], max_new_tokens=30)
    expected = [
        generate(MODEL, PROMPT, base.replace(temperature=t), seeds=[s], max_new_tokens=30)[0]
        for t in (0.9, 0.2, 1.4)
        for s in (5, 2)
    ]
    assert [text.sample for text in result.texts] == expected
    assert result.complete
    assert result.text(base.replace(temperature=0.2), 2) is result.texts[3]
    assert result.text(base.replace(temperature=0.3), 2) is None


def test_the_neighbour_is_the_setting_before_with_the_same_seed() -> None:
    result = compare(MODEL, PROMPT, [0.3, 0.9], seeds=[0, 1, 2], max_new_tokens=40)
    assert [text.shared_tokens for text in result.texts[:3]] == [None] * 3
    for before, after in zip(result.texts[:3], result.texts[3:], strict=True):
        a, b = before.sample.token_ids, after.sample.token_ids
        assert after.shared_tokens is not None
        assert a[: after.shared_tokens] == b[: after.shared_tokens]
        if after.differs_at is not None:
            assert a[after.differs_at : after.differs_at + 1] != b[after.differs_at : after.differs_at + 1]
    assert any(text.differs_at is not None for text in result.texts)


@pytest.mark.parametrize(
    ("before", "after", "shared", "differs"),
    [
        (["a", "b"], ["a", "b"], 2, None),
        (["a", "b"], ["a", "c"], 1, 1),
        (["b", "b"], ["a", "b"], 0, 0),
        (["a"], ["a", "b"], 1, 1),
        (["a", "b"], ["a"], 1, None),
        ([], ["a"], 0, 0),
        ([], [], 0, None),
    ],
)
def test_shared_tokens(before: list[str], after: list[str], shared: int, differs: int | None) -> None:
    first, second = compared(sample(before), sample(after))
    assert (first.shared_tokens, first.differs_at) == (None, None)
    assert (second.shared_tokens, second.differs_at) == (shared, differs)


def test_an_end_of_text_is_a_difference() -> None:
    _, second = compared(sample(["a", "b"]), sample(["a"], finish="end_of_text"))
    assert second.differs_at == 1


def test_temperature_zero_gives_one_text_for_every_seed() -> None:
    result = compare(MODEL, PROMPT, [0], seeds=range(3), max_new_tokens=20)
    assert len({text.sample.token_ids for text in result.texts}) == 1
    assert all(rank == 1 for text in result.texts for rank in text.sample.ranks)


def test_measures_are_those_of_the_text() -> None:
    (text,) = compare(MODEL, PROMPT, [0.7], max_new_tokens=40).texts
    assert text.measures["tokens"] == len(text.sample.text_token_ids)
    nll_nats = -sum(text.sample.logprobs) / len(text.sample.logprobs)
    assert text.measures["perplexity"] == pytest.approx(math.exp(nll_nats))


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"settings": [0.5, 0.5]}, InputError, "0.5 twice"),
        ({"settings": [0, -0.0]}, InputError, "twice"),
        ({"settings": []}, InputError, "at least one"),
        ({"settings": 0.7}, InputError, r"write \[0.3, 0.9\]"),
        ({"settings": "0.7"}, InputError, "a list of temperatures or SamplingParams"),
        ({"settings": [-1]}, ParameterError, "at least 0; got -1"),
        ({"settings": ["hot"]}, ParameterError, "must be a number; got 'hot'"),
        ({"params": {"top_k": 5}}, InputError, "must be SamplingParams"),
        ({"seeds": [3, 3]}, InputError, "3 twice"),
        ({"seeds": -1}, InputError, "got -1"),
        ({"seeds": []}, InputError, "seeds must not be empty"),
        ({"prompt": ""}, PromptError, "at least one token"),
        ({"prompt": "half \ud83d"}, PromptError, "must be Unicode text"),
        ({"stop": ""}, InputError, "not empty"),
        ({"stop": ["\udc00"]}, InputError, "must be Unicode text"),
        ({"max_length": 9}, InputError, "at least 10"),
        ({"max_rows": 0}, InputError, "at least 1"),
    ],
)
def test_bad_values_are_refused(arguments: dict[str, Any], error: type[InputError], says: str) -> None:
    given: dict[str, Any] = {"prompt": PROMPT, "settings": [0.5], **arguments}
    with pytest.raises(error, match=says) as caught:
        compare(MODEL, given.pop("prompt"), given.pop("settings"), **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_too_little_memory_is_one_line(fault: Exception) -> None:
    def fail(progress: Progress) -> None:
        raise fault

    with pytest.raises(ModelMemoryError, match=r"out of memory on cpu while decoding; use fewer rows"):
        compare(MODEL, PROMPT, [0.5], on_progress=fail)


def test_other_faults_are_not_called_that() -> None:
    def fail(progress: Progress) -> None:
        raise RuntimeError("another fault")

    with pytest.raises(RuntimeError, match="another fault"):
        compare(MODEL, PROMPT, [0.5], on_progress=fail)


def test_an_interrupt_carries_what_is_finished() -> None:
    finished: list[int] = []

    def stop(progress: Progress) -> None:
        finished.append(progress.finished)
        if progress.finished >= 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        compare(MODEL, PROMPT, [0.2, 0.9], seeds=range(3), max_new_tokens=200, max_rows=2, on_progress=stop)
    result = caught.value.finished
    assert isinstance(result, Comparison)
    assert not result.complete
    assert 2 <= len(result.texts) == finished[-1] < 6
    whole = compare(MODEL, PROMPT, [0.2, 0.9], seeds=range(3), max_new_tokens=200)
    assert {text.sample for text in result.texts} <= {text.sample for text in whole.texts}
    assert {text.sample.seed for text in result.texts} == {0}  # texts to compare, not one setting's alone
    assert "2 of 6 texts are finished" in printed(result)
    assert json.loads(result.to_json())["complete"] is False


def test_an_interrupt_before_any_text() -> None:
    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        compare(FakeModel(), PROMPT, [0.2, 0.9], on_progress=stop)
    assert isinstance(caught.value.finished, Comparison)
    assert caught.value.finished.texts == ()
    assert "0 of 2 texts are finished" in printed(caught.value.finished)


def test_json_is_strict_and_has_everything() -> None:
    stop = ["\n", "日"]
    result = compare(MODEL, PROMPT, [0.3, 0.9], seeds=[0, 1], max_new_tokens=20, stop=stop)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    record = json.loads(result.to_json(), parse_constant=refuse)
    assert record["format"] == "thermoscope.comparison/1"
    assert (record["prompt"], record["complete"], record["reading"]) == (PROMPT, True, list(result.reading))
    for text, held in zip(record["texts"], result.texts, strict=True):
        own = held.sample
        assert (text["text"], text["seed"], text["prompt"]) == (own.text, own.seed, PROMPT)
        assert text["params"]["id"] == own.params.id
        for name in ("token_ids", "logprobs", "drawn_logprobs", "entropies", "ranks", "text_ends"):
            assert text[name] == list(getattr(own, name))
        assert set(text["measures"]) == set(TEXT_MEASURES) > {"rep_4", "loop", "perplexity", "entropy", "tokens"}
        assert (text["shared_tokens"], text["differs_at"]) == (held.shared_tokens, held.differs_at)
    assert record["ran"]["stop"] == stop
    assert [s["temperature"] for s in record["ran"]["settings"]] == [0.3, 0.9]
    assert record["ran"]["settings"][0]["stages"] == list(SamplingParams().order)
    assert {"model", "revision", "dtype", "device", "versions", "command", "notes", "seeds"} <= set(record["ran"])


def test_json_has_no_word_for_what_is_not_finite() -> None:
    from tests.handmade import comparison

    record = json.loads(comparison(sample(["a"], logprob=-math.inf)).to_json(), parse_constant=pytest.fail)
    assert record["texts"][0]["logprobs"] == [None]
    assert record["texts"][0]["measures"]["perplexity"] is None
