"""llama.cpp.

Every fact is from the release that is named; docs/engines.md has file and line.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Any

from thermoscope.engines.dialect import Dialect, Draft, Snippet, TextForm, as_json, words
from thermoscope.engines.penalties import LAST_N, look_back
from thermoscope.engines.values import is_number, is_texts, once, pairs
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
    for stage in ORDERS["llama.cpp"] if stage not in ("logit_bias", "mirostat")
}  # fmt: skip


#: Our parameter -> its flag, where that is not its field's name.
_FLAGS = {"temperature": "temp", "typical_p": "typical", "top_n_sigma": "top-nsigma",
                "mirostat_tau": "mirostat-ent", "mirostat_eta": "mirostat-lr",
                "dynatemp_exponent": "dynatemp-exp"}  # fmt: skip


#: What has an effect beside mirostat.
_WITH_MIROSTAT = ("mirostat_tau", "mirostat_eta", "temperature", "logit_bias")


def samplers(order: Iterable[str]) -> list[str]:
    """llama.cpp's names of stages in an order, each once."""
    return list(dict.fromkeys(_STAGES[stage] for stage in order if stage in _STAGES))


def _write(params: SamplingParams, fields: dict[str, Any]) -> list[Snippet]:
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
            flags += [f"--{_FLAGS.get(own.get(name, name), name.replace('_', '-'))}", typed(value)]
    flags += ["--dry-sequence-breaker", "none"]
    for token, bias in params.logit_bias or ():
        flags += ["--logit-bias", f"{token}{bias:+}"]
    return [
        Snippet("flags of llama-cli and llama-server", "shell", " ".join(map(shlex.quote, flags))),
        Snippet("body of a request to /completion", "json", as_json(fields)),
    ]


def _edges(params: SamplingParams) -> dict[str, str]:
    edges: dict[str, str] = {}
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


def _read(draft: Draft) -> None:
    fields, values = draft.fields, draft.values
    if fields.get("mirostat", 0) == 2:
        draft.ignore([name for name in values if name not in _WITH_MIROSTAT], "mirostat=2 leaves no room for it")
        draft.switch_on_mirostat()
        draft.order = ("logit_bias", "temperature", "mirostat")
        return
    if fields.get("mirostat", 0):
        raise InputError("mirostat 1 is not one of our stages; use mirostat 2, or 0")
    draft.ignore(("mirostat_tau", "mirostat_eta"), "does nothing without mirostat=2")
    chain = fields.get("samplers")
    if not chain:
        return
    stages: dict[str, list[str]] = {}
    for ours, theirs in _STAGES.items():
        stages.setdefault(theirs, []).append(ours)
    unknown = [name for name in chain if name not in stages]
    if unknown:
        raise InputError(f"samplers has {unknown[0]!r}, which we don't know; the known are {', '.join(stages)}")
    ordered = [stage for name in chain for stage in sorted(stages[name], reverse=True)]  # repetition, penalties
    draft.order = ("logit_bias", *ordered)
    draft.ignore([name for name in values if STAGE_OF[name] not in draft.order], "samplers does not name its stage")


def _read_flags(text: str) -> dict[str, Any]:
    try:
        words = shlex.split(text.replace("\\\n", " "))
    except ValueError as error:
        raise InputError(f"the flags can't be read: {error}; mend the file") from None
    pairs: list[tuple[str, Any]] = []
    biases: list[list[Any]] = []
    breakers: list[str] | None = None
    while words:
        word = words.pop(0)
        if not word.startswith("-") or is_number(word):
            continue  # the program, or the value of a flag that says nothing about sampling
        flag, _, value = word.partition("=")
        if not value and words and (not words[0].startswith("-") or is_number(words[0])):
            value = words.pop(0)
        field = _field_of(flag.lstrip("-"))
        if not value and field in _sampling_fields():
            raise InputError(f"{flag} must have a value; got none; write it after the flag, or take the flag out")
        if field == "logit_bias":
            match = re.fullmatch(r"(\d+)([+-].+)", value)
            if match is None:
                raise InputError(f"--logit-bias must be TOKEN+BIAS; got {value!r}; write 198-5")
            biases.append([int(match[1]), number_of(match[2])])
        elif field == "dry_sequence_breakers":  # each adds one; none takes all away
            breakers = [] if value == "none" else [*(breakers or ()), value]
        else:
            pairs.append((field, value.split(";") if field == "samplers" else number_of(value)))
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
        "dry-sequence-breaker": "dry_sequence_breakers",
    }  # fmt: skip


def _has_flags(text: str) -> bool:
    return re.search(r"(^|\s)--?[a-z]", text.strip()) is not None


_NEUTRAL = {
    "temperature": 1.0, "dynatemp_range": 0.0, "dynatemp_exponent": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0,
    "typical_p": 1.0, "top_n_sigma": -1.0, "xtc_probability": 0.0, "xtc_threshold": 0.1, "repeat_last_n": LAST_N,
    "repeat_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "dry_multiplier": 0.0, "dry_base": 1.75,
    "dry_allowed_length": 2, "dry_penalty_last_n": LAST_N, "mirostat": 0, "mirostat_tau": 5.0, "mirostat_eta": 0.1,
}  # fmt: skip


LLAMA_CPP = Dialect(
    name="llama.cpp",
    version="as in llama-cpp-python 0.3.36",
    source="vendor/llama.cpp/common/sampling.cpp, common/arg.cpp, common/common.h and src/llama-sampler.cpp",
    order=ORDERS["llama.cpp"],
    names={n: n for n in PARAMETERS if n in _NEUTRAL}
    | {"logit_bias": "logit_bias", "repetition_penalty": "repeat_penalty", "dry_breakers": "dry_sequence_breakers"},
    neutral=_NEUTRAL,
    defaults={"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05},
    explicit_order=True,
    penalties_count_prompt=True,
    aside=words(
        "prompt n_predict seed stop stream n_keep n_probs min_keep ignore_eos cache_prompt id_slot grammar "
        "json_schema t_max_predict_ms model messages max_tokens ctx_size"
    ),
    edges=_edges,
    write=_write,
    extra=("samplers",),
    form=TextForm("flags", _has_flags, _read_flags, loose=True),
    heeds=(_read, Draft.refuse_breakers, look_back("repeat_last_n", usual=64, everything=-1)),
    no_breakers=NO_BREAKERS,
    kinds={"logit_bias": ("a list such as [[198, -5.0]]", pairs), "samplers": ("a list of names", is_texts),
           "dry_sequence_breakers": ("a list of texts", is_texts)},
)  # fmt: skip
ENTRIES = (LLAMA_CPP,)
