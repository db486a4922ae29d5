"""Texts from vLLM in a process of its own environment, as ``open_source("vllm/bundled")`` makes them.

``PYTHON tests/sources/vllm_child.py FILE`` reads a JSON object from standard input: ``settings`` (parameters),
``prompts``, ``seeds``, ``max_new_tokens``, ``stop``, ``engine`` (vLLM's arguments); and writes the samples to FILE.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def count_preemptions() -> list[str]:
    """The requests that vLLM's scheduler takes out of memory from now on."""
    from vllm.v1.core.sched.scheduler import Scheduler

    found: list[str] = []
    preempt = Scheduler._preempt_request

    def counted(self: object, request: object, *given: object, **more: object) -> object:
        found.append(request.request_id)
        return preempt(self, request, *given, **more)

    Scheduler._preempt_request = counted
    return found


def main() -> None:
    asked = json.load(sys.stdin)
    from thermoscope import SamplingParams
    from thermoscope.models.names import parse_name
    from thermoscope.sources.base import Batch
    from thermoscope.sources.vllm_source import open_vllm

    os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0")
    preempted = count_preemptions()
    source = open_vllm(parse_name("vllm/bundled"), **asked["engine"])
    settings = tuple(SamplingParams(**setting) for setting in asked["settings"])
    batches = [Batch(prompt, settings, tuple(asked["seeds"])) for prompt in asked["prompts"]]
    made = [[None] * len(batch) for batch in batches]
    tokens: list[int] = []

    def keep(batch: int, place: int, sample: object) -> None:
        made[batch][place] = sample.to_dict()

    source.make(batches, max_new_tokens=asked["max_new_tokens"], stop=asked["stop"], on_sample=keep,
                on_token=lambda batch, place, token, record: tokens.append(token))  # fmt: skip
    idle = [list(batch.effects.idle(setting)) for batch in batches for setting in settings]
    found = {"samples": [one for of in made for one in of], "tokens": len(tokens), "idle": idle,
             "preemptions": len(preempted),
             "source": [source.name, source.dtype, source.device, source.revision, list(source.notes)]}  # fmt: skip
    Path(sys.argv[1]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
