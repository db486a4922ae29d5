"""text-generation-webui.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

import re
from typing import Any

from thermoscope.engines.dialect import Dialect, Draft, Snippet, as_json, words
from thermoscope.engines.opaque import THREE, Opaque
from thermoscope.engines.penalties import (
    LAST_N,
    PENALTIES,
    all_or_nothing,
    ban_the_end,
    look_back,
    one_window,
    runs_first,
)
from thermoscope.engines.served import bias_by_token
from thermoscope.engines.values import is_texts, token_ids
from thermoscope.errors import InputError
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import PARAMETERS
from thermoscope.settings.values import typed

#: Our stage -> its names in ``sampler_priority``, in the order in which stages run unless that says otherwise.
_PRIORITY = {
    "repetition": "repetition_penalty", "penalties": "presence_penalty\nfrequency_penalty", "dry": "dry",
    "top_n_sigma": "top_n_sigma", "temperature": "temperature\ndynamic_temperature", "smoothing": "quadratic_sampling",
    "top_k": "top_k", "top_p": "top_p",
    "typical_p": "typical_p", "epsilon_cutoff": "epsilon_cutoff", "eta_cutoff": "eta_cutoff", "top_a": "top_a",
    "min_p": "min_p", "mirostat": "mirostat", "xtc": "xtc", "encoder_repetition": "encoder_repetition_penalty",
    "no_repeat_ngram": "no_repeat_ngram",
}  # fmt: skip

_NEUTRAL = {
    "do_sample": True, "temperature": 1.0, "dynamic_temperature": False, "dynatemp_low": 1.0, "dynatemp_high": 1.0,
    "dynatemp_exponent": 1.0, "smoothing_factor": 0.0, "smoothing_curve": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0,
    "typical_p": 1.0, "tfs": 1.0, "top_a": 0.0, "epsilon_cutoff": 0.0, "eta_cutoff": 0.0, "top_n_sigma": 0.0,
    "repetition_penalty": 1.0, "repetition_penalty_range": 0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
    "encoder_repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "dry_multiplier": 0.0, "dry_base": 1.75,
    "dry_allowed_length": 2, "dry_sequence_breakers": "", "xtc_probability": 0.0, "xtc_threshold": 0.1,
    "mirostat_mode": 0, "mirostat_tau": 5.0, "mirostat_eta": 0.1, "guidance_scale": 1.0, "penalty_alpha": 0.0,
    "temperature_last": False, "ban_eos_token": False, "logit_bias": None,
}  # fmt: skip

#: So many tokens of a repetition DRY counts there; a penalty of so many nats leaves nothing to add.
_DRY_TOKENS, _ENOUGH = 50, 100.0
#: What runs before all that sampler_priority names.
_FIRST = ("logit_bias", "min_new_tokens")
#: What repetition_penalty_range stands for: all penalties and DRY look back as far.
_WINDOWS = (*PENALTIES, "dry_last_n")


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
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
    if params.logit_bias:
        fields["logit_bias"] = bias_by_token(params)
    else:
        del fields["logit_bias"]
    fields |= {"dry_sequence_breakers": "", "ban_eos_token": (params.min_new_tokens or 0) >= LAST_N}
    first = [_PRIORITY[stage] for stage in params.order if stage in _PRIORITY]
    fields["sampler_priority"] = "\n".join(first).split("\n")
    return [Snippet("body of a request, or a preset", "json", as_json(fields))]


def _edges(params: SamplingParams) -> dict[str, str]:
    edges = {
        **one_window(params, _WINDOWS), **all_or_nothing(params, "ban_eos_token"),
        **runs_first(params, _FIRST),
    }  # fmt: skip
    if params.xtc_probability is not None:
        edges["xtc_probability"] = "is skipped there where a newline or the end of the text would go"
    if params.dry_breakers:
        edges["dry_breakers"] = "are texts there, of which the last token counts"
    if params.dry_multiplier is not None:
        longest = params.dry_multiplier * params.dry_base ** (_DRY_TOKENS - params.dry_allowed_length)
        if longest < _ENOUGH:
            edges["dry_multiplier"] = f"counts {_DRY_TOKENS} tokens of a repetition at most there"
    return edges


def _read(draft: Draft) -> None:
    fields, values = draft.fields, draft.values
    if fields.get("preset"):
        raise InputError(
            f"preset={fields['preset']!r} takes the place of the file's other fields there, and what it says is not in "
            "the file; read the preset's own .yaml"
        )
    for name in ("epsilon_cutoff", "eta_cutoff"):
        if name in values:
            values[name] = values[name] / 1e4
    if fields.get("dynamic_temperature"):
        if "temperature" in values:
            raise InputError(
                f"temperature={typed(fields['temperature'])} runs as well as dynamic_temperature there, which is none "
                "of our stages; set it to 1"
            )
        low, high = fields.get("dynatemp_low", 1.0), fields.get("dynatemp_high", 1.0)
        values |= {"temperature": (low + high) / 2, "dynatemp_range": (high - low) / 2}
    else:
        why = "does nothing without dynamic_temperature=true"
        draft.ignore(("dynatemp_range", "dynatemp_exponent"), why)
        if fields.get("dynatemp_low", 1.0) != 1.0:
            draft.remark("dynatemp_low", why)
    if fields.get("mirostat_mode") == 2:
        draft.switch_on_mirostat()
    else:
        draft.ignore(("mirostat_tau", "mirostat_eta"), "does nothing without mirostat_mode=2")
    if fields.get("do_sample") is False:
        draft.ignore(("temperature", "dynatemp_range"), "decoding is greedy with do_sample=false")
        draft.be_greedy()
    priority = fields.get("sampler_priority")
    if priority:
        lines = [name.strip() for name in re.split(r"[,\n]", priority)] if isinstance(priority, str) else list(priority)
        first = {names.split("\n")[0]: stage for stage, names in _PRIORITY.items()}
        if fields.get("dynamic_temperature"):
            first["dynamic_temperature"] = first.pop("temperature")
        named = tuple(dict.fromkeys(first[line] for line in lines if line in first))
        # what is not listed runs first there: it is sorted by -1
        draft.order = (*(stage for stage in WEBUI.order if stage not in named), *named)
    if fields.get("temperature_last"):
        draft.order = tuple(sorted(draft.order, key=lambda stage: stage == "temperature"))


def _names(value: Any) -> bool:
    return isinstance(value, str) or is_texts(value)


WEBUI = Dialect(
    name="text-generation-webui",
    version="commits dceb23c, ec17a5d and 2dad203",
    source="modules/sampler_hijack.py, presets.py and api/typing.py (its transformers and ExLlama-HF loaders)",
    order=(*_FIRST, *_PRIORITY),
    names={n: n for n in PARAMETERS if n in _NEUTRAL}
    | {"dynatemp_range": "dynatemp_high", "dry_breakers": "dry_sequence_breakers", "min_new_tokens": "ban_eos_token"}
    | dict.fromkeys(_WINDOWS, "repetition_penalty_range"),
    neutral=_NEUTRAL,
    explicit_order=True,
    penalties_count_prompt=True,
    aside=words(
        "max_new_tokens max_tokens seed prompt stop stream truncation_length add_bos_token "
        "skip_special_tokens auto_max_new_tokens messages mode stop_sequences n user "
        "adaptive_decay spaces_between_special_tokens "
        "static_cache enable_thinking reasoning_effort prompt_lookup_num_tokens max_tokens_second"
    ),
    masks={"custom_token_bans": "forbids tokens",
           "grammar_string": "keeps the text to a form", "negative_prompt": "mixes two distributions",
           "adaptive_target": "prefers tokens near a probability"},
    bans={"custom_token_bans": token_ids},
    edges=_edges,
    opaque={"reasoning_effort": Opaque("reasoning_effort", THREE, request="/v1/chat/completions")},
    write=_write,
    extra=("sampler_priority", "preset"),
    finish=(_read, Draft.refuse_breakers, ban_the_end("ban_eos_token"),
            look_back("repetition_penalty_range", _WINDOWS, usual=1024, everything=0)),
    kinds={"sampler_priority": ("a list of names, or names in lines", _names),
           "preset": ("a text", lambda value: isinstance(value, str))},
    not_ours=("tfs", "guidance_scale", "penalty_alpha"),
)  # fmt: skip
ENTRIES = (WEBUI,)
