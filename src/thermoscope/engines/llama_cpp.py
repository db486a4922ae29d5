"""llama.cpp.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Any

from thermoscope.engines.dialect import Dialect, Draft, Snippet, TextForm, as_json, words
from thermoscope.engines.opaque import LEVELS, Opaque
from thermoscope.engines.penalties import LAST_N, all_or_nothing, ban_the_end, look_back, one_window, runs_first
from thermoscope.engines.values import BANNED, is_number, is_texts, once, pairs
from thermoscope.errors import InputError
from thermoscope.settings.orders import ORDERS
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import PARAMETERS, SHAPES, STAGE_OF
from thermoscope.settings.values import number_of, typed

#: llama.cpp's server refuses an empty list of breakers: a control character that no text has stands for none.
NO_BREAKERS = ["\x1f"]


#: Our stage -> its name in a chain.
_STAGES = {
    stage: {"repetition": "penalties", "typical_p": "typ_p"}.get(stage, stage)
    for stage in ORDERS["llama.cpp"] if stage not in ("logit_bias", "min_new_tokens", "mirostat")
}  # fmt: skip


#: The letters and the other names of a chain's stages.
_LETTERS = {"e": "penalties", "d": "dry", "s": "top_n_sigma", "k": "top_k", "y": "typ_p", "p": "top_p", "m": "min_p",
            "x": "xtc", "t": "temperature"}  # fmt: skip
_ALIASES = {"top-k": "top_k", "top-p": "top_p", "nucleus": "top_p", "typical-p": "typ_p", "typical": "typ_p",
            "typ-p": "typ_p", "typ": "typ_p", "min-p": "min_p", "temp": "temperature", "top-n-sigma": "top_n_sigma",
            "typical_p": "typ_p", "adaptive-p": "adaptive_p"}  # fmt: skip


#: Our parameter -> its flag, where that is not its field's name.
_FLAGS = {"temperature": "temp", "typical_p": "typical", "top_n_sigma": "top-nsigma",
                "mirostat_tau": "mirostat-ent", "mirostat_eta": "mirostat-lr",
                "dynatemp_exponent": "dynatemp-exp"}  # fmt: skip


#: What has an effect beside mirostat.
_WITH_MIROSTAT = ("mirostat_tau", "mirostat_eta", "temperature", "logit_bias", "min_new_tokens")
#: Biases of tokens, which run first.
_BIASES = ("logit_bias", "min_new_tokens")


def samplers(order: Iterable[str]) -> list[str]:
    """llama.cpp's names of stages in an order, each once."""
    return list(dict.fromkeys(_STAGES[stage] for stage in order if stage in _STAGES))


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    mirostat = params.mirostat_tau is not None
    on = params.adaptive_target is not None  # older servers don't know adaptive_p
    chain = [name for name in samplers(params.order) if on or name != "adaptive_p"]
    never_ends = (params.min_new_tokens or 0) >= LAST_N
    fields |= {"mirostat": 2 if mirostat else 0, "samplers": chain, "ignore_eos": never_ends}
    if params.dry_multiplier is not None:
        fields["dry_sequence_breakers"] = NO_BREAKERS
    fields["logit_bias"] = [[token, bias] for token, bias in params.logit_bias or ()]
    own = {v: k for k, v in LLAMA_CPP.names.items() if k in _FLAGS}
    skip = ("samplers", "dry_sequence_breakers", "logit_bias", "ignore_eos")
    flags = ["--samplers", ";".join(chain), *(["--ignore-eos"] if never_ends else [])]
    for name, value in fields.items():
        if name not in skip:
            flags += [f"--{_FLAGS.get(own.get(name, name), name.replace('_', '-'))}", typed(value)]
    flags += ["--dry-sequence-breaker", "none"]
    for token, bias in params.logit_bias or ():
        flags += ["--logit-bias", f"{token}{bias:+}"]
    return [
        Snippet("flags of llama-cli and llama-server", "shell", " ".join(map(shlex.quote, flags))),
        Snippet("body of a request to /completion", "json", as_json(fields)),
    ]


def _edges(params: SamplingParams) -> dict[str, str]:
    edges = one_window(params) | all_or_nothing(params, "ignore_eos")
    active = [stage for stage in params.active_stages if stage in LLAMA_CPP.order]
    if params.mirostat_tau is not None:
        ignored = [name for name in params.given if name in LLAMA_CPP.names and name not in (*SHAPES, *_WITH_MIROSTAT)]
        edges |= dict.fromkeys(ignored, "is ignored there together with mirostat")
        if "temperature" in active and active.index("temperature") > active.index("mirostat"):
            edges["order"] = "temperature runs before mirostat"
        return edges
    if params.dry_breakers:
        edges["dry_breakers"] = "are texts there, not tokens"
    if params.dynatemp_range is not None and params.dynatemp_range > params.temperature and params.temperature == 0:
        edges["dynatemp_range"] = "is not greedy there"
    edges |= runs_first(params, _BIASES)
    if "repetition" in active and "penalties" in active:
        a, b = active.index("repetition"), active.index("penalties")
        if b != a + 1:
            edges["order"] = "repetition, presence and frequency are one stage there, in this order"
    sent = [stage for stage in _sent(params) if stage in active]
    if "repetition" in sent and "temperature" in sent and sent.index("repetition") > sent.index("temperature"):
        edges["repetition_penalty"] = "divides other logits there: ours have their largest at 0 after the temperature"
    if "typical_p" in sent:
        before = sent[: sent.index("typical_p")]
        cold = "temperature" in before and 0 < params.temperature < _COLD
        banned = any(bias < -_UNDERFLOW for _, bias in params.logit_bias or ()) or params.min_new_tokens is not None
        if "top_n_sigma" in before or cold or banned:
            edges["typical_p"] = "is NaN there behind tokens of probability 0, and keeps other tokens"
    if params.top_n_sigma is not None and params.dynatemp_range:
        edges["dynatemp_range"] = "counts the tokens that top_n_sigma removed in ln n there"
    return edges


#: A temperature below this, or a bias below minus this, may leave tokens whose probability is 0 in float32.
_COLD, _UNDERFLOW = 0.5, 50.0


def _sent(params: SamplingParams) -> tuple[str, ...]:
    """The order that runs: biases first, repetition and the other penalties as one stage, the rest as it is sent."""
    if params.mirostat_tau is not None:
        return (*_BIASES, "temperature", "mirostat")
    order = list(_BIASES)
    for stage in params.order:
        own = ("repetition", "penalties") if stage in ("repetition", "penalties") else (stage,)
        order += [one for one in own if one not in order]
    return tuple(sorted(order, key=lambda stage: stage == "adaptive_p"))


def _read(draft: Draft) -> None:
    fields, values = draft.fields, draft.values
    if isinstance(target := fields.get("adaptive_target"), int | float):  # below 0 it is off, at 0 it is not
        values |= {"adaptive_target": min(target, 1)} if target >= 0 else {}
        if target < 0:
            values.pop("adaptive_target", None)
    if fields.get("mirostat", 0) == 2:
        draft.ignore([name for name in values if name not in _WITH_MIROSTAT], "mirostat=2 leaves no room for it")
        draft.switch_on_mirostat()
        draft.order = (*_BIASES, "temperature", "mirostat")
        return
    if fields.get("mirostat", 0):
        raise InputError("mirostat 1 is not one of our stages; use mirostat 2, or 0")
    draft.ignore(("mirostat_tau", "mirostat_eta"), "does nothing without mirostat=2")
    if isinstance(bias := values.get("logit_bias"), list | dict):
        pairs_of = bias.items() if isinstance(bias, dict) else bias
        values["logit_bias"] = [(token, BANNED if value is False else value) for token, value in pairs_of]
    if isinstance(values.get("temperature"), int | float) and values["temperature"] < 0:
        values["temperature"] = 0  # the most probable token, whatever the number
    chain = fields.get("samplers")
    if not chain:
        draft.ignore(("adaptive_target", "adaptive_decay"), "does nothing unless samplers names adaptive_p")
        return
    chain = [_LETTERS.get(c, c) for c in chain] if isinstance(chain, str) else [_ALIASES.get(n, n) for n in chain]
    stages: dict[str, list[str]] = {}
    for ours, theirs in _STAGES.items():
        stages.setdefault(theirs, []).append(ours)
    unknown = [name for name in chain if name not in stages]
    if unknown:
        raise InputError(f"samplers has {unknown[0]!r}, which we don't know; the known are {', '.join(stages)}")
    ordered = [stage for name in chain for stage in sorted(stages[name], reverse=True)]  # repetition, penalties
    draft.order = (*_BIASES, *sorted(ordered, key=lambda stage: stage == "adaptive_p"))
    draft.ignore([name for name in values if STAGE_OF[name] not in draft.order], "samplers does not name its stage")


def _read_flags(text: str) -> dict[str, Any]:
    try:
        words = shlex.split(text.replace("\\\n", " "))
    except ValueError as error:
        raise InputError(f"the flags can't be read: {error}; fix the file") from None
    pairs: list[tuple[str, Any]] = []
    biases: list[list[Any]] = []
    breakers: list[str] | None = None
    while words:
        word = words.pop(0)
        if not word.startswith("-") or is_number(word):
            continue  # the program, or the value of a flag that is not about sampling
        flag, _, value = word.partition("=")
        if flag == "--ignore-eos":
            pairs.append(("ignore_eos", True))
            continue
        if not value and words and (not words[0].startswith("-") or is_number(words[0])):
            value = words.pop(0)
        field = _field_of(flag.lstrip("-"))
        if not value and field in _sampling_fields():
            raise InputError(f"{flag} must have a value; got none; write it after the flag, or take the flag out")
        if field == "logit_bias":
            match = re.fullmatch(r"([0-9]{1,19})([+-].+)", value)
            if match is None:
                raise InputError(f"--logit-bias must be TOKEN+BIAS; got {value!r}; write 198-5")
            biases.append([number_of(match[1]), number_of(match[2])])
        elif field == "dry_sequence_breakers":  # each adds one; none takes all away
            breakers = [] if value == "none" else [*(breakers or ()), value]
        else:
            pairs.append((field, value.split(";") if flag == "--samplers" else number_of(value)))
    if biases:
        pairs.append(("logit_bias", biases))
    if breakers is not None:
        pairs.append(("dry_sequence_breakers", breakers))
    return once(pairs)


def _field_of(flag: str) -> str:
    return _fields_of_flags().get(flag, flag.replace("-", "_"))


def _sampling_fields() -> set[str]:
    """The fields that are about sampling; each of their flags takes a value."""
    return {*LLAMA_CPP.names.values(), *LLAMA_CPP.neutral, *LLAMA_CPP.extra}


def _fields_of_flags() -> dict[str, str]:
    """Flags whose field has another name."""
    return {flag: LLAMA_CPP.names[name] for name, flag in _FLAGS.items()} | {
        "c": "ctx_size", "n": "n_predict", "m": "model", "p": "prompt", "s": "seed", "l": "logit_bias",
        "dry-sequence-breaker": "dry_sequence_breakers", "sampler-seq": "samplers", "sampling-seq": "samplers",
        "typical-p": LLAMA_CPP.names["typical_p"], "top-n-sigma": LLAMA_CPP.names["top_n_sigma"],
    }  # fmt: skip


_FORM = "keeps the text to a form"
#: Flags of llama-cli and llama-server that say nothing about sampling, as fields.
_PROGRAM = words(
    "hf hf_repo hff hf_file hf_token hft model_url mu f file bf binary_file jinja no_jinja color co ngl gpu_layers "
    "n_gpu_layers fa flash_attn sm split_mode ts tensor_split mg main_gpu dev device b batch_size ub ubatch_size t "
    "threads tb threads_batch predict keep ctx context_shift no_context_shift cnv conversation no_cnv no_conversation "
    "st single_turn sys system_prompt sysf host port path api_key api_key_file alias a np parallel cb cont_batching "
    "no_cont_batching mmap no_mmap mlock numa ctk cache_type_k ctv cache_type_v nkvo no_kv_offload kvu rope_scaling "
    "rope_scale rope_freq_base rope_freq_scale yarn_orig_ctx yarn_ext_factor mmproj mmproj_url verbose v log_file "
    "log_disable log_colors lv chat_template chat_template_file reasoning reasoning_format reasoning_budget e escape "
    "no_escape i interactive if in_prefix in_suffix r reverse_prompt no_display_prompt simple_io no_warmup warmup "
    "perf no_perf slots metrics props no_webui embeddings pooling cache_reuse slot_save_path timeout to md model_draft "
    "draft draft_max draft_min ngld ncmoe n_cpu_moe cmoe cpu_moe ot override_tensor override_kv swa_full offline "
    "fit fit_ctx models_dir models_max tags special sp mc multiple_choice"
)


def _has_flags(text: str) -> bool:
    return re.search(r"(^|\s)--?[a-z]", text.strip()) is not None


_NEUTRAL = {
    "temperature": 1.0, "dynatemp_range": 0.0, "dynatemp_exponent": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0,
    "typical_p": 1.0, "top_n_sigma": -1.0, "xtc_probability": 0.0, "xtc_threshold": 0.1, "repeat_last_n": LAST_N,
    "repeat_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "dry_multiplier": 0.0, "dry_base": 1.75,
    "dry_allowed_length": 2, "dry_penalty_last_n": LAST_N, "ignore_eos": False, "mirostat": 0,
    "mirostat_tau": 5.0, "mirostat_eta": 0.1, "adaptive_target": -1.0, "adaptive_decay": 0.9,
}  # fmt: skip


LLAMA_CPP = Dialect(
    name="llama.cpp",
    version="as in llama-cpp-python 0.3.36",
    source="vendor/llama.cpp/common/sampling.cpp, common/arg.cpp, common/common.h and src/llama-sampler.cpp",
    order=ORDERS["llama.cpp"],
    names={n: n for n in PARAMETERS if n in _NEUTRAL}
    | {"logit_bias": "logit_bias", "repetition_penalty": "repeat_penalty", "dry_breakers": "dry_sequence_breakers",
       "repetition_last_n": "repeat_last_n", "penalties_last_n": "repeat_last_n", "dry_last_n": "dry_penalty_last_n",
       "min_new_tokens": "ignore_eos"},
    neutral=_NEUTRAL,
    defaults={"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05},
    explicit_order=True,
    penalties_count_prompt=True,
    aside=words(
        "prompt n_predict seed stop stream n_keep n_probs cache_prompt id_slot t_max_predict_ms model messages "
        "max_tokens ctx_size post_sampling_probs return_tokens timings_per_token lora chat_template_kwargs "
        "reasoning_effort thinking_budget_tokens"
    ) | _PROGRAM,
    masks={"min_keep": "keeps at least so many tokens", "grammar": _FORM,
           "grammar_file": _FORM, "json_schema": _FORM, "json_schema_file": _FORM, "j": _FORM,
           "response_format": _FORM},
    inherits=words("temperature top_k top_p min_p repetition_penalty"),
    absent="the server takes what the GGUF file says under general.sampling; without that llama.cpp's own stands",
    edges=_edges,
    sent=_sent,
    opaque={
        "reasoning_effort": Opaque("reasoning_effort", LEVELS, request="/v1/chat/completions"),
        "thinking_budget": Opaque("thinking_budget_tokens", request="/v1/chat/completions"),
    },
    write=_write,
    extra=("samplers",),
    form=TextForm("flags", _has_flags, _read_flags, loose=True),
    finish=(_read, Draft.refuse_breakers, ban_the_end("ignore_eos"),
            look_back("repeat_last_n", usual=64, everything=-1, off=0),
            look_back("dry_penalty_last_n", ("dry_last_n",), usual=64, everything=-1, off=0)),
    no_breakers=NO_BREAKERS,
    kinds={"logit_bias": ("a list such as [[198, -5.0]]", lambda value: pairs(value) or isinstance(value, dict)),
           "samplers": ("a list of names, or their letters", lambda value: is_texts(value) or isinstance(value, str)),
           "dry_sequence_breakers": ("a list of texts", is_texts)},
)  # fmt: skip
ENTRIES = (LLAMA_CPP,)
