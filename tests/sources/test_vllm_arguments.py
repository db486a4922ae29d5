"""vLLM's own arguments on the command line and in a run's plan: what is passed on, kept, and refused in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeModel
from tests.runs.killed import small
from thermoscope.cli import options
from thermoscope.errors import InputError
from thermoscope.models import names
from thermoscope.ran.provenance import model_words
from thermoscope.sources.vllm_source import check_arguments

KNOWN = ("max_model_len", "max_num_seqs", "quantization", "tensor_parallel_size", "model", "dtype")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_modl_len": 5}, r"-M max_modl_len is unknown to vLLM \(did you mean 'max_model_len'\?\); leave it out"),
        ({"logits_processors": 1}, "-M logits_processors is set by Thermoscope itself; got 1; leave it out"),
        ({"speculative_config": {}}, "set by Thermoscope itself"),
        ({"tensor_parallel_size": 2}, "spreads a model over processes, .* got 2; leave it out, or start a server"),
    ],
)
def test_what_vllm_does_not_take_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_arguments(given, KNOWN)


def test_what_it_takes_is_not() -> None:
    check_arguments({"max_model_len": 2048, "quantization": "fp8", "tensor_parallel_size": 1}, KNOWN)


def opened(monkeypatch: pytest.MonkeyPatch, model: str, *given: str, installed: bool = True) -> dict[str, Any]:
    monkeypatch.setattr(names.importlib.util, "find_spec", lambda name: object() if installed else None)
    usual: dict[str, Any] = dict.fromkeys(("revision", "device", "dtype", "chat", "system", "chat_option"))
    return options.opening(model, None, **usual, model_option=list(given))


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
    assert model_words("vllm/x", None, "cpu", None, plan.chat_words)[-2:] == list(plan.chat_words[1:])
