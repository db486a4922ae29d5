"""Settings: what the user asked of the decoder, validated once, immutable, with a stable identity.

The order of stages is data. ``STAGES`` names every stage with the parameters that switch it on, in the default
order; a new stage is one line there, its fields in ``SamplingParams`` and its function in ``sampling.chain``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
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
    "temperature": ("temperature",),
    "top_k": ("top_k",),
    "top_p": ("top_p",),
    "min_p": ("min_p",),
}

#: Orders known by name. llama.cpp runs temperature last, so truncation sees the untempered distribution.
ORDERS: Mapping[str, tuple[str, ...]] = {
    "transformers": tuple(STAGES),
    "llama.cpp": ("top_k", "top_p", "min_p", "temperature"),
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


_Number = BeforeValidator(_number)
#: No vocabulary is near it, and every engine and tensor can hold it.
_MAX_COUNT = 2**63 - 1


class SamplingParams(BaseModel):
    """One setting of the decoder. ``SamplingParams()`` is pure sampling at temperature 1: every stage off.

    Off is ``None`` for every parameter but temperature. Immutable and hashable; two settings are equal if every
    field is, and share an ``id`` if the same stages run with the same values in the same order.

    Parameters
    ----------
    temperature
        Finite, >= 0. Logits are divided by it. 0 is greedy: the argmax, ties to the lowest token id.
    top_k
        Integer >= 1 and below 2^63: the k largest logits stay, with all ties of the k-th.
    top_p
        In (0, 1]: the smallest set of the most probable tokens whose mass reaches p stays.
    min_p
        In [0, 1]: tokens with at least ``min_p`` times the largest probability stay.
    order
        The stages in the order in which they run: a sequence of names from ``STAGES``, or a name from ``ORDERS``.
        A stage left out is off, and its parameters must not be set.

    Raises
    ------
    ParameterError
        A name is unknown, a value out of range, or the order lacks a stage that is switched on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False)

    temperature: Annotated[float, _Number, Field(ge=0)] = 1.0
    top_k: Annotated[int, _Number, Field(ge=1, le=_MAX_COUNT)] | None = None
    top_p: Annotated[float, _Number, Field(gt=0, le=1)] | None = None
    min_p: Annotated[float, _Number, Field(ge=0, le=1)] | None = None
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

    @field_serializer("order")
    def _named_order(self, order: tuple[str, ...]) -> str | tuple[str, ...]:
        """A known order by its name, which goes on to mean that order when stages are added to it."""
        return next((name for name, stages in ORDERS.items() if stages == order), order)

    @model_validator(mode="after")
    def _order_covers_what_is_on(self) -> Self:
        missing = [stage for stage in self._stages_on() if stage not in self.order]
        if missing:
            names = " and ".join(STAGES[missing[0]])
            raise ValueError(f"order lacks the stage {missing[0]!r}, but {names} is set; add it or leave {names} out")
        return self

    def _stages_on(self) -> list[str]:
        return [stage for stage, names in STAGES.items() if any(self._is_set(n) for n in names)]

    def _is_set(self, name: str) -> bool:
        return bool(getattr(self, name) != type(self).model_fields[name].default)

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
        shown = [f"temperature={_typed(self.temperature)}"]
        shown += [
            f"{n}={_typed(getattr(self, n))}"
            for names in STAGES.values()
            for n in names
            if n != "temperature" and self._is_set(n)
        ]
        usual = [stage for stage in STAGES if stage in self.active_stages]
        if list(self.active_stages) != usual:
            known = next((name for name, order in ORDERS.items() if order == self.order), None)
            shown.append(f"order={known or ','.join(self.active_stages)}")
        return " ".join(shown)


def _names(known: Iterable[str]) -> str:
    return ", ".join(known)


def _typed(value: float) -> str:
    return repr(value).removesuffix(".0")


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
}


def _one_line(error: ValidationError) -> str:
    """The first broken rule as one line: name, rule, value, fix."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        known = _names(SamplingParams.model_fields)
        return f"unknown sampling parameter {name!r}; the parameters are {known}"
    rule = (
        _RULES[first["type"]].format(**first.get("ctx", {}))
        if first["type"] in _RULES
        else first["msg"].removeprefix("Value error, ")
    )
    if not name:
        return rule
    fix = f"; {_FIXES[name]}" if name in _FIXES else ""
    return f"{name} {rule}; got {_shown(first['input'])}{fix}"
