"""Varying any parameter, and several at once."""

from __future__ import annotations

import pytest

from tests.fakes import FakeModel
from thermoscope.comparison.compare import compare
from thermoscope.errors import InputError
from thermoscope.ran.provenance import compare_command
from thermoscope.settings.grid import label, neighbours, varied, varying
from thermoscope.settings.params import SamplingParams


def test_one_parameter() -> None:
    result = compare(FakeModel(), "Once", vary={"top_p": [0.2, 0.9]}, params=SamplingParams(temperature=0.8), seeds=[3])
    assert [s.top_p for s in result.settings] == [0.2, 0.9]
    assert {s.temperature for s in result.settings} == {0.8}
    assert any("top_p=0.2" in sentence for sentence in result.reading)
    assert "-t 0.8 --vary top_p=0.2,0.9" in result.ran.command


def test_two_at_once_are_a_grid_whose_neighbours_differ_in_one() -> None:
    settings = varied({"temperature": [0.3, 0.9], "top_k": [5, 50, 500]})
    assert [(s.temperature, s.top_k) for s in settings] == [
        (0.3, 5), (0.3, 50), (0.3, 500), (0.9, 5), (0.9, 50), (0.9, 500)
    ]  # fmt: skip
    assert neighbours(settings) == [None, 0, 1, 0, 3, 4]
    assert varying(settings) == ("temperature", "top_k")
    assert [label(s, varying(settings)) for s in settings][:2] == ["T=0.3 top_k=5", "T=0.3 top_k=50"]
    result = compare(FakeModel(), "Once", vary={"temperature": [0.3, 0.9], "top_k": [5, 50]}, max_new_tokens=10)
    ids = [text.sample.token_ids for text in result.texts]
    shared = next((i for i, (a, b) in enumerate(zip(ids[0], ids[2], strict=True)) if a != b), 10)
    assert result.texts[2].shared_tokens == shared


@pytest.mark.parametrize(
    "vary",
    [
        {"temperature": [0.3, 0.9]}, {"top_p": [0.5, 0.9]}, {"top_p": [0.5, 0.9], "temperature": [0.3, 0.9, 1.0]},
        {"order": ["transformers", "llama.cpp"], "min_p": [0.1], "temperature": [0.3, 0.9]},
        {"repetition_penalty": [1, 1.2]},
        {"top_k": [5]}, {"mirostat_tau": [2.0, 3.0], "mirostat_eta": [0.1, 0.3]}, {"top_k": [None, 5]},
        {"order": [["penalties", "temperature"], ["temperature", "penalties"]], "temperature": [0.5]},
        {"temperature": [1 / 3, 0.5], "top_p": [0.5, 1]},
    ],
)  # fmt: skip
def test_the_command_gives_the_same_settings_in_the_same_order(vary: dict[str, list[object]]) -> None:
    import shlex

    from thermoscope.cli.settings import TypedSettings, varied_settings
    from thermoscope.settings.stages import PARAMETERS

    settings = varied(vary, SamplingParams(presence_penalty=0.25))
    words = shlex.split(compare_command(FakeModel(), "x", settings, [0], 5, []))
    temperatures = [words[i + 1] for i, word in enumerate(words) if word == "-t"]
    over = [words[i + 1] for i, word in enumerate(words) if word == "--vary"]
    options = {name: f"--{name.replace('_', '-')}" for name in PARAMETERS if name != "temperature"}
    typed = {name: words[words.index(flag) + 1] for name, flag in options.items() if flag in words}
    again, params = varied_settings(temperatures or None, over, TypedSettings(typed), usual=("0.7",))
    assert varied(again, params) == settings


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({"top_q": [1]}, "can't vary 'top_q' (did you mean 'top_p'?); what can be varied is"),
        ({"logit_bias": [{}]}, "can't vary 'logit_bias'"),
        ({"top_p": []}, "values of top_p must not be empty"),
        ({"top_p": [0.5, 0.50]}, "each setting may be given once"),
        ({"order": ["transformers", "llama.cpp"]}, "got temperature=1 twice (these orders do the same here)"),
        ({"top_p": [0.5, 2]}, "top_p must be at most 1; got 2"),
        ({}, "nothing is varied"),
    ],
)
def test_what_can_not_be_varied(vary: dict[str, list[object]], said: str) -> None:
    with pytest.raises(InputError) as caught:
        varied(vary)
    assert said in str(caught.value)
