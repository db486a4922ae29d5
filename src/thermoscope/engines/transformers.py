"""transformers.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

from typing import Any

from thermoscope.engines.dialect import Dialect, Draft, Snippet, as_json, words
from thermoscope.engines.values import pairs, single_tokens, token_ids
from thermoscope.errors import InputError
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import STAGES


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
    if params.temperature == 0:
        fields |= {"do_sample": False, "temperature": 1.0}
    if params.logit_bias:
        fields["sequence_bias"] = [[[token], bias] for token, bias in params.logit_bias]
    return [Snippet("generation_config.json, or GenerationConfig(**these)", "json", as_json(fields))]


def _read(draft: Draft) -> None:
    if draft.fields.get("do_sample") is not True:
        sampled = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
        draft.ignore(sampled, "decoding is greedy without do_sample=true")
        draft.be_greedy()
    elif draft.values.get("temperature") == 0:
        draft.remark("do_sample", "transformers refuses to sample at temperature=0; taken as greedy decoding")
    if "logit_bias" in draft.values:
        bias = draft.values["logit_bias"]
        long = next((tokens for tokens, _ in bias if len(tokens) != 1), None)
        if long is not None:
            raise InputError(f"sequence_bias must be of single tokens; got {long}; take it out")
        draft.values["logit_bias"] = [(tokens[0], value) for tokens, value in bias]


_BEAMS = "is for beams"
_MASKS = {
    "min_length": "forbids the end of the text before so many tokens",
    "bad_words_ids": "forbids words of several tokens", "begin_suppress_tokens": "forbids tokens at the beginning",
    "force_words_ids": "forces words", "constraints": "forces words", "forced_bos_token_id": "forces the first token",
    "forced_eos_token_id": "forces the last token", "guidance_scale": "mixes two distributions",
    "diversity_penalty": _BEAMS,
    "num_beam_groups": _BEAMS, "penalty_alpha": "searches contrastively", "dola_layers": "contrasts layers",
    "exponential_decay_length_penalty": "raises the end of the text", "watermarking_config": "shifts some logits",
    "encoder_no_repeat_ngram_size": "forbids n-grams of the prompt",
}  # fmt: skip


def _sequence_bias(value: Any) -> bool:
    return pairs(value) and all(isinstance(tokens, list) for tokens, _ in value)


_NAMES = {n: n for n in ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff",
                         "encoder_repetition_penalty", "repetition_penalty", "no_repeat_ngram_size",
                         "min_new_tokens")} | {"logit_bias": "sequence_bias"}  # fmt: skip


TRANSFORMERS = Dialect(
    name="transformers",
    version="5.23.0",
    source="src/transformers/generation/utils.py and logits_process.py",
    order=tuple(stage.name for stage in STAGES.values() if any(name in _NAMES for name in stage.names)),
    names=_NAMES,
    neutral={"do_sample": True, "num_beams": 1, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": None,
             "typical_p": 1.0, "epsilon_cutoff": 0.0, "eta_cutoff": 0.0,
             "encoder_repetition_penalty": 1.0, "repetition_penalty": 1.0, "no_repeat_ngram_size": 0,
             "min_new_tokens": None, "sequence_bias": None},
    defaults={"top_k": 50},
    aside=words(
        "transformers_version _from_model_config bos_token_id eos_token_id pad_token_id "
        "decoder_start_token_id max_length max_new_tokens stop_strings max_time "
        "use_cache cache_implementation cache_config num_return_sequences output_scores output_logits "
        "output_attentions output_hidden_states return_dict_in_generate early_stopping length_penalty "
        "remove_invalid_values renormalize_logits compile_config disable_compile low_memory token_healing "
        "chat_format max_window_size "
        "prompt_lookup_num_tokens num_assistant_tokens num_assistant_tokens_schedule assistant_confidence_threshold "
        "return_legacy_cache is_assistant"
    ),
    masks=_MASKS,
    bans={"suppress_tokens": token_ids, "bad_words_ids": single_tokens},
    inherits=frozenset(_NAMES),
    absent="generate takes what the model's generation_config.json says; without that transformers' own stands",
    write=_write,
    file_names=("generation_config.json",),
    finish=(_read,),
    kinds={"sequence_bias": ("a list such as [[[198], -5.0]]", _sequence_bias)},
    not_ours=("num_beams",),
)  # fmt: skip
ENTRIES = (TRANSFORMERS,)
