"""How much a model thinks: no stage of sampling, but a setting that engines take, passed on as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import OPAQUE
from thermoscope.words import joined


@dataclass(frozen=True, slots=True)
class Opaque:
    """Where an engine's requests hold an opaque parameter.

    Attributes
    ----------
    path
        The field in the body of a request, with dots where it stands inside another: ``thinking.budget_tokens``.
    levels
        The words that it takes; empty if it takes a number.
    least
        The smallest number above 0 that it takes.
    beside
        Further fields that go with it, by path.
    off
        The fields that say 0 or "none", by path; empty if these are sent as they are.
    request
        Which requests have it, where those of the engine's snippet do not; "" where they do.
    """

    path: str
    levels: tuple[str, ...] = ()
    least: int = 0
    beside: Mapping[str, Any] = field(default_factory=dict)
    off: Mapping[str, Any] = field(default_factory=dict)
    request: str = ""

    def refusal(self, value: object) -> str:
        """What keeps the engine from taking a value; "" if nothing does."""
        if self.levels and value not in self.levels:
            return f"must be one of {joined(self.levels)} there"
        if isinstance(value, int) and 0 < value < self.least:
            return f"must be at least {self.least} there"
        return ""

    def fields(self, value: object) -> dict[str, Any]:
        """The fields that say a value, by path."""
        if value in (0, "none") and self.off:
            return dict(self.off)
        return {**self.beside, self.path: value}

    def value(self, body: Mapping[str, Any]) -> Any:
        """What a request's body says; None where it says nothing, or what is none of our values."""
        if self.off and all(_at(body, path) == value for path, value in self.off.items()):
            return "none" if self.levels else 0
        found = _at(body, self.path)
        if isinstance(found, str):
            return found if found in self.levels else None
        return found if not self.levels and type(found) is int and found >= 0 else None


#: Levels that most engines have, and all that vLLM has.
THREE = ("low", "medium", "high")
LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def opaque_values(params: SamplingParams) -> dict[str, Any]:
    """The opaque parameters that a setting gives."""
    return {name: value for name, value in params.given.items() if name in OPAQUE}


def sampling_alone(params: SamplingParams) -> SamplingParams:
    """A setting without its opaque parameters."""
    given = opaque_values(params)
    return params.replace(**dict.fromkeys(given)) if given else params


def body_of(params: SamplingParams, known: Mapping[str, Opaque]) -> dict[str, Any]:
    """What a request's body says of a setting's opaque parameters, as far as the engine has them."""
    body: dict[str, Any] = {}
    for name, value in opaque_values(params).items():
        if name in known:
            for path, part in known[name].fields(value).items():
                _put(body, path, part)
    return body


def read_opaque(fields: Mapping[str, Any], known: Mapping[str, Opaque], inside: str = "") -> dict[str, Any]:
    """The opaque parameters in the fields of a file, which are those inside the field ``inside`` if it has one."""
    body = {inside: fields} if inside else fields
    found = {name: one.value(body) for name, one in known.items()}
    return {name: value for name, value in found.items() if value is not None}


def _at(body: Mapping[str, Any], path: str) -> Any:
    for name in path.split("."):
        if not isinstance(body, Mapping) or name not in body:
            return None
        body = body[name]
    return body


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path.split(".")
    for name in outer:
        body = body.setdefault(name, {})
    body[last] = value
