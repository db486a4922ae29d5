"""vLLM's own arguments on the command line and in a run's plan: what is passed on, kept, and refused in one line."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.fakes import FakeModel
from tests.runs.killed import small
from thermoscope.cli import options
from thermoscope.cli.app import app
from thermoscope.errors import InputError
from thermoscope.models import names
from thermoscope.ran.provenance import model_words
from thermoscope.sources import open as open_module
from thermoscope.sources.open import open_source
from thermoscope.sources.vllm_arguments import check_in_vllm, check_known

KNOWN = ("max_model_len", "max_num_seqs", "quantization", "tensor_parallel_size", "model", "dtype")
MODEL = names.parse_name("vllm/x")


def test_what_vllm_does_not_know_is_refused() -> None:
    said = r"-M max_modl_len is unknown to vLLM \(did you mean 'max_model_len'\?\); leave it out"
    with pytest.raises(InputError, match=said):
        check_known({"max_modl_len": 5}, KNOWN)


def test_what_it_takes_is_not() -> None:
    given = {"max_model_len": 2048, "quantization": "fp8", "tensor_parallel_size": 1}
    check_known(given, KNOWN)
    check_in_vllm(MODEL, None, given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"options": {"logits_processors": 1}}, "-M logits_processors is set by Thermoscope itself; got 1; leave it"),
        ({"options": {"speculative_config": {}}}, "set by Thermoscope itself"),
        ({"options": {"tensor_parallel_size": 2}}, "over processes, .* got 2; leave it out, or start a server"),
        ({"device": "cpu"}, "vLLM chooses the device of vllm/x itself; got 'cpu'; leave device out"),
    ],
)
def test_what_it_cant_heed_is_refused_before_it_is_opened(
    given: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "vllm", None)  # importing it is an error
    with pytest.raises(InputError, match=said):
        open_source("vllm/x", **given)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compare", "Once", "--device", "cpu"), "vLLM chooses the device of vllm/x itself; got 'cpu'"),
        (("measure", "--use-case", "creative-story", "-M", "device=cpu"), "vLLM chooses the device of vllm/x itself"),
        (("measure", "--use-case", "creative-story", "-M", "runner=draft"), "-M runner is set by Thermoscope itself"),
        (("compare", "Once", "--params", "model"), "--params model is for a model that runs here; vllm/x runs in vLLM"),
        (("measure", "--use-case", "creative-story", "--params", "model"), "--params model is for a model that runs"),
        (("recommend", "--use-case", "creative-story", "--baseline", "model"), "--baseline model is for a model that"),
        (("recommend", "--use-case", "creative-story", "--objective", "reference"), "--objective reference is for a"),
    ],
)
def test_the_command_line_says_so_at_once(words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(open_module, "open_source", None)  # calling it is an error
    refused = CliRunner().invoke(app, [*words, "--model", "vllm/x"]).exception
    assert isinstance(refused, InputError) and str(refused).startswith(said)


def opened(monkeypatch: pytest.MonkeyPatch, model: str, *given: str, installed: bool = True) -> dict[str, Any]:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if installed else None)
    usual: dict[str, Any] = dict.fromkeys(("revision", "device", "dtype", "chat", "system", "chat_option"))
    return options.source_options(model, None, **usual, model_option=list(given))


def test_the_command_line_passes_them_on_to_vllm_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    found = opened(monkeypatch, "vllm/x", "max_model_len=2048", "dtype=bfloat16", "quantization=fp8")
    assert found["options"] == {"max_model_len": 2048, "quantization": "fp8"}
    assert found["dtype"] == "bfloat16"
    with pytest.raises(InputError, match="-M knows revision, device and dtype for a model that runs here; got max_mod"):
        opened(monkeypatch, "bundled", "max_model_len=2048")


def test_a_plan_has_them_so_that_its_command_and_its_resumption_do(tmp_path: Path) -> None:
    plan = replace(small(FakeModel()), chat_words=("--raw", "-Mmax_model_len=2048", '-Mquantization="fp8"'))
    assert plan.loading["options"] == {"max_model_len": 2048, "quantization": "fp8"}
    assert plan.loading["chat"] is False
    assert plan.loading["device"] == plan.device and replace(plan, model="vllm/x").loading["device"] is None
    assert model_words("vllm/x", None, "cpu", None, plan.chat_words)[-2:] == list(plan.chat_words[1:])
