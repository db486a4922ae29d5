"""The real vLLM with our draws in it: texts are those of ``generate``, token for token (``make test-engines``)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from thermoscope import SamplingParams, generate, load_model
from thermoscope.decode.sample import Sample
from thermoscope.sampling.draw import draw
from thermoscope.sampling.noise import Keys, prompt_key
from thermoscope.settings.stages import STAGES

PYTHON = os.environ.get("THERMOSCOPE_VLLM")
PROMPTS = ["Once upon a time, there was a", "the cat and the dog and the cat and the dog and the", "Hello"]
SETTINGS: list[dict[str, Any]] = [
    {},
    {"temperature": 0},
    {"temperature": 0.7, "top_k": 20},
    {"temperature": 1.2, "top_p": 0.9},
    {"temperature": 1.5, "min_p": 0.1, "top_p": 0.95, "order": ["min_p", "top_p", "temperature"]},
    {"typical_p": 0.8, "top_n_sigma": 2.0},
    {"epsilon_cutoff": 0.01, "eta_cutoff": 0.02, "top_a": 0.1},
    {"repetition_penalty": 1.3, "presence_penalty": 0.4, "frequency_penalty": 0.3},
    {"no_repeat_ngram_size": 2, "logit_bias": {"5": -3.0}, "temperature": 0.9},
    {"dynatemp_range": 0.5, "temperature": 0.8, "top_p": 0.97},
    {"mirostat_tau": 4.0, "mirostat_eta": 0.2},
    {"xtc_probability": 0.6, "xtc_threshold": 0.08, "dry_multiplier": 0.8, "dry_allowed_length": 1},
    {"min_k": 3.0, "encoder_repetition_penalty": 1.3, "min_new_tokens": 9},
    {"smoothing_factor": 0.3, "smoothing_curve": 2.0, "top_h": 0.6},
    {"p_less": 2.0, "p_less_norm": 0.5},
    {"adaptive_target": 0.4, "min_p": 0.02},
]
SEEDS = [0, 1, 2, 2**64 - 1]
NEW_TOKENS = 24
#: How far the logits of the two are apart at most.
ROUNDING = 2e-4

pytestmark = [
    pytest.mark.engines,
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="THERMOSCOPE_VLLM names no Python that has vLLM"),
]


def in_vllm(folder: Path, stop: tuple[str, ...] = (), **engine: Any) -> dict[str, Any]:
    """What vLLM makes in a process of its own."""
    assert PYTHON is not None
    settings = [{**s, "logit_bias": list(map(list, pairs(s)))} if "logit_bias" in s else s for s in SETTINGS]
    asked = {"settings": settings, "prompts": PROMPTS, "seeds": SEEDS, "max_new_tokens": NEW_TOKENS, "stop": stop,
             "engine": engine}  # fmt: skip
    child, root = Path(__file__).with_name("vllm_child.py"), Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root / "src"), "VLLM_CPU_KVCACHE_SPACE": "1"}
    done = subprocess.run([PYTHON, "-W", "ignore", str(child), str(folder / "made.json")], input=json.dumps(asked),
                          env=env, text=True, capture_output=True, timeout=1500, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads((folder / "made.json").read_text())
    return found


def pairs(setting: dict[str, Any]) -> list[tuple[int, float]]:
    return [(int(token), bias) for token, bias in setting["logit_bias"].items()]


def params() -> list[SamplingParams]:
    return [SamplingParams(**{**s, "logit_bias": pairs(s)} if "logit_bias" in s else s) for s in SETTINGS]


@pytest.fixture(scope="module")
def ours() -> list[Sample]:
    return generate(load_model(), PROMPTS, params(), seeds=SEEDS, max_new_tokens=NEW_TOKENS)


def assert_equal(theirs: list[dict[str, Any]], ours: list[Sample]) -> int:
    """Each text is ours, or differs first where rounding decides; how many do."""
    flips = 0
    assert len(theirs) == len(ours)
    for there, here in zip(theirs, ours, strict=True):
        same = next(
            (n for n, (a, b) in enumerate(zip(there["token_ids"], here.token_ids, strict=False)) if a != b), None
        )
        if same is not None:
            assert is_a_near_tie(here, same, there["token_ids"][same]), (str(here.params), here.seed, same)
            flips += 1
            continue
        assert tuple(there["token_ids"]) == here.token_ids
        assert (there["text"], there["finish_reason"]) == (here.text, here.finish_reason)
        assert there["ranks"] == list(here.ranks)
        for name in ("logprobs", "entropies"):
            assert there[name] == pytest.approx(getattr(here, name), abs=1e-3), name
        for name in ("drawn_logprobs", "tempered_entropies"):
            assert there[name] == pytest.approx(getattr(here, name), abs=5e-3, nan_ok=True), name
    return flips


def is_a_near_tie(here: Sample, at: int, other: int) -> bool:
    """Whether logits moved by no more than rounding give the other token."""
    model = load_model()
    prompt = model.encode_prompt(here.prompt)
    logits = model.rows(capacity=1, length=200).add([[*prompt, *here.token_ids[:at]]])
    torch.manual_seed(0)
    moved = logits + (torch.rand(400, logits.shape[1]) * 2 - 1) * ROUNDING
    keys = Keys([(here.seed, prompt_key(prompt), at)] * 400)
    drawn = draw(moved, [here.params] * 400, keys, prompt_ids=[prompt] * 400,
                 output_ids=[here.token_ids[:at]] * 400, drawn_logprobs=[here.drawn_logprobs[:at]] * 400,
                 kept_logprobs=[here.kept_logprobs[:at]] * 400, end_ids=model.end_of_text)  # fmt: skip
    return other in drawn.tokens.tolist()


def test_the_settings_cover_every_stage() -> None:
    assert {stage for setting in params() for stage in setting.active_stages} == set(STAGES)


@pytest.mark.timeout(1600)
def test_texts_and_records_are_those_of_generate(tmp_path: Path, ours: list[Sample]) -> None:
    found = in_vllm(tmp_path, max_model_len=64, max_num_seqs=7)
    assert len(ours) >= 100
    flips = assert_equal(found["samples"], ours)
    assert flips <= len(ours) // 20, flips
    assert found["tokens"] == sum(len(sample["token_ids"]) for sample in found["samples"])
    assert found["source"][:2] == ["vllm/bundled", "float32"]
    assert found["source"][3] == load_model().revision


@pytest.mark.timeout(1600)
def test_texts_are_the_same_under_preemption_and_prompts_read_in_pieces(tmp_path: Path, ours: list[Sample]) -> None:
    """Memory for fewer rows than are in flight, and 16 tokens of prompts a step."""
    found = in_vllm(tmp_path, max_model_len=48, max_num_seqs=16, num_gpu_blocks_override=8, block_size=32,
                    max_num_batched_tokens=16, enable_chunked_prefill=True)  # fmt: skip
    assert found["preemptions"] > 0
    assert assert_equal(found["samples"], ours) <= len(ours) // 20
