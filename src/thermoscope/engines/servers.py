"""Engines for servers: transformers, vLLM, SGLang, TGI.

Every fact is from the release that is named, read in its source; docs/engines.md has file and line.
"""

from __future__ import annotations

import json
from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, words
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams


def as_json(fields: dict[str, Any]) -> str:
    """Fields as JSON, one to a line."""
    return json.dumps(fields, indent=2, ensure_ascii=False)


def _bias(params: SamplingParams, key: type = str) -> dict[Any, float]:
    return {key(token): bias for token, bias in params.logit_bias or ()}


# --- transformers -----------------------------------------------------------------------------------------------


def _transformers(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    if params.temperature == 0:
        fields |= {"do_sample": False, "temperature": 1.0}
    if params.logit_bias:
        fields["sequence_bias"] = [[[token], bias] for token, bias in params.logit_bias]
    return [Snippet("generation_config.json, or GenerationConfig(**these)", "json", as_json(fields))]


TRANSFORMERS = Dialect(
    name="transformers",
    version="5.23.0",
    source="src/transformers/generation/utils.py and logits_process.py",
    order=tuple(s for s in ORDERS["transformers"]
                if s not in ("penalties", "dry", "top_n_sigma", "top_a", "xtc", "mirostat")),
    names={n: n for n in ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff",
                          "repetition_penalty", "no_repeat_ngram_size")} | {"logit_bias": "sequence_bias"},
    neutral={"do_sample": True, "num_beams": 1, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": None,
             "typical_p": 1.0, "epsilon_cutoff": 0.0, "eta_cutoff": 0.0, "repetition_penalty": 1.0,
             "no_repeat_ngram_size": 0, "sequence_bias": None},
    defaults={"top_k": 50},
    aside=words(
        "transformers_version _from_model_config bos_token_id eos_token_id pad_token_id "
        "decoder_start_token_id max_length max_new_tokens min_length min_new_tokens stop_strings max_time "
        "use_cache cache_implementation num_return_sequences output_scores output_logits output_attentions "
        "output_hidden_states return_dict_in_generate early_stopping length_penalty"
    ),
    write=_transformers,
)  # fmt: skip


# --- vLLM and SGLang --------------------------------------------------------------------------------------------


def _vllm(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    inside = dict(fields)
    if params.logit_bias:
        inside["logit_bias"], fields["logit_bias"] = _bias(params, int), _bias(params)
    call = "".join(f"    {name}={value!r},\n" for name, value in inside.items() if value is not None)
    served = {name: value for name, value in fields.items() if value is not None}
    return [
        Snippet("Python", "python", f"SamplingParams(\n{call})"),
        Snippet("body of a request to the server", "json", as_json(served)),
    ]


_COMMON = {n: n for n in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "presence_penalty",
                          "frequency_penalty", "logit_bias")}  # fmt: skip
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
    names=_COMMON,
    neutral={"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0,
             "presence_penalty": 0.0, "frequency_penalty": 0.0, "logit_bias": None},
    ranges={"temperature": (0.01, 2), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)},
    aside=_SERVED,
    write=_vllm,
)  # fmt: skip


def _sglang(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    fields["logit_bias"] = _bias(params) or None
    return [Snippet("sampling_params of a request to /generate", "json", as_json({"sampling_params": fields}))]


SGLANG = Dialect(
    name="sglang",
    version="0.5.23",
    source="python/sglang/srt/sampling/sampling_params.py, sampling_batch_info.py, penaltylib/, layers/sampler.py",
    order=ORDERS["sglang"],
    names=_COMMON,
    neutral={"temperature": 1.0, "top_k": -1, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0,
             "presence_penalty": 0.0, "frequency_penalty": 0.0, "logit_bias": None},
    ranges={"presence_penalty": (-2, 2), "frequency_penalty": (-2, 2), "repetition_penalty": (0, 2)},
    repetition_counts_prompt=False,
    aside=words(
        "max_new_tokens min_new_tokens stop stop_token_ids stop_regex n sampling_seed ignore_eos "
        "skip_special_tokens spaces_between_special_tokens no_stop_trim text input_ids stream"
    ),
    write=_sglang,
)  # fmt: skip


# --- TGI -----------------------------------------------------------------------------


def _tgi(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    if params.temperature == 0:
        fields |= {"do_sample": False, "temperature": None, "top_k": None, "top_p": None, "typical_p": None}
    return [Snippet("body of a request to /generate", "json", as_json({"inputs": "...", "parameters": fields}))]


def _tgi_edges(params: SamplingParams) -> dict[str, str]:
    if params.frequency_penalty is not None:
        return {"frequency_penalty": "has another formula there: by a token's share of prompt and text, not its count"}
    return {}


TGI = Dialect(
    name="tgi",
    version="commits 01e61bf and 01067f8",
    source="server/text_generation_server/utils/tokens.py and logits_process.py, router/src/validation.rs",
    order=("repetition", "penalties", "temperature", "top_k", "top_p", "typical_p"),
    names={n: n for n in ("temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "frequency_penalty")},
    neutral={"do_sample": True, "temperature": None, "top_k": None, "top_p": None, "typical_p": None,
             "repetition_penalty": None, "frequency_penalty": None},
    ranges={"frequency_penalty": (-2, 2)},
    aside=words(
        "inputs max_new_tokens seed stop return_full_text details best_of truncate watermark "
        "decoder_input_details top_n_tokens grammar adapter_id"
    ),
    edges=_tgi_edges,
    write=_tgi,
)  # fmt: skip
