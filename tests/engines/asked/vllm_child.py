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
            **{
                **given,
                "max_tokens": max(1, given.get("min_tokens", 0)),
                "logprobs": -1,
                "flat_logprobs": True,
                "detokenize": False,
            }
        )
        for given in (one["params"] for one in asked)
    ]
    engine = llm.llm_engine
    with Path(os.environ["ANSWERS"]).open("w") as file:
        for start in range(0, len(asked), 50):
            numbers = range(start, min(start + 50, len(asked)))
            for number in numbers:
                engine.add_request(str(number), {"prompt_token_ids": asked[number]["prompt"]}, params[number])
            firsts: dict[int, dict[int, float]] = {}
            while engine.has_unfinished_requests():
                for output in engine.step():
                    steps = output.outputs[0].logprobs
                    part = slice(steps.start_indices[0], steps.end_indices[0])
                    pairs = zip(steps.token_ids[part], steps.logprobs[part], strict=True)
                    firsts[int(output.request_id)] = {token: logprob for token, logprob in pairs if logprob > -1e30}
                    engine.abort_request([output.request_id])  # min_tokens would have it go on
            for number in numbers:
                file.write(json.dumps([list(firsts[number]), list(firsts[number].values())]) + "\n")


if __name__ == "__main__":
    main()
