"""Exported settings run by vLLM on the CPU (``make test-engines``): what it draws from is what the verdict says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engines.asked.settings import setting
from thermoscope import export, load_model
from thermoscope.engines.dialect import meaningful
from thermoscope.engines.distance import Distributions, run
from thermoscope.engines.effect import EngineSetting
from thermoscope.engines.verdict import judge
from thermoscope.engines.vllm import VLLM
from thermoscope.models.load import BUNDLED

PYTHON = os.environ.get("THERMOSCOPE_VLLM")
ASKED = int(os.environ.get("THERMOSCOPE_ASKED", "100"))
PROMPTS = ("Once upon a time, there was a", "the cat and the dog and the cat and the dog and the", "Hello")
#: The largest difference of a probability; what the model's rounding makes of the next token is in it.
CLOSE = 3e-4

pytestmark = [
    pytest.mark.engines,
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="THERMOSCOPE_VLLM names no Python that has vLLM"),
]


def answers(asked: list[dict[str, Any]], folder: Path) -> list[torch.Tensor]:
    """What vLLM draws the next token from, (V,) each."""
    assert PYTHON is not None
    child = Path(__file__).with_name("vllm_child.py")
    env = {**os.environ, "ANSWERS": str(folder / "answers.jsonl")}
    env.pop("PYTHONPATH", None)
    done = subprocess.run([PYTHON, str(child), str(BUNDLED)], input=json.dumps(asked), env=env, text=True,
                          capture_output=True, timeout=1500, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = []
    for line in (folder / "answers.jsonl").read_text().splitlines():
        tokens, logprobs = json.loads(line)
        of = torch.zeros(load_model().vocabulary, dtype=torch.float64)
        of[torch.tensor(tokens)] = torch.tensor(logprobs, dtype=torch.float64).exp()
        found.append(of)
    return found


@pytest.mark.timeout(1600)
def test_vllm_gives_our_distribution_or_the_verdict_says_that_it_does_not(tmp_path: Path) -> None:
    model = load_model()
    contexts = [model.encode(prompt) for prompt in PROMPTS]
    settings = [setting(n, VLLM.order, model.vocabulary, dynamic=False, orders=("vllm", "any")) for n in range(ASKED)]
    asked = []
    for number, params in enumerate(settings):
        body = json.loads(next(s.text for s in export(params, "vllm").snippets if s.language == "json"))
        known = {name: body[name] for name in (*VLLM.neutral, "logit_bias") if body.get(name) is not None}
        asked.append({"prompt": contexts[number % len(PROMPTS)], "params": known})
    exact = 0
    for number, (params, theirs) in enumerate(zip(settings, answers(asked, tmp_path), strict=True)):
        place = number % len(PROMPTS)
        logits = model.next_token_logits(PROMPTS[place])[None].double()
        sample = Distributions(logits, [contexts[place]], [[]], [[]], end_ids=model.end_of_text)
        verdicts, there = judge(params, VLLM)
        if all(verdict.exact for verdict in verdicts):
            exact += 1
            there = EngineSetting(meaningful(params), there.repetition_counts_prompt, there.penalties_count_prompt)
        if params.temperature == 0:  # greedy: vLLM's log-probabilities are then those before it
            assert int(theirs.argmax()) == int(run(there, sample)[0].argmax()), (number, str(params))
            continue
        far = float((run(there, sample)[0] - theirs).abs().max())
        assert far < CLOSE or _at_an_edge(there, sample, theirs), (number, str(params), params.order, far)
    assert exact > ASKED / 4


def _at_an_edge(what: EngineSetting, sample: Distributions, theirs: torch.Tensor) -> bool:
    """Whether a threshold that is moved by the rounding of the model's logits gives the engine's distribution."""
    for name in ("top_p", "min_p"):
        value = getattr(what.params, name)
        for moved in () if value is None else (value * (1 - 3e-3), min(value * (1 + 3e-3), 1.0)):
            other = EngineSetting(what.params.replace(**{name: moved}), what.repetition_counts_prompt,
                                  what.penalties_count_prompt)  # fmt: skip
            if float((run(other, sample)[0] - theirs).abs().max()) < CLOSE:
                return True
    return False
