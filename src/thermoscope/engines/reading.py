"""The way back: a setting in another engine's format, read as ours, with what the engine would add by itself."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from thermoscope.engines.dialect import STAGE_OF, Dialect
from thermoscope.engines.export import DIALECTS, dialect
from thermoscope.engines.native import LLAMA_FLAGS, LLAMA_STAGES, WEBUI_PRIORITY
from thermoscope.errors import InputError
from thermoscope.params import SHAPES, SamplingParams, nearest, typed

#: Where an engine's file keeps its settings, where not at the top.
_INSIDE = {"sampling_params": "sglang", "parameters": "tgi", "generationConfig": "gemini", "options": "ollama"}
#: Fields that only one engine's JSON has.
_SIGNS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "text-generation-webui",
        frozenset({"sampler_priority", "mirostat_mode", "dynamic_temperature", "temperature_last"}),
    ),
    (
        "llama.cpp",
        frozenset({"samplers", "repeat_penalty", "n_predict", "dry_penalty_last_n", "mirostat", "typical_p"}),
    ),
    ("transformers", frozenset({"do_sample", "transformers_version", "sequence_bias", "no_repeat_ngram_size"})),
    ("vllm", frozenset({"repetition_penalty", "min_p", "stop_token_ids", "min_tokens"})),
    ("anthropic", frozenset({"stop_sequences", "system"})),
    ("openai", frozenset({"messages", "max_completion_tokens", "logit_bias", "frequency_penalty"})),
)


@dataclass(frozen=True, slots=True)
class Imported:
    """A setting read from an engine's format.

    Attributes
    ----------
    params
        What the engine would run, in our terms, in its order of stages.
    engine
        Whose format it is.
    added
        What the engine does by itself where the file says nothing, in our parameters.
    aside
        Fields that say nothing about sampling.
    """

    params: SamplingParams
    engine: str
    added: Mapping[str, Any]
    aside: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        return {
            "format": "thermoscope.import/1",
            "params": self.params.to_record(),
            "engine": self.engine,
            "added": dict(self.added),
            "aside": list(self.aside),
        }


def read(text: str, engine: str | None = None, *, add_defaults: bool = True) -> Imported:
    """Read a setting in an engine's format.

    Parameters
    ----------
    text
        JSON, a Python call ``SamplingParams(...)``, llama.cpp's flags or an Ollama Modelfile.
    engine
        Whose format it is; by default found from the fields.
    add_defaults
        Whether what the engine does by itself where a field is absent belongs to the setting.

    Raises
    ------
    InputError
        The text can't be read, the engine can't be told, or a field is not known.
    ParameterError
        A value breaks our rules.
    """
    fields, found = _fields(text)
    name = engine or found or _told_by(fields)
    if name is None:
        raise InputError(f"whose format this is can't be told from its fields; say it (--format {'|'.join(DIALECTS)})")
    return _imported(fields, dialect(name), add_defaults)


def _fields(text: str) -> tuple[dict[str, Any], str | None]:
    """The fields of a text, and the engine if its form tells."""
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            data = json.loads(stripped, object_pairs_hook=_once)
        except InputError:
            raise
        except (ValueError, RecursionError) as error:
            raise InputError(f"the settings must be JSON: {error}; mend the file") from None
        for key, engine in _INSIDE.items():
            if isinstance(data.get(key), dict):
                return data[key], engine
        return data, None
    if re.match(r"(\w+\.)*SamplingParams\s*\(", stripped):
        return _call(stripped), "vllm"
    if re.search(r"^\s*PARAMETER\s", text, flags=re.MULTILINE | re.IGNORECASE):
        return _modelfile(text), "ollama"
    if re.search(r"(^|\s)--?[a-z]", stripped):
        return _flags(stripped), "llama.cpp"
    got = repr(stripped[:30]) if stripped else "an empty file"
    raise InputError(f"settings must be a JSON object, SamplingParams(...), flags or a Modelfile; got {got}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; a field that is there twice would hide one of its values."""
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"the settings have the field {twice!r} more than once; keep one")
    return dict(pairs)


def _call(text: str) -> dict[str, Any]:
    try:
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        fields = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, AssertionError, RecursionError):
        raise InputError("SamplingParams(...) must be one call with plain values by name; mend the file") from None
    if None in fields or call.args:
        raise InputError("SamplingParams(...) must have its values by name; write temperature=0.7")
    return {str(name): value for name, value in fields.items() if value is not None}


def _modelfile(text: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for line in text.splitlines():
        parts = line.split(None, 2)
        if len(parts) == 3 and parts[0].upper() == "PARAMETER":
            fields[parts[1].lower()] = _number(parts[2].strip())
    return fields


def _flags(text: str) -> dict[str, Any]:
    try:
        words = shlex.split(text.replace("\\\n", " "))
    except ValueError as error:
        raise InputError(f"the flags can't be read: {error}; mend the file") from None
    back = {flag: field for field, flag in LLAMA_FLAGS.items()} | {"temperature": "temperature"}
    fields: dict[str, Any] = {}
    biases: list[list[Any]] = []
    while words:
        word = words.pop(0)
        if not word.startswith("-") or _is_number(word):
            continue  # the program, or the value of a flag that says nothing about sampling
        name, _, value = word.lstrip("-").partition("=")
        if not value and words and (not words[0].startswith("-") or _is_number(words[0])):
            value = words.pop(0)
        if name in ("logit-bias", "l"):
            match = re.fullmatch(r"(\d+)([+-].+)", value)
            if match is None:
                raise InputError(f"--logit-bias must be TOKEN+BIAS; got {value!r}")
            biases.append([int(match[1]), _number(match[2])])
        elif name == "samplers":
            fields["samplers"] = value.split(";")
        elif name == "dry-sequence-breaker":
            fields["dry_sequence_breakers"] = [] if value == "none" else [value]
        else:
            fields[back.get(name, name.replace("-", "_"))] = _number(value)
    if biases:
        fields["logit_bias"] = biases
    return {_FLAG_FIELDS.get(name, name): value for name, value in fields.items()}


_FLAG_FIELDS = {"c": "ctx_size", "n": "n_predict", "m": "model", "p": "prompt", "s": "seed", "temp": "temperature"}


def _is_number(word: str) -> bool:
    return isinstance(_number(word), int | float)


def _number(word: str) -> Any:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _told_by(fields: Mapping[str, Any]) -> str | None:
    return next((engine for engine, signs in _SIGNS if signs & set(fields)), None)


def _imported(fields: dict[str, Any], of: Dialect, add_defaults: bool) -> Imported:
    back = {field: name for name, field in of.names.items()}
    known = {*back, *of.neutral, *of.aside, *_EXTRA.get(of.name, ())}
    unknown = [name for name in fields if name not in known]
    if unknown:
        more = f" and {len(unknown) - 1} more ({', '.join(unknown[1:4])})" if len(unknown) > 1 else ""
        close = nearest(unknown[0], known)
        raise InputError(
            f"the {of.name} file has the field {unknown[0]!r}{more}, which we don't know{close}; take it out"
        )
    for field, value in fields.items():
        _check_kind(field, value, of)
    values = {}
    for field, value in fields.items():
        if field in back and value is not None and not _off(value, field, of):
            values[back[field]] = value
    for fill in _FILLS.get(of.name, ()):
        fill(fields, values)
    added = {n: v for n, v in of.defaults.items() if of.names[n] not in fields} if add_defaults else {}
    order = values.pop("order", of.order)
    added = {name: value for name, value in added.items() if STAGE_OF[name] in order}
    values = {**added, **values}
    values = {n: v for n, v in values.items() if SHAPES.get(n) is None or SHAPES[n] in values}
    params = SamplingParams(**values, order=list(order))
    aside = tuple(name for name in fields if name in of.aside)
    return Imported(params, of.name, added, aside)


def _check_kind(field: str, value: Any, of: Dialect) -> None:
    """Raise InputError if a field's value is not of the kind that the engine takes there."""
    if value is None or field in of.aside:
        return
    neutral = of.neutral.get(field)
    if field in _KINDS.get(of.name, {}):
        rule, fits = _KINDS[of.name][field]
    elif field in ("logit_bias", "sequence_bias"):
        rule, fits = 'an object such as {"198": -5}', lambda v: isinstance(v, dict)
    elif isinstance(neutral, bool):
        rule, fits = "true or false", lambda v: isinstance(v, bool)
    elif isinstance(neutral, str):
        rule, fits = "a text", lambda v: isinstance(v, str)
    else:
        rule, fits = "a number", lambda v: isinstance(v, int | float) and not isinstance(v, bool)
    if not fits(value):
        got = f"{json.dumps(value, default=str):.60}"
        raise InputError(f"{field} must be {rule} in the {of.name} file; got {got}; mend it")


def _pairs(value: Any) -> bool:
    """Whether a value is a list of lists of two."""
    return isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


#: Engine -> field -> what it must be, and the test, where its neutral value doesn't tell.
_KINDS: Mapping[str, Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "transformers": {
        "sequence_bias": (
            "a list such as [[[198], -5.0]]",
            lambda value: _pairs(value) and all(isinstance(tokens, list) for tokens, _ in value),
        )
    },
    "llama.cpp": {
        "logit_bias": ("a list such as [[198, -5.0]]", _pairs),
        "samplers": ("a list of names", _texts),
        "dry_sequence_breakers": ("a list of texts", _texts),
    },
    "text-generation-webui": {
        "sampler_priority": ("a list of names, or names in lines", lambda v: isinstance(v, str) or _texts(v)),
    },
}


def _off(value: Any, field: str, of: Dialect) -> bool:
    """Whether a value switches the field off there, or is what ours is without it."""
    if field in of.neutral and value == of.neutral[field]:
        return True
    if field in ("top_k", "topK"):
        return not isinstance(value, int | float) or value <= 0
    return field in ("top_n_sigma", "dry_multiplier", "no_repeat_ngram_size") and value in (0, -1)


def _read_transformers(fields: Mapping[str, Any], values: dict[str, Any]) -> None:
    if fields.get("do_sample") is not True:  # absent is greedy
        for name in ("top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"):
            values.pop(name, None)
        values |= {"temperature": 0, "top_k": None}
    bias = fields.get("sequence_bias")
    if bias:
        long = next((tokens for tokens, _ in bias if len(tokens) != 1), None)
        if long is not None:
            raise InputError(f"sequence_bias must be of single tokens; got {long}; take it out")
        values["logit_bias"] = {tokens[0]: value for tokens, value in bias}


def _read_llama_cpp(fields: Mapping[str, Any], values: dict[str, Any]) -> None:
    if fields.get("mirostat", 0) == 2:
        values["mirostat_tau"] = fields.get("mirostat_tau", 5.0)
        values["mirostat_eta"] = fields.get("mirostat_eta", 0.1)
        for name in list(values):
            if name not in ("mirostat_tau", "mirostat_eta", "temperature", "logit_bias"):
                values[name] = None  # ignored there, its defaults as well
        values["order"] = ("logit_bias", "temperature", "mirostat")
        values |= {"top_k": None, "top_p": None, "min_p": None}
        for shape, switch in SHAPES.items():
            if switch != "mirostat_tau":
                values.pop(shape, None)
        return
    if fields.get("mirostat", 0):
        raise InputError("mirostat 1 is not one of our stages; use mirostat 2, or 0")
    for name in ("mirostat_tau", "mirostat_eta"):
        values.pop(name, None)
    if fields.get("dry_sequence_breakers"):
        raise InputError("dry_sequence_breakers are texts, ours are tokens; write them as dry_breakers by hand")
    values.pop("dry_breakers", None)
    if fields.get("logit_bias"):
        values["logit_bias"] = dict(map(tuple, fields["logit_bias"]))
    chain = fields.get("samplers")
    if chain:
        stages: dict[str, list[str]] = {}
        for ours, theirs in LLAMA_STAGES.items():
            stages.setdefault(theirs, []).append(ours)
        unknown = [name for name in chain if name not in stages]
        if unknown:
            raise InputError(f"samplers has {unknown[0]!r}, which we don't know; the known are {', '.join(stages)}")
        ordered = [stage for name in chain for stage in sorted(stages[name], reverse=True)]  # repetition, penalties
        values["order"] = ("logit_bias", *ordered)
        for name in list(values):  # what stands in no chain is off
            if name not in ("order", "logit_bias") and STAGE_OF[name] not in values["order"]:
                values[name] = 1.0 if name == "temperature" else None


def _read_webui(fields: Mapping[str, Any], values: dict[str, Any]) -> None:
    if fields.get("do_sample") is False:
        values |= {"temperature": 0}
    for name in ("epsilon_cutoff", "eta_cutoff"):
        if values.get(name):
            values[name] = values[name] / 1e4
    values.pop("dynatemp_range", None)
    if fields.get("dynamic_temperature"):
        if (fields.get("temperature") or 1) != 1:
            raise InputError(
                f"temperature={typed(fields['temperature'])} runs as well as dynamic_temperature there, which is none "
                "of our stages; set it to 1"
            )
        low, high = fields.get("dynatemp_low", 1.0), fields.get("dynatemp_high", 1.0)
        values |= {"temperature": (low + high) / 2, "dynatemp_range": (high - low) / 2}
    if fields.get("mirostat_mode") == 2:
        values.setdefault("mirostat_tau", fields.get("mirostat_tau", 5.0))
    else:
        values.pop("mirostat_tau", None)
        values.pop("mirostat_eta", None)
    for field, neutral in (("tfs", 1), ("smoothing_factor", 0), ("guidance_scale", 1), ("penalty_alpha", 0),
                           ("encoder_repetition_penalty", 1)):  # fmt: skip
        if fields.get(field, neutral) != neutral:
            raise InputError(f"{field}={typed(fields[field])} is none of our stages; take it out")
    priority = fields.get("sampler_priority")
    if priority:
        lines = priority.split("\n") if isinstance(priority, str) else list(priority)
        first = {names.split("\n")[0]: stage for stage, names in WEBUI_PRIORITY.items()}
        if fields.get("dynamic_temperature"):
            first["dynamic_temperature"] = first.pop("temperature")
        values["order"] = tuple(dict.fromkeys(first[line] for line in lines if line in first))
        values["order"] += tuple(stage for stage in WEBUI_PRIORITY if stage not in values["order"])


def _read_tgi(fields: Mapping[str, Any], values: dict[str, Any]) -> None:
    if fields.get("do_sample") is False and not {"temperature", "top_k", "top_p", "typical_p"} & set(values):
        values["temperature"] = 0


def _read_bias(fields: Mapping[str, Any], values: dict[str, Any]) -> None:
    if not fields.get("logit_bias"):
        values.pop("logit_bias", None)


_FILLS: Mapping[str, tuple[Callable[[Mapping[str, Any], dict[str, Any]], None], ...]] = {
    "transformers": (_read_transformers,),
    "llama.cpp": (_read_llama_cpp,),
    "text-generation-webui": (_read_webui,),
    "tgi": (_read_tgi,),
    "vllm": (_read_bias,),
    "sglang": (_read_bias,),
    "openai": (_read_bias,),
}
#: Fields that are read, but are neither a parameter's nor have a neutral value of their own.
_EXTRA = {
    "llama.cpp": ("samplers", "dry_sequence_breakers", "ctx_size"),
    "text-generation-webui": ("sampler_priority",),
}
