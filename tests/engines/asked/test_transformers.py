"""Exported settings run by transformers' own processors on real logits: what they leave is what the verdict says."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import torch

from tests.engines.asked.settings import setting
from thermoscope import export, load_model
from thermoscope.engines.dialect import meaningful
from thermoscope.engines.distance import Distributions, run
from thermoscope.engines.effect import EngineSetting
from thermoscope.engines.transformers import TRANSFORMERS
from thermoscope.engines.verdict import judge

ASKED = int(os.environ.get("THERMOSCOPE_ASKED", "100"))
PROMPT = "Once upon a time, once upon a time, as one would to a friend"


def test_transformers_gives_our_distribution_or_the_verdict_says_that_it_does_not(tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM, GenerationConfig

    end = 7
    model, network = load_model(tiny_model), AutoModelForCausalLM.from_pretrained(tiny_model)
    ids = model.encode(PROMPT)
    logits = model.next_token_logits(PROMPT)[None]
    sample = Distributions(logits.double(), [ids], [[]], [[]], frozenset({end}))
    exact = 0
    for number in range(ASKED):
        params = setting(number, TRANSFORMERS.order, model.vocabulary, dynamic=False, orders=("llama.cpp", "any"))
        verdicts, there = judge(params, TRANSFORMERS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parameters beside do_sample=False
            config = GenerationConfig(**json.loads(export(params, "transformers").snippets[0].text))
        config._eos_token_tensor = torch.tensor([end])
        prompt = torch.tensor([ids])
        processors = network._get_logits_processor(config, input_ids_seq_length=len(ids), encoder_input_ids=prompt)
        scores = processors(prompt, logits.clone())
        theirs = torch.softmax(scores.double(), dim=-1)[0]
        if not config.do_sample:
            theirs = torch.nn.functional.one_hot(scores.argmax(dim=-1), scores.shape[-1])[0].double()
        expected = there
        if all(verdict.exact for verdict in verdicts):
            exact += 1
            expected = EngineSetting(meaningful(params))
        elif any(verdict.kind == "not there" for verdict in verdicts):
            continue
        torch.testing.assert_close(run(expected, sample)[0], theirs, rtol=0, atol=1e-5, msg=f"{number}: {params}")
    assert exact > ASKED / 4
