"""Settings: what the user asked of the decoder, validated once, immutable, with one identity.

What is known of each stage and parameter stands in ``settings/stages.py``; here are the fields, where type checkers see
them.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from thermoscope.errors import ParameterError
from thermoscope.settings.orders import ORDERS, order_name
from thermoscope.settings.stages import OPAQUE, PARAMETERS, SHAPES, STAGE_OF, STAGES
from thermoscope.settings.values import Amount, Biases, Count, Effort, Float, Tokens, typed
from thermoscope.words import nearest, quoted

#: Characters that the name of a setting may have.
LONGEST_NAME = 60


class SamplingParams(BaseModel):
    """One setting of the decoder. ``SamplingParams()`` is pure sampling at temperature 1: every stage off.

    Off is ``None`` for every parameter but temperature; a parameter that shapes a stage has a default and must not
    be set where the stage is off. ``docs/stages.md`` has the rule of each. Immutable and hashable.

    Two settings are equal, and share an ``id``, if the same stages run with the same values in the same order. The
    place of stages that are off does not count. A value that does nothing (``top_p=1``) does: it was asked for, and
    what ran says that it did nothing.

    Parameters
    ----------
    logit_bias
        ``{token id: bias}``, nats, finite: added to the logits.
    encoder_repetition_penalty
        > 0. For each token of the prompt: a negative logit is divided, any other multiplied.
    repetition_penalty, repetition_last_n
        > 0, integer >= 1 (all). For each token that is already there, prompt counted: a negative logit is multiplied,
        any other divided. Only the last tokens of prompt and text count.
    presence_penalty, frequency_penalty, penalties_last_n
        Nats, subtracted once and per occurrence of each generated token (OpenAI's meaning: the prompt is not counted),
        of the last tokens alone.
    no_repeat_ngram_size
        Integer >= 1: no n-gram of this size comes twice, prompt counted.
    min_new_tokens
        Integer >= 1: no text ends by itself before it has so many tokens.
    dry_multiplier, dry_base, dry_allowed_length, dry_breakers, dry_last_n
        >= 0, >= 1 (1.75), integer >= 1 (2), token ids, integer >= 1 (all): a token that would prolong a repetition of
        L tokens, L at least the allowed length, loses multiplier * base^(L - allowed). No repetition reaches across a
        breaker, or back beyond the last tokens.
    top_n_sigma
        > 0: logits at least max - n * standard deviation stay.
    min_k
        >= 0: the tokens before the steepest drop of sorted logits, weighted by 1 / rank, stay, and at least
        floor(min_k / range of logits) tokens.
    temperature
        Finite, >= 0. Logits are divided by it. 0 is greedy: the argmax, ties to the lowest token id.
    dynatemp_range, dynatemp_exponent
        >= 0, > 0 (1): the temperature goes from T - range (0 at least) to T + range by (H / ln n)^exponent, with H
        the entropy of the n tokens that are left.
    smoothing_factor, smoothing_curve
        >= 0, >= 1 (1): a logit at distance d below the largest becomes max - s ((3 - c) / 2 d^2 + (c - 1) / 2 d^3).
    top_k
        Integer >= 1 and below 2^63: the k largest logits stay, with all ties of the k-th.
    top_p
        In (0, 1]: the smallest set of the most probable tokens whose mass reaches p stays.
    min_p
        In [0, 1]: tokens with at least ``min_p`` times the largest probability stay.
    p_less, p_less_norm
        > 1, in [0, 1] (0): tokens of at least the exponential of minus the Renyi entropy of this order stay; 2 is the
        published method. With 1 the threshold is that of p-less-norm.
    top_h
        In (0, 1]: the most probable tokens stay, as many as have an entropy of at most ``top_h`` times that of all.
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
    adaptive_target, adaptive_decay
        In [0, 1], in [0, 0.99] (0.9): logits become 5 - 10 d^2 / (1 + d) with d = |p - a| / 0.3; a is 2 target less the
        decaying mean of the probabilities that drawn tokens had before. The last stage of the order that is on.
    reasoning_effort, thinking_budget
        "none", "minimal", "low", "medium", "high", "xhigh" or "max", and integer >= 0, tokens: how much a reasoning
        model thinks. Passed on to an endpoint as they are; a model that runs here takes neither.
    order
        The stages in the order in which they run: a sequence of names from ``STAGES``, or a name from ``ORDERS``.
        A stage left out is off, and its parameters must not be set.

    Raises
    ------
    ParameterError
        A name is unknown, a value out of range, or the order lacks a stage that is switched on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False)

    logit_bias: Biases = None
    encoder_repetition_penalty: Annotated[Float, Field(gt=0)] | None = None
    repetition_penalty: Annotated[Float, Field(gt=0)] | None = None
    repetition_last_n: Count | None = None
    presence_penalty: Float | None = None
    frequency_penalty: Float | None = None
    penalties_last_n: Count | None = None
    no_repeat_ngram_size: Count | None = None
    min_new_tokens: Count | None = None
    dry_multiplier: Annotated[Float, Field(ge=0)] | None = None
    dry_base: Annotated[Float, Field(ge=1)] = 1.75
    dry_allowed_length: Count = 2
    dry_breakers: Tokens = None
    dry_last_n: Count | None = None
    top_n_sigma: Annotated[Float, Field(gt=0)] | None = None
    min_k: Annotated[Float, Field(ge=0)] | None = None
    temperature: Annotated[Float, Field(ge=0)] = 1.0
    dynatemp_range: Annotated[Float, Field(ge=0)] | None = None
    dynatemp_exponent: Annotated[Float, Field(gt=0)] = 1.0
    smoothing_factor: Annotated[Float, Field(ge=0)] | None = None
    smoothing_curve: Annotated[Float, Field(ge=1)] = 1.0
    top_k: Count | None = None
    top_p: Annotated[Float, Field(gt=0, le=1)] | None = None
    min_p: Annotated[Float, Field(ge=0, le=1)] | None = None
    p_less: Annotated[Float, Field(gt=1)] | None = None
    p_less_norm: Annotated[Float, Field(ge=0, le=1)] = 0.0
    top_h: Annotated[Float, Field(gt=0, le=1)] | None = None
    typical_p: Annotated[Float, Field(gt=0, le=1)] | None = None
    epsilon_cutoff: Annotated[Float, Field(ge=0, lt=1)] | None = None
    eta_cutoff: Annotated[Float, Field(ge=0, lt=1)] | None = None
    top_a: Annotated[Float, Field(ge=0, le=1)] | None = None
    xtc_probability: Annotated[Float, Field(ge=0, le=1)] | None = None
    xtc_threshold: Annotated[Float, Field(ge=0, le=1)] = 0.1
    mirostat_tau: Annotated[Float, Field(gt=0)] | None = None
    mirostat_eta: Annotated[Float, Field(ge=0)] = 0.1
    adaptive_target: Annotated[Float, Field(ge=0, le=1)] | None = None
    adaptive_decay: Annotated[Float, Field(ge=0, le=0.99)] = 0.9
    reasoning_effort: Effort | None = None
    thinking_budget: Amount | None = None
    order: tuple[str, ...] = ORDERS["transformers"]
    _given: dict[str, Any] = PrivateAttr(default_factory=dict)
    _active_stages: tuple[str, ...] = PrivateAttr(())
    _name: str | None = PrivateAttr(None)

    if TYPE_CHECKING:  # what may be passed is wider than what the fields hold: a mapping of biases, an order by name

        def __init__(
            self,
            *,
            logit_bias: Mapping[int, float] | Sequence[tuple[int, float]] | None = None,
            encoder_repetition_penalty: float | None = None,
            repetition_penalty: float | None = None,
            repetition_last_n: int | None = None,
            presence_penalty: float | None = None,
            frequency_penalty: float | None = None,
            penalties_last_n: int | None = None,
            no_repeat_ngram_size: int | None = None,
            min_new_tokens: int | None = None,
            dry_multiplier: float | None = None,
            dry_base: float = 1.75,
            dry_allowed_length: int = 2,
            dry_breakers: Iterable[int] | None = None,
            dry_last_n: int | None = None,
            top_n_sigma: float | None = None,
            min_k: float | None = None,
            temperature: float = 1.0,
            dynatemp_range: float | None = None,
            dynatemp_exponent: float = 1.0,
            smoothing_factor: float | None = None,
            smoothing_curve: float = 1.0,
            top_k: int | None = None,
            top_p: float | None = None,
            min_p: float | None = None,
            p_less: float | None = None,
            p_less_norm: float = 0.0,
            top_h: float | None = None,
            typical_p: float | None = None,
            epsilon_cutoff: float | None = None,
            eta_cutoff: float | None = None,
            top_a: float | None = None,
            xtc_probability: float | None = None,
            xtc_threshold: float = 0.1,
            mirostat_tau: float | None = None,
            mirostat_eta: float = 0.1,
            adaptive_target: float | None = None,
            adaptive_decay: float = 0.9,
            reasoning_effort: Effort | None = None,
            thinking_budget: int | None = None,
            order: str | Iterable[str] = "transformers",
        ) -> None: ...

    else:

        def __init__(self, /, **values):
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise ParameterError(_one_line(error)) from None

    @classmethod
    def model_validate(cls, obj: Any, **how: Any) -> Self:
        """As pydantic's, with the errors of construction.

        Raises
        ------
        ParameterError
            As at construction.
        """
        return cast(Self, cls._validated(super().model_validate, obj, **how))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **how: Any) -> Self:
        """As pydantic's, with the errors of construction.

        Raises
        ------
        ParameterError
            As at construction, or the text is not JSON.
        """
        return cast(Self, cls._validated(super().model_validate_json, json_data, **how))

    @classmethod
    def model_validate_strings(cls, obj: Any, **how: Any) -> Self:
        """As pydantic's, with the errors of construction.

        Raises
        ------
        ParameterError
            As at construction.
        """
        return cast(Self, cls._validated(super().model_validate_strings, obj, **how))

    @staticmethod
    def _validated(validate: Callable[..., SamplingParams], *given: Any, **how: Any) -> Any:
        try:
            return validate(*given, **how)
        except ValidationError as error:
            raise ParameterError(_one_line(error)) from None
        except TypeError:
            raise ParameterError(f"settings must be parameters by name; got {quoted(given[0])}") from None

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some parameters changed, validated like a new one: ``replace`` under pydantic's name."""
        return self.replace(**(update or {}))

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
            raise ValueError(f"has the unknown stage {quoted(unknown[0])}; the stages are {_names(STAGES)}")
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
        return order_name(order) or order

    @model_validator(mode="after")
    def _shapes_have_their_switch(self) -> Self:
        given = self._given
        for name, switches in SHAPES.items():
            if name in given and all(getattr(self, switch) is None for switch in switches):
                on = " or ".join(switches)
                raise ValueError(f"{name} does nothing without {on}; set {on}, or leave {name} out")
        if self.dynatemp_range is not None and self.temperature == 0:
            raise ValueError("dynatemp_range has no meaning at temperature=0, which is greedy; leave one of them out")
        return self

    @model_validator(mode="after")
    def _order_covers_what_is_on(self) -> Self:
        missing = [stage for stage in _on(self._given) if stage not in self.order]
        if missing:
            names = [name for name in STAGES[missing[0]].names if name in self._given]
            what, are = " and ".join(names), "is" if len(names) == 1 else "are"
            raise ValueError(f"order lacks the stage {missing[0]!r}, but {what} {are} set; add it or leave {what} out")
        return self

    @model_validator(mode="after")
    def _adaptive_p_is_last(self) -> Self:
        on = self.active_stages
        if "adaptive_p" in on[:-1]:
            raise ValueError(
                "order must have adaptive_p after all other stages that are on, since it makes the distribution to "
                f"draw from; got {on[-1]} after it; move adaptive_p to the end"
            )
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The parameters that differ from pure sampling at temperature 1, without the order, in order of stages."""
        return dict(self._given)

    def model_post_init(self, _: object) -> None:
        """Note what is asked for in every step of decoding; pydantic calls it before the rules above."""
        usual = _defaults(type(self))
        given = {name: value for name in PARAMETERS if (value := getattr(self, name)) != usual[name]}
        on = _on(given)
        self._given, self._active_stages = given, tuple(stage for stage in self.order if stage in on)

    @property
    def active_stages(self) -> tuple[str, ...]:
        """The stages that this setting switches on, in the order in which they run."""
        return self._active_stages

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that name what this setting does; equal settings share it, others do not.

        A function of the parameters that are set and of the order of the stages that are on. Parameters added to
        Thermoscope later, and the place of stages that are off, don't change it.
        """
        names = (*(name for stage in self.active_stages for name in STAGES[stage].names), *OPAQUE)
        values = {name: self._given[name] for name in names if name in self._given}
        canonical = json.dumps([values, self.active_stages], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, SamplingParams):
            return NotImplemented
        return self._active_stages == other._active_stages and self._given == other._given

    def __hash__(self) -> int:
        return hash((self._active_stages, *self._given.items()))

    @property
    def name(self) -> str | None:
        """What the user calls it, if anything. It is no part of the setting: equal settings may have other names."""
        return self._name

    def named(self, name: str) -> Self:
        """The same setting under a name, which stands for it wherever it is shown.

        Raises
        ------
        ParameterError
            The name is empty, longer than 60 characters, or more than a line.
        """
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise ParameterError(
                f"a setting's name must be one line of 1 to {LONGEST_NAME} characters; got {quoted(name)}; shorten it"
            )
        made = self.replace()
        made._name = name.strip()
        return made

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
            why = "a number has too many digits" if "int_max_str_digits" in str(error) else error
            raise ParameterError(f"settings must be JSON: {why}; write what to_json gives") from None
        if not isinstance(values, dict):
            raise ParameterError(f"settings must be a JSON object of parameters; got {quoted(values)}")
        return cls(**values)

    def __str__(self) -> str:
        """The temperature, what else is set, and an order that matters, as one would type them.

        ``temperature=0.7 top_k=50``; values are written in full, so that different settings look different.
        """
        return " ".join(f"{name}={value}" for name, value in self._shown())

    def __repr__(self) -> str:
        return f"SamplingParams({self})"

    def _repr_html_(self) -> str:
        """A small table of what is set, for notebooks."""
        rows = "".join(f"<tr><th>{html.escape(n)}</th><td>{html.escape(v)}</td></tr>" for n, v in self._shown())
        return f"<table><caption>setting {self.id}</caption>{rows}</table>"

    def _shown(self) -> list[tuple[str, str]]:
        shown = [("temperature", typed(self.temperature))]
        shown += [(name, typed(value)) for name, value in self.given.items() if name != "temperature"]
        usual = [stage for stage in STAGES if stage in self.active_stages]
        if list(self.active_stages) != usual:
            shown.append(("order", order_name(self.order) or ",".join(self.active_stages)))
        return shown


def _on(given: Iterable[str]) -> list[str]:
    """The stages that parameters switch on, in the usual order."""
    on = {STAGE_OF[name] for name in given if name in STAGE_OF and name not in SHAPES}
    return [stage for stage in STAGES if stage in on]


@cache
def _defaults(kind: type[SamplingParams]) -> dict[str, Any]:
    return {name: field.default for name, field in kind.model_fields.items()}


def _names(known: Iterable[str]) -> str:
    return ", ".join(known)


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
    "literal_error": "must be one of {expected}",
}


def _one_line(error: ValidationError) -> str:
    """The first broken rule as one line: name, rule, value, fix."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        known = _names(SamplingParams.model_fields)
        near = nearest(name, SamplingParams.model_fields)
        return f"unknown sampling parameter {quoted(name)}{near}; the parameters are {known}"
    rule = (
        _RULES[first["type"]].format(**first.get("ctx", {}))
        if first["type"] in _RULES
        else first["msg"].removeprefix("Value error, ")
    )
    if not name:
        return rule
    fix = f"; {PARAMETERS[name].fix}" if name in PARAMETERS else ""
    return f"{name} {rule}; got {quoted(first['input'])}{fix}"
