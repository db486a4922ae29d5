"""Which parameters did anything: noted while tokens are drawn, said in sentences."""

from __future__ import annotations

import pytest
import torch

from tests.fakes import FakeModel
from thermoscope.comparison.compare import compare
from thermoscope.decode.generate import generate
from thermoscope.ran.effective import contradictions, idle_parameters
from thermoscope.sampling.chain import process
from thermoscope.sampling.effects import Effects
from thermoscope.settings.params import SamplingParams


def idle(*settings: SamplingParams, tokens: int = 12, **how: object) -> list[str]:
    effects = Effects()
    generate(FakeModel(**how), "Once", list(settings), seeds=range(2), max_new_tokens=tokens, effects=effects)
    return idle_parameters(settings, effects.idle)


@pytest.mark.slow
def test_a_parameter_that_another_left_nothing_to_do_is_named() -> None:
    assert idle(SamplingParams(top_k=2, min_p=1e-12)) == ["min_p=1e-12 removed nothing that top_k=2 had left."]
    assert idle(SamplingParams(top_k=300)) == ["top_k=300 removed nothing."]  # of 257 tokens
    assert idle(SamplingParams(temperature=0, top_p=0.9)) == ["top_p=0.9 removed nothing that temperature=0 had left."]


@pytest.mark.parametrize(
    "values",
    [
        {"top_k": 20}, {"top_k": 1}, {"temperature": 0.7, "top_k": 20, "top_p": 0.5}, {"min_p": 0.2}, {"top_p": 0.9},
        {"temperature": 1.3}, {"temperature": 0}, {"repetition_penalty": 1.2}, {"typical_p": 0.5}, {"top_n_sigma": 1},
        {"frequency_penalty": 0.5}, {"logit_bias": {97: 1.0}}, {"epsilon_cutoff": 0.01}, {"eta_cutoff": 0.05},
        {"xtc_probability": 0.9, "xtc_threshold": 0.01}, {"mirostat_tau": 2.0}, {"dynatemp_range": 0.4},
        {"top_p": 0.5, "top_k": 2, "order": "sglang"},
    ],
)  # fmt: skip
def test_a_parameter_that_acts_is_not_named(values: dict[str, object]) -> None:
    assert idle(SamplingParams(**values)) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"repetition_penalty": 1.0}, "repetition_penalty=1 changed nothing."),
        ({"presence_penalty": 0.0}, "presence_penalty=0 changed nothing."),
        ({"top_p": 1.0}, "top_p=1 removed nothing."),
        ({"no_repeat_ngram_size": 15}, "no_repeat_ngram_size=15 removed nothing."),
        ({"dry_multiplier": 0.8, "dry_allowed_length": 9}, "dry_multiplier=0.8 dry_allowed_length=9 changed nothing."),
        ({"logit_bias": {99: 0.0}}, "logit_bias=99:0 changed nothing."),
        ({"top_k": 1, "temperature": 0.5}, None),
    ],
)  # fmt: skip
def test_a_parameter_without_effect_is_named(values: dict[str, object], said: str | None) -> None:
    assert idle(SamplingParams(**values)) == ([] if said is None else [said])


def test_of_several_settings_it_says_which() -> None:
    settings = [SamplingParams(temperature=t, top_k=3, min_p=p) for t in (0.5, 1.0) for p in (1e-12, 0.9)]
    sentences = idle(*settings)
    assert sentences == ["min_p=1e-12 removed nothing that top_k=3 had left."]
    mixed = [SamplingParams(top_p=0.9, top_k=k) for k in (1, 200)]
    assert idle(*mixed) == ["top_p=0.9 removed nothing that top_k had left at top_k=1."]


def test_what_acts_is_not_watched_any_more() -> None:
    effects, setting = Effects(), SamplingParams(top_p=0.5)
    assert effects.pending("top_p", [setting])
    list(process(torch.randn(1, 50), [setting], effects=effects))
    assert not effects.pending("top_p", [setting])
    assert effects.idle(setting) == ()
    assert effects.idle(SamplingParams(top_p=0.6)) == ()  # never ran


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"top_k": 1, "temperature": 0.7}, "top_k=1 leaves one token (but for ties), whatever temperature=0.7 says."),
        (
            {"temperature": 0, "min_p": 0.1},
            "temperature=0 is greedy and leaves one token: min_p=0.1 can change nothing.",
        ),
        ({"mirostat_tau": 5.0, "top_k": 40}, "top_k=40 and mirostat_tau=5 both truncate"),
        ({"xtc_probability": 0.5, "xtc_threshold": 0.6}, "xtc_threshold=0.6 is above 0.5: no two tokens can reach it."),
    ],
)
def test_contradictions(values: dict[str, object], said: str) -> None:
    (sentence,) = contradictions([SamplingParams(**values)] * 2)
    assert sentence.startswith(said)


@pytest.mark.parametrize("values", [{}, {"top_k": 1}, {"temperature": 0}, {"top_k": 40, "temperature": 0.7}])
def test_no_contradiction(values: dict[str, object]) -> None:
    assert contradictions([SamplingParams(**values)]) == []


def test_a_comparison_says_so() -> None:
    result = compare(FakeModel(), "Once", [0.5, 1.0], params=SamplingParams(top_k=2, min_p=1e-12), max_new_tokens=8)
    assert result.effective == ("min_p=1e-12 removed nothing that top_k=2 had left.",)
    assert result.to_dict()["effective"] == list(result.effective)
