"""vLLM on the CPU, asked for distributions: a child process in vLLM's own environment. Needs nothing of Thermoscope.

``PYTHON tests/engines/asked/vllm_child.py MODEL`` reads a JSON list of ``{"prompt": token ids, "params": fields of
SamplingParams}`` from standard input, and writes a line of JSON for each to the file that $ANSWERS names: token ids
and log-probabilities after all processors.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    asked = json.load(sys.stdin)
    for one in asked:
        if "logit_bias" in one["params"]:  # JSON has no numbers as keys
            one["params"]["logit_bias"] = {int(token): bias for token, bias in one["params"]["logit_bias"].items()}
    os.environ.update(VLLM_CPU_KVCACHE_SPACE="1", VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_LOGGING_LEVEL="ERROR")
    from vllm import LLM, SamplingParams

    llm = LLM(sys.argv[1], dtype="float32", enforce_eager=True, max_model_len=256, max_logprobs=-1,
              logprobs_mode="processed_logprobs", generation_config="vllm", disable_log_stats=True)  # fmt: skip
    params = [  # the first step is what is asked about; min_tokens wants room for more
        SamplingParams(
            **{**given, "max_tokens": max(1, given.get("min_tokens", 0)), "logprobs": -1, "detokenize": False}
        )
        for given in (one["params"] for one in asked)
    ]
    with Path(os.environ["ANSWERS"]).open("w") as file:
        for start in range(0, len(asked), 50):
            prompts = [{"prompt_token_ids": one["prompt"]} for one in asked[start : start + 50]]
            for output in llm.generate(prompts, params[start : start + 50], use_tqdm=False):
                step = output.outputs[0].logprobs[0]
                known = {token: of.logprob for token, of in step.items() if of.logprob > -1e30}
                file.write(json.dumps([list(known), list(known.values())]) + "\n")


if __name__ == "__main__":
    main()
