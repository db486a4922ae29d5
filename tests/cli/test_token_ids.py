"""Settings that name tokens by their ids, which must be the model's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import thermoscope
from tests.fakes import FakeModel
from tests.tiny_cli import Ran
from thermoscope import SamplingParams
from thermoscope.errors import ParameterError

Cli = Callable[..., Ran]
BEYOND = [SamplingParams(logit_bias={3: 1.0, 257: 1.0}), SamplingParams(dry_multiplier=1.0, dry_breakers=[3, 257])]


@pytest.mark.parametrize("params", BEYOND, ids=str)
def test_whatever_takes_a_setting_refuses_a_token_that_is_not_there(params: SamplingParams) -> None:
    model = FakeModel()
    for work in (
        lambda: thermoscope.generate(model, "Once", params),
        lambda: thermoscope.compare(model, "Once", [0.5], params=params),
        lambda: thermoscope.inspect(model, "Once", params),
        lambda: thermoscope.probabilities(torch.zeros(1, 257), params),
        lambda: thermoscope.export(params, "vllm", model=model),
    ):
        with pytest.raises(ParameterError, match=r"must have token ids below 257, .*; got 257; "):
            work()


def test_the_last_token_is_there() -> None:
    ran = thermoscope.generate(FakeModel(), "Once", SamplingParams(logit_bias={256: 1.0}), max_new_tokens=2)
    assert len(ran) == 1


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["inspect", "x"], ["--logit-bias", "999:1"]),
        (["compare", "x"], ["--logit-bias", "999:1"]),
        (["spectrum", "x"], ["--logit-bias", "999:1"]),
        (["inspect", "x"], ["--dry-multiplier", "1", "--dry-breakers", "3,999"]),
        (["measure", "--use-case", "creative-story"], ["--logit-bias", "999:1", "--max-new-tokens", "2"]),
    ],
)
def test_a_token_that_the_model_does_not_have_is_refused(
    command: list[str], words: list[str], cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli(*command, *words, "--model", str(tiny_model))
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "must have token ids below 320, the size of the vocabulary; got 999; " in ran.err
    assert list(tmp_path.iterdir()) == []  # no run is begun
