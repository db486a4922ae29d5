"""Engines for one's own machine: llama.cpp, Ollama, text-generation-webui.

Every fact is from the release that is named, read in its source; docs/engines.md has file and line.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from thermoscope.engines.dialect import Dialect, Snippet, words
from thermoscope.engines.servers import as_json
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.values import typed

#: As many tokens as llama.cpp's penalties look back on: a whole context, as our penalties do.
LAST_N = 131072
#: llama.cpp's server refuses an empty list of breakers: a control character that no text has stands for none.
NO_BREAKERS = ["\x1f"]


# --- llama.cpp and Ollama ---------------------------------------------------------------------------------------

LLAMA_STAGES = {"penalties": "penalties", "repetition": "penalties", "dry": "dry", "top_n_sigma": "top_n_sigma",
                 "top_k": "top_k", "typical_p": "typ_p", "top_p": "top_p", "min_p": "min_p", "xtc": "xtc",
                 "temperature": "temperature"}  # fmt: skip
LLAMA_FLAGS = {"temperature": "temp", "typical_p": "typical", "top_n_sigma": "top-nsigma",
                "mirostat_tau": "mirostat-ent", "mirostat_eta": "mirostat-lr",
                "dynatemp_exponent": "dynatemp-exp"}  # fmt: skip


def samplers(order: Iterable[str]) -> list[str]:
    """llama.cpp's names of stages in an order, each once."""
    return list(dict.fromkeys(LLAMA_STAGES[stage] for stage in order if stage in LLAMA_STAGES))


def _llama_cpp(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    mirostat = params.mirostat_tau is not None
    chain = samplers(params.order)
    fields |= {"mirostat": 2 if mirostat else 0, "samplers": chain}
    if params.dry_multiplier is not None:
        fields["dry_sequence_breakers"] = NO_BREAKERS
    fields["logit_bias"] = [[token, bias] for token, bias in params.logit_bias or ()]
    own = {v: k for k, v in LLAMA_CPP.names.items()}
    skip = ("samplers", "dry_sequence_breakers", "logit_bias")
    flags = ["--samplers", ";".join(chain)]
    for name, value in fields.items():
        if name not in skip:
            flags += [f"--{LLAMA_FLAGS.get(own.get(name, name), name.replace('_', '-'))}", typed(value)]
    flags += ["--dry-sequence-breaker", "none"]
    for token, bias in params.logit_bias or ():
        flags += ["--logit-bias", f"{token}{bias:+}"]
    return [
        Snippet("flags of llama-cli and llama-server", "shell", " ".join(map(shlex.quote, flags))),
        Snippet("body of a request to /completion", "json", as_json(fields)),
    ]


def _llama_edges(params: SamplingParams) -> dict[str, str]:
    edges: dict[str, str] = {}
    active = [stage for stage in params.active_stages if stage in LLAMA_CPP.order]
    if params.mirostat_tau is not None:
        for stage, name in (("repetition", "repetition_penalty"), ("penalties", "presence_penalty"),
                            ("penalties", "frequency_penalty"), ("dry", "dry_multiplier"),
                            ("top_n_sigma", "top_n_sigma"), ("top_k", "top_k"), ("typical_p", "typical_p"),
                            ("top_p", "top_p"), ("min_p", "min_p"), ("xtc", "xtc_probability"),
                            ("temperature", "dynatemp_range")):  # fmt: skip
            if stage in active and getattr(params, name) is not None:
                edges[name] = "is ignored there together with mirostat"
        if "temperature" in active and active.index("temperature") > active.index("mirostat"):
            edges["order"] = "temperature runs before mirostat"
        return edges
    if params.dry_breakers:
        edges["dry_breakers"] = "are texts there, not tokens"
    if params.dynatemp_range is not None and params.dynatemp_range > params.temperature and params.temperature == 0:
        edges["dynatemp_range"] = "is not greedy there"
    if "logit_bias" in active and active.index("logit_bias") > 0 and not _additive_before(active, "logit_bias"):
        edges["order"] = "logit_bias runs first, whatever the chain"
    if "repetition" in active and "penalties" in active:
        a, b = active.index("repetition"), active.index("penalties")
        if b != a + 1:
            edges["order"] = "repetition, presence and frequency are one stage there, in this order"
    if params.top_n_sigma is not None and params.dynatemp_range:
        edges["dynatemp_range"] = "counts the tokens that top_n_sigma removed in ln n there"
    return edges


def _additive_before(active: list[str], stage: str) -> bool:
    return set(active[: active.index(stage)]) <= {"penalties", "dry"}


LLAMA_CPP = Dialect(
    name="llama.cpp",
    version="as in llama-cpp-python 0.3.36",
    source="vendor/llama.cpp/common/sampling.cpp, common/arg.cpp, common/common.h and src/llama-sampler.cpp",
    order=ORDERS["llama.cpp"],
    names={n: n for n in ("top_k", "top_p", "min_p", "typical_p", "top_n_sigma", "xtc_probability", "xtc_threshold",
                          "dynatemp_range", "dynatemp_exponent", "presence_penalty", "frequency_penalty",
                          "dry_multiplier", "dry_base", "dry_allowed_length", "mirostat_tau", "mirostat_eta",
                          "logit_bias")}
    | {"temperature": "temperature", "repetition_penalty": "repeat_penalty", "dry_breakers": "dry_sequence_breakers"},
    neutral={"temperature": 1.0, "dynatemp_range": 0.0, "dynatemp_exponent": 1.0, "top_k": 0, "top_p": 1.0,
             "min_p": 0.0, "typical_p": 1.0, "top_n_sigma": -1.0, "xtc_probability": 0.0, "xtc_threshold": 0.1,
             "repeat_last_n": LAST_N, "repeat_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
             "dry_multiplier": 0.0, "dry_base": 1.75, "dry_allowed_length": 2, "dry_penalty_last_n": LAST_N,
             "mirostat": 0, "mirostat_tau": 5.0, "mirostat_eta": 0.1},
    defaults={"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05},
    explicit_order=True,
    penalties_count_prompt=True,
    aside=words(
        "prompt n_predict seed stop stream n_keep n_probs min_keep ignore_eos cache_prompt id_slot grammar "
        "json_schema t_max_predict_ms model messages max_tokens ctx_size"
    ),
    edges=_llama_edges,
    write=_llama_cpp,
)  # fmt: skip


def _ollama(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    del params
    lines = [f"PARAMETER {name} {typed(value)}" for name, value in fields.items()]
    return [
        Snippet("Modelfile", "dockerfile", "\n".join(lines)),
        Snippet("options of a request to /api/generate", "json", as_json({"options": fields})),
    ]


OLLAMA = Dialect(
    name="ollama",
    version="commit 0117cd8",
    source="docs/modelfile.mdx, api/types.go; GGUF models run on llama.cpp, whose default order it keeps",
    order=tuple(s for s in ORDERS["llama.cpp"] if s in ("repetition", "penalties", "top_k", "typical_p", "top_p",
                                                        "min_p", "temperature")),
    names={"temperature": "temperature", "top_k": "top_k", "top_p": "top_p", "min_p": "min_p",
           "typical_p": "typical_p", "repetition_penalty": "repeat_penalty", "presence_penalty": "presence_penalty",
           "frequency_penalty": "frequency_penalty"},
    neutral={"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0, "repeat_penalty": 1.0,
             "repeat_last_n": -1, "presence_penalty": 0.0, "frequency_penalty": 0.0},
    defaults={"temperature": 0.8, "top_k": 40, "top_p": 0.9},
    penalties_count_prompt=True,
    aside=words(
        "num_ctx num_predict seed stop num_keep num_gpu num_thread num_batch model prompt stream use_mmap "
        "main_gpu numa"
    ),
    write=_ollama,
)  # fmt: skip


# --- text-generation-webui ----------------------------------------------------------------------------------------

WEBUI_PRIORITY = {
    "repetition": "repetition_penalty", "penalties": "presence_penalty\nfrequency_penalty", "dry": "dry",
    "top_n_sigma": "top_n_sigma", "temperature": "temperature\ndynamic_temperature", "top_k": "top_k", "top_p": "top_p",
    "typical_p": "typical_p", "epsilon_cutoff": "epsilon_cutoff", "eta_cutoff": "eta_cutoff", "top_a": "top_a",
    "min_p": "min_p", "mirostat": "mirostat", "xtc": "xtc", "no_repeat_ngram": "no_repeat_ngram",
}  # fmt: skip


#: So many tokens of a repetition DRY counts there; a penalty of so many nats leaves nothing to add.
_DRY_TOKENS, _ENOUGH = 50, 100.0


def _webui(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    if params.temperature == 0:
        fields |= {"do_sample": False, "temperature": 1.0}
    if params.dynatemp_range:
        low = max(0.0, params.temperature - params.dynatemp_range)
        fields |= {"dynamic_temperature": True, "dynatemp_low": low, "temperature": 1.0,  # which would run as well
                   "dynatemp_high": params.temperature + params.dynatemp_range}  # fmt: skip
    if params.mirostat_tau is not None:
        fields["mirostat_mode"] = 2
    for name in ("epsilon_cutoff", "eta_cutoff"):  # in units of 1e-4 there
        fields[name] = round((getattr(params, name) or 0.0) * 1e4, 9)
    fields["dry_sequence_breakers"] = ""
    first = [WEBUI_PRIORITY[stage] for stage in params.order if stage in WEBUI_PRIORITY]
    fields["sampler_priority"] = "\n".join(first).split("\n")
    return [Snippet("body of a request, or a preset", "json", as_json(fields))]


def _webui_edges(params: SamplingParams) -> dict[str, str]:
    edges = {}
    if params.xtc_probability is not None:
        edges["xtc_probability"] = "is skipped there where a newline or the end of the text would go"
    if params.dry_breakers:
        edges["dry_breakers"] = "are texts there, of which the last token counts"
    if params.dry_multiplier is not None:
        longest = params.dry_multiplier * params.dry_base ** (_DRY_TOKENS - params.dry_allowed_length)
        if longest < _ENOUGH:
            edges["dry_multiplier"] = f"counts {_DRY_TOKENS} tokens of a repetition at most there"
    return edges


WEBUI = Dialect(
    name="text-generation-webui",
    version="commits dceb23c, ec17a5d and 2dad203",
    source="modules/sampler_hijack.py, presets.py and api/typing.py (its transformers and ExLlama-HF loaders)",
    order=("repetition", "penalties", "dry", "top_n_sigma", "temperature", "top_k", "top_p", "typical_p",
           "epsilon_cutoff", "eta_cutoff", "top_a", "min_p", "mirostat", "xtc", "no_repeat_ngram"),
    names={n: n for n in ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff",
                          "top_a", "top_n_sigma", "repetition_penalty", "presence_penalty", "frequency_penalty",
                          "no_repeat_ngram_size", "dry_multiplier", "dry_base", "dry_allowed_length",
                          "xtc_probability", "xtc_threshold", "mirostat_tau", "mirostat_eta", "dynatemp_exponent")}
    | {"dynatemp_range": "dynatemp_high", "dry_breakers": "dry_sequence_breakers"},
    neutral={"do_sample": True, "temperature": 1.0, "dynamic_temperature": False, "dynatemp_low": 1.0,
             "dynatemp_high": 1.0, "dynatemp_exponent": 1.0, "smoothing_factor": 0.0, "smoothing_curve": 1.0,
             "top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0, "tfs": 1.0, "top_a": 0.0,
             "epsilon_cutoff": 0.0, "eta_cutoff": 0.0, "top_n_sigma": 0.0, "repetition_penalty": 1.0,
             "repetition_penalty_range": 0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
             "encoder_repetition_penalty": 1.0, "no_repeat_ngram_size": 0,
             "dry_multiplier": 0.0, "dry_base": 1.75, "dry_allowed_length": 2, "dry_sequence_breakers": "",
             "xtc_probability": 0.0, "xtc_threshold": 0.1, "mirostat_mode": 0, "mirostat_tau": 5.0,
             "mirostat_eta": 0.1, "guidance_scale": 1.0, "penalty_alpha": 0.0, "temperature_last": False},
    explicit_order=True,
    penalties_count_prompt=True,
    aside=words(
        "max_new_tokens max_tokens seed prompt stop stream truncation_length ban_eos_token add_bos_token "
        "skip_special_tokens custom_token_bans auto_max_new_tokens preset messages mode stop_sequences n user "
        "static_cache enable_thinking reasoning_effort prompt_lookup_num_tokens max_tokens_second"
    ),
    edges=_webui_edges,
    write=_webui,
)  # fmt: skip
