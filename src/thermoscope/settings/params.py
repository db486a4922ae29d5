"""Settings: what the user asked of the decoder, validated once, immutable, with a stable identity.

The order of stages is data. ``STAGES`` names every stage with the parameters that switch it on, in the default
order; a new stage is one line there, its fields in ``SamplingParams`` and its function in ``sampling.chain``.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from thermoscope.errors import ParameterError

#: Every stage, in the default order (that of transformers' ``generate``), with the parameters that belong to it.
STAGES: Mapping[str, tuple[str, ...]] = {
    "logit_bias": ("logit_bias",),
    "repetition": ("repetition_penalty",),
    "penalties": ("presence_penalty", "frequency_penalty"),
    "no_repeat_ngram": ("no_repeat_ngram_size",),
    "dry": ("dry_multiplier", "dry_base", "dry_allowed_length", "dry_breakers"),
    "top_n_sigma": ("top_n_sigma",),
    "temperature": ("temperature", "dynatemp_range", "dynatemp_exponent"),
    "top_k": ("top_k",),
    "top_p": ("top_p",),
    "min_p": ("min_p",),
    "typical_p": ("typical_p",),
    "epsilon_cutoff": ("epsilon_cutoff",),
    "eta_cutoff": ("eta_cutoff",),
    "top_a": ("top_a",),
    "xtc": ("xtc_probability", "xtc_threshold"),
    "mirostat": ("mirostat_tau", "mirostat_eta"),
}

#: Orders known by name: those of the engines, with the stages that the engine has (docs/engines.md has the sources).
#: llama.cpp runs temperature last, so truncation sees the untempered distribution. SGLang takes top_k and top_p of
#: the same distribution ("jointly"), which is what top_p before top_k gives.
ORDERS: Mapping[str, tuple[str, ...]] = {
    "transformers": tuple(STAGES),
    "vllm": ("logit_bias", "repetition", "penalties", "temperature", "min_p", "top_k", "top_p"),
    "llama.cpp": (
        "logit_bias", "repetition", "penalties", "dry", "top_n_sigma", "top_k", "typical_p", "top_p", "min_p", "xtc",
        "temperature", "mirostat",
    ),
    "sglang": ("penalties", "repetition", "logit_bias", "temperature", "top_p", "top_k", "min_p"),
}  # fmt: skip

#: Parameters that shape a stage without switching it on, and the one that does.
SHAPES: Mapping[str, str] = {
    "dry_base": "dry_multiplier",
    "dry_allowed_length": "dry_multiplier",
    "dry_breakers": "dry_multiplier",
    "dynatemp_exponent": "dynatemp_range",
    "xtc_threshold": "xtc_probability",
    "mirostat_eta": "mirostat_tau",
}


def _number(value: object) -> object:
    """Reject what pydantic would quietly convert (True is not 1, "0.7" is not 0.7); admit numpy's numbers."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError("must be a number")
    try:
        real = float(value) + 0.0  # -0.0 becomes 0.0: one value, one identity
    except OverflowError:
        raise ValueError("must be a number below 1e308 in size") from None
    return int(value) if isinstance(value, Integral) else real


def _biases(value: object) -> object:
    """``{token: bias}`` as pairs in the order of token ids, which can be hashed; JSON's keys are texts."""
    if value is None:
        return None
    items = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(items, list | tuple):
        raise ValueError("must be a mapping from token id to bias")
    pairs: dict[int, float] = {}
    for item in items:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise ValueError("must be a mapping from token id to bias")
        token, bias = _token(item[0]), _number(item[1])
        if not math.isfinite(float(bias)):  # type: ignore[arg-type]
            raise ValueError("must have finite biases")
        if token in pairs:
            raise ValueError(f"must have each token once; token {token} is there twice")
        pairs[token] = float(bias)  # type: ignore[arg-type]
    return tuple(sorted(pairs.items())) or None


def _token(value: object) -> int:
    token = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value
    if isinstance(token, bool) or not isinstance(token, Integral) or not 0 <= int(token) <= _MAX_COUNT:
        raise ValueError("must have token ids that are whole numbers of at least 0")
    return int(token)


def _tokens(value: object) -> object:
    """Token ids, each once, ascending; none at all is no list."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError("must be a list of token ids")
    return tuple(sorted({_token(token) for token in value})) or None


_Number = BeforeValidator(_number)
#: No vocabulary is near it, and every engine and tensor can hold it.
_MAX_COUNT = 2**63 - 1
_Float = Annotated[float, _Number]
_Count = Annotated[int, _Number, Field(ge=1, le=_MAX_COUNT)]


class SamplingParams(BaseModel):
    """One setting of the decoder. ``SamplingParams()`` is pure sampling at temperature 1: every stage off.

    Off is ``None`` for every parameter but temperature; a parameter that shapes a stage has a default and must not
    be set where the stage is off (``SHAPES``). ``docs/sampling.md`` has the rule of each. Immutable and hashable; two
    settings are equal if every field is, and share an ``id`` if the same stages run with the same values in the same
    order.

    Parameters
    ----------
    logit_bias
        ``{token id: bias}``, nats, finite: added to the logits.
    repetition_penalty
        > 0. For each token that is already there, prompt counted: a negative logit is multiplied, any other divided.
    presence_penalty, frequency_penalty
        Nats, subtracted once and per occurrence of each generated token (OpenAI's meaning: the prompt is not counted).
    no_repeat_ngram_size
        Integer >= 1: no n-gram of this size comes twice, prompt counted.
    dry_multiplier, dry_base, dry_allowed_length, dry_breakers
        >= 0, >= 1 (1.75), integer >= 1 (2), token ids: a token that would prolong a repetition of L tokens, L at
        least the allowed length, loses multiplier * base^(L - allowed). No repetition reaches across a breaker.
    top_n_sigma
        > 0: logits at least max - n * standard deviation stay.
    temperature
        Finite, >= 0. Logits are divided by it. 0 is greedy: the argmax, ties to the lowest token id.
    dynatemp_range, dynatemp_exponent
        >= 0, > 0 (1): the temperature goes from T - range (0 at least) to T + range by (H / ln n)^exponent, with H
        the entropy of the n tokens that are left.
    top_k
        Integer >= 1 and below 2^63: the k largest logits stay, with all ties of the k-th.
    top_p
        In (0, 1]: the smallest set of the most probable tokens whose mass reaches p stays.
    min_p
        In [0, 1]: tokens with at least ``min_p`` times the largest probability stay.
    typical_p
        In (0, 1]: the tokens whose surprise is nearest to the entropy stay, up to this mass.
    epsilon_cutoff
        In [0, 1): tokens of at least this probability stay.
    eta_cutoff
        In [0, 1): tokens of at least min(eta, sqrt(eta) * exp(-H)) stay.
    top_a
        In [0, 1]: tokens of at least a * (largest probability)^2 stay.
    xtc_probability, xtc_threshold
        In [0, 1], in [0, 1] (0.1): with this probability, of the tokens that reach the threshold only the least
        probable stays, if there are two or more.
    mirostat_tau, mirostat_eta
        > 0 bits, >= 0 (0.1): tokens with a surprise of at most mu stay; mu starts at 2 tau and follows the surprise
        of what is drawn: mu -= eta * (surprise - tau).
    order
        The stages in the order in which they run: a sequence of names from ``STAGES``, or a name from ``ORDERS``.
        A stage left out is off, and its parameters must not be set.

    Raises
    ------
    ParameterError
        A name is unknown, a value out of range, or the order lacks a stage that is switched on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False)

    logit_bias: Annotated[tuple[tuple[int, float], ...] | None, BeforeValidator(_biases)] = None
    repetition_penalty: Annotated[_Float, Field(gt=0)] | None = None
    presence_penalty: _Float | None = None
    frequency_penalty: _Float | None = None
    no_repeat_ngram_size: _Count | None = None
    dry_multiplier: Annotated[_Float, Field(ge=0)] | None = None
    dry_base: Annotated[_Float, Field(ge=1)] = 1.75
    dry_allowed_length: _Count = 2
    dry_breakers: Annotated[tuple[int, ...] | None, BeforeValidator(_tokens)] = None
    top_n_sigma: Annotated[_Float, Field(gt=0)] | None = None
    temperature: Annotated[_Float, Field(ge=0)] = 1.0
    dynatemp_range: Annotated[_Float, Field(ge=0)] | None = None
    dynatemp_exponent: Annotated[_Float, Field(gt=0)] = 1.0
    top_k: _Count | None = None
    top_p: Annotated[_Float, Field(gt=0, le=1)] | None = None
    min_p: Annotated[_Float, Field(ge=0, le=1)] | None = None
    typical_p: Annotated[_Float, Field(gt=0, le=1)] | None = None
    epsilon_cutoff: Annotated[_Float, Field(ge=0, lt=1)] | None = None
    eta_cutoff: Annotated[_Float, Field(ge=0, lt=1)] | None = None
    top_a: Annotated[_Float, Field(ge=0, le=1)] | None = None
    xtc_probability: Annotated[_Float, Field(ge=0, le=1)] | None = None
    xtc_threshold: Annotated[_Float, Field(ge=0, le=1)] = 0.1
    mirostat_tau: Annotated[_Float, Field(gt=0)] | None = None
    mirostat_eta: Annotated[_Float, Field(ge=0)] = 0.1
    order: tuple[str, ...] = ORDERS["transformers"]

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ParameterError(_one_line(error)) from None

    @field_validator("order", mode="before")
    @classmethod
    def _known_order(cls, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            if value not in ORDERS:
                raise ValueError(f"must be one of {_names(ORDERS)}, or a list of stages ({_names(STAGES)})")
            return ORDERS[value]
        if not isinstance(value, Iterable) or isinstance(value, set | frozenset):  # a set has no order
            raise ValueError(f"must be a list of stages ({_names(STAGES)})")
        stages = tuple(value)
        unknown = [stage for stage in stages if not isinstance(stage, str) or stage not in STAGES]
        if unknown:
            raise ValueError(f"has the unknown stage {_shown(unknown[0])}; the stages are {_names(STAGES)}")
        if len(set(stages)) < len(stages):
            twice = next(stage for stage in stages if stages.count(stage) > 1)
            raise ValueError(f"has the stage {twice!r} twice; each runs once")
        return stages

    @field_serializer("logit_bias")
    def _as_mapping(self, pairs: tuple[tuple[int, float], ...] | None) -> dict[int, float] | None:
        return None if pairs is None else dict(pairs)

    @field_serializer("order")
    def _named_order(self, order: tuple[str, ...]) -> str | tuple[str, ...]:
        """A known order by its name, which goes on to mean that order when stages are added to it."""
        return next((name for name, stages in ORDERS.items() if stages == order), order)

    @model_validator(mode="after")
    def _shapes_have_their_switch(self) -> Self:
        for name, switch in SHAPES.items():
            if self._is_set(name) and getattr(self, switch) is None:
                raise ValueError(f"{name} does nothing without {switch}; set {switch}, or leave {name} out")
        if self.dynatemp_range is not None and self.temperature == 0:
            raise ValueError("dynatemp_range has no meaning at temperature=0, which is greedy; leave one of them out")
        return self

    @model_validator(mode="after")
    def _order_covers_what_is_on(self) -> Self:
        missing = [stage for stage in self._stages_on() if stage not in self.order]
        if missing:
            names = [name for name in STAGES[missing[0]] if self._is_set(name)]
            what, are = " and ".join(names), "is" if len(names) == 1 else "are"
            raise ValueError(f"order lacks the stage {missing[0]!r}, but {what} {are} set; add it or leave {what} out")
        return self

    def _stages_on(self) -> list[str]:
        return [stage for stage, names in STAGES.items() if any(self._is_set(n) for n in names if n not in SHAPES)]

    def _is_set(self, name: str) -> bool:
        return bool(getattr(self, name) != _defaults(type(self))[name])

    @property
    def given(self) -> dict[str, Any]:
        """The parameters that differ from pure sampling at temperature 1, without the order, in order of stages."""
        names = (name for stage in STAGES.values() for name in stage)
        return {name: getattr(self, name) for name in names if self._is_set(name)}

    @property
    def active_stages(self) -> tuple[str, ...]:
        """The stages that this setting switches on, in the order in which they run."""
        on = set(self._stages_on())
        return tuple(stage for stage in self.order if stage in on)

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that name what this setting does.

        A function of the parameters that are set and of the order of the stages that are on. Parameters added to
        Thermoscope later, and the place of stages that are off, don't change it.
        """
        values = {n: getattr(self, n) for stage in self.active_stages for n in STAGES[stage] if self._is_set(n)}
        canonical = json.dumps([values, self.active_stages], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some parameters changed, validated like a new one.

        Raises
        ------
        ParameterError
            As at construction.
        """
        return type(self)(**{**self.model_dump(), **changes})

    def to_record(self) -> dict[str, Any]:
        """Every parameter, the stages of the order one by one, and the ``id``: what is stored with a result."""
        return {**self.model_dump(mode="json"), "stages": list(self.order), "id": self.id}

    def to_json(self) -> str:
        """One line of JSON with every field; ``from_json`` reads it back to an equal setting."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what ``to_json`` wrote.

        Raises
        ------
        ParameterError
            The text is not a JSON object of parameters, or a value breaks a rule.
        """
        try:
            values = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise ParameterError(f"settings must be JSON: {error}; write what to_json gives") from None
        if not isinstance(values, dict):
            raise ParameterError(f"settings must be a JSON object of parameters; got {_shown(values)}")
        return cls(**values)

    def __str__(self) -> str:
        """The temperature, what else is set, and an order that matters, as one would type them.

        ``temperature=0.7 top_k=50``; values are written in full, so that different settings look different.
        """
        shown = [f"temperature={typed(self.temperature)}"]
        shown += [f"{name}={typed(value)}" for name, value in self.given.items() if name != "temperature"]
        usual = [stage for stage in STAGES if stage in self.active_stages]
        if list(self.active_stages) != usual:
            known = next((name for name, order in ORDERS.items() if order == self.order), None)
            shown.append(f"order={known or ','.join(self.active_stages)}")
        return " ".join(shown)


@cache  # asked in every step of decoding
def _defaults(kind: type[SamplingParams]) -> dict[str, Any]:
    return {name: field.default for name, field in kind.model_fields.items()}


def _names(known: Iterable[str]) -> str:
    return ", ".join(known)


def nearest(name: str, known: Iterable[str] | None = None) -> str:
    """``" (did you mean 'top_p'?)"`` for a name that is nearly a known one (a parameter's, by default); else ""."""
    close = difflib.get_close_matches(name, list(SamplingParams.model_fields if known is None else known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def typed(value: object) -> str:
    """A value as one would type it, without white space."""
    if isinstance(value, tuple):  # biases, or tokens
        return ",".join(f"{item[0]}:{typed(item[1])}" if isinstance(item, tuple) else typed(item) for item in value)
    return repr(value).removesuffix(".0")


def number_of(word: str) -> int | float | str:
    """The number that a word is, whole where it is whole, or the word itself."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _shown(value: object) -> str:
    """What was given, on one line and not too long."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no integer of more than 4300 digits
        text = f"an integer of about {int(value).bit_length() * 3 // 10} digits" if isinstance(value, int) else "?"
    return text if len(text) <= 60 else text[:57] + "..."


#: What each rule of pydantic says in Thermoscope's words.
_RULES = {
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be greater than {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "less_than": "must be less than {lt:g}",
    "finite_number": "must be a finite number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "int_parsing_size": "must be a whole number below 2^63",
    "float_type": "must be a number",
}
#: What to write instead, per parameter.
_FIXES = {
    "temperature": "use 0 for greedy decoding, or a value such as 0.7",
    "top_k": "use a whole number such as 50, or leave it out to switch it off",
    "top_p": "use a value in (0, 1] such as 0.95, or leave it out to switch it off",
    "min_p": "use a value in [0, 1] such as 0.05, or leave it out to switch it off",
    "logit_bias": "write {50256: -5.0}",
    "repetition_penalty": "use a value such as 1.1, or leave it out to switch it off",
    "presence_penalty": "use a value such as 0.5, or leave it out to switch it off",
    "frequency_penalty": "use a value such as 0.5, or leave it out to switch it off",
    "no_repeat_ngram_size": "use a whole number such as 3, or leave it out to switch it off",
    "dry_multiplier": "use a value such as 0.8, or leave it out to switch it off",
    "dry_base": "use a value such as 1.75",
    "dry_allowed_length": "use a whole number such as 2",
    "dry_breakers": "write a list of token ids, such as [198]",
    "top_n_sigma": "use a value such as 1.5, or leave it out to switch it off",
    "dynatemp_range": "use a value such as 0.3, or leave it out to switch it off",
    "dynatemp_exponent": "use a value such as 1",
    "typical_p": "use a value in (0, 1] such as 0.9, or leave it out to switch it off",
    "epsilon_cutoff": "use a value in [0, 1) such as 3e-4, or leave it out to switch it off",
    "eta_cutoff": "use a value in [0, 1) such as 2e-3, or leave it out to switch it off",
    "top_a": "use a value in [0, 1] such as 0.2, or leave it out to switch it off",
    "xtc_probability": "use a value in [0, 1] such as 0.5, or leave it out to switch it off",
    "xtc_threshold": "use a value in [0, 1] such as 0.1",
    "mirostat_tau": "use a value in bits such as 5, or leave it out to switch it off",
    "mirostat_eta": "use a value such as 0.1",
}


def _one_line(error: ValidationError) -> str:
    """The first broken rule as one line: name, rule, value, fix."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        known = _names(SamplingParams.model_fields)
        return f"unknown sampling parameter {_shown(name)}{nearest(name)}; the parameters are {known}"
    rule = (
        _RULES[first["type"]].format(**first.get("ctx", {}))
        if first["type"] in _RULES
        else first["msg"].removeprefix("Value error, ")
    )
    if not name:
        return rule
    fix = f"; {_FIXES[name]}" if name in _FIXES else ""
    return f"{name} {rule}; got {_shown(first['input'])}{fix}"
