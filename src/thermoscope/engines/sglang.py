"""SGLang.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, as_json, words
from thermoscope.engines.opaque import LEVELS, Opaque
from thermoscope.engines.served import COMMON, bias_by_token
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    fields["logit_bias"] = bias_by_token(params) or None
    return [Snippet("sampling_params of a request to /generate", "json", as_json({"sampling_params": fields}))]


SGLANG = Dialect(
    name="sglang",
    version="0.5.23",
    source="python/sglang/srt/sampling/sampling_params.py, sampling_batch_info.py, penaltylib/, layers/sampler.py",
    order=ORDERS["sglang"],
    names=COMMON | {"min_new_tokens": "min_new_tokens"},
    neutral={"temperature": 1.0, "top_k": -1, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0,
             "presence_penalty": 0.0, "frequency_penalty": 0.0, "min_new_tokens": 0, "logit_bias": None},
    ranges={"presence_penalty": (-2, 2), "frequency_penalty": (-2, 2), "repetition_penalty": (0, 2)},
    repetition_counts_prompt=False,
    aside=words(
        "max_new_tokens stop stop_token_ids stop_regex n sampling_seed "
        "skip_special_tokens spaces_between_special_tokens no_stop_trim text input_ids stream"
    ),
    masks={"ignore_eos": "goes on behind the end of the text", "json_schema": "keeps the text to a form",
           "regex": "keeps the text to a form", "ebnf": "keeps the text to a form"},
    absent="the server takes what the model's generation_config.json says, and switches off the rest; here it is off",
    inherits=words("temperature top_k top_p min_p repetition_penalty"),
    opaque={"reasoning_effort": Opaque("reasoning_effort", LEVELS, request="/v1/chat/completions")},
    write=_write,
    inside="sampling_params",
)  # fmt: skip
ENTRIES = (SGLANG,)
