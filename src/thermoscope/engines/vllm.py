"""vLLM.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, TextForm, as_json, words
from thermoscope.engines.served import COMMON, bias_by_token
from thermoscope.engines.values import once
from thermoscope.errors import InputError
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    inside = dict(fields)
    if params.logit_bias:
        inside["logit_bias"], fields["logit_bias"] = bias_by_token(params, int), bias_by_token(params)
    call = "".join(f"    {name}={value!r},\n" for name, value in inside.items() if value is not None)
    served = {name: value for name, value in fields.items() if value is not None}
    return [
        Snippet("Python", "python", f"SamplingParams(\n{call})"),
        Snippet("body of a request to the server", "json", as_json(served)),
    ]


def _call(text: str) -> dict[str, Any]:
    try:
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        pairs = [(keyword.arg, ast.literal_eval(keyword.value)) for keyword in call.keywords]
    except (SyntaxError, ValueError, AssertionError, RecursionError):
        raise InputError("SamplingParams(...) must be one call with plain values by name; mend the file") from None
    if call.args or any(name is None for name, _ in pairs):
        raise InputError("SamplingParams(...) must have its values by name; write temperature=0.7")
    return once((str(name), value) for name, value in pairs)


def _is_call(text: str) -> bool:
    return re.match(r"(\w+\.)*SamplingParams\s*\(", text.strip()) is not None


_SERVED = words(
    "model messages prompt stream n seed stop stop_token_ids max_tokens max_completion_tokens min_tokens "
    "logprobs top_logprobs prompt_logprobs ignore_eos skip_special_tokens user stream_options best_of "
    "echo tools tool_choice response_format"
)


VLLM = Dialect(
    name="vllm",
    version="0.33.0, parameters checked at commit 00388f6",
    source="vllm/sampling_params.py and vllm/v1/sample/sampler.py",
    order=ORDERS["vllm"],
    names=COMMON,
    neutral={"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0,
             "presence_penalty": 0.0, "frequency_penalty": 0.0, "logit_bias": None},
    ranges={"temperature": (0.01, 2), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)},
    aside=_SERVED,
    write=_write,
    form=TextForm("SamplingParams(...)", _is_call, _call),
)  # fmt: skip
ENTRIES = (VLLM,)
