"""``export``: a setting as another engine reads it, with a verdict per parameter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from thermoscope.engines.dialect import Snippet, as_json, meaningful
from thermoscope.engines.effect import Distance, EngineSetting
from thermoscope.engines.opaque import Opaque, body_of, sampling_alone
from thermoscope.engines.registry import engine_named
from thermoscope.engines.verdict import Verdict, judge
from thermoscope.errors import InputError
from thermoscope.settings.params import SamplingParams

if TYPE_CHECKING:
    from thermoscope.models.base import Model


@dataclass(frozen=True, slots=True)
class Exported:
    """A setting written for an engine.

    Attributes
    ----------
    params
        The setting.
    engine, version, source
        The engine, the release that its facts are from, and where they were read.
    snippets
        What one pastes; every neutral value is written out.
    verdicts
        What becomes of each parameter that is set.
    distance
        Between ours and theirs as wholes, on next-token distributions of ``model``; None if not measured.
    model
        The model that the distances were measured on.
    """

    params: SamplingParams
    engine: str
    version: str
    source: str
    snippets: tuple[Snippet, ...]
    verdicts: tuple[Verdict, ...]
    distance: Distance | None = None
    model: str | None = None

    @property
    def exact(self) -> bool:
        """Whether the engine gives our distribution, with the order that is sent."""
        return all(verdict.exact for verdict in self.verdicts)

    @property
    def request_fields(self) -> dict[str, Any]:
        """The fields of a request that say the setting, side by side, without those that are empty; {} if it has none.

        Opaque parameters are among them, whichever requests of the engine take them.
        """
        inside, fields = engine_named(self.engine).inside, dict[str, Any]()
        for snippet in filter(_is_request, self.snippets):
            body = json.loads(snippet.text)
            fields = _merged(fields, body.get(inside, body))
        return {name: value for name, value in fields.items() if value not in ([], {}) and name != "model"}

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        return {
            "format": "thermoscope.export/1",
            "params": self.params.to_record(),
            "engine": self.engine,
            "version": self.version,
            "source": self.source,
            "exact": self.exact,
            "snippets": [{"title": s.title, "language": s.language, "text": s.text} for s in self.snippets],
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "distance": None if self.distance is None else self.distance.to_dict(),
            "model": self.model,
        }

    def __str__(self) -> str:
        """What one pastes, without the verdicts."""
        return "\n\n".join(snippet.text for snippet in self.snippets)


def export(
    params: SamplingParams,
    engine: str,
    *,
    model: Model | None = None,
    prompts: Sequence[str] | None = None,
    strict: bool = False,
) -> Exported:
    """Write a setting for an engine and judge what changes on the way.

    Parameters
    ----------
    params
        The setting.
    engine
        A name from ``ENGINES``.
    model
        Measure on this model's next-token distributions how far apart the two are, where they are not the same.
    prompts
        Where these distributions come from; by default a few of ours.
    strict
        Refuse anything but exact.

    Raises
    ------
    InputError
        The engine is not known; or ``strict``, and a parameter is different there or absent.
    """
    to = engine_named(engine)
    verdicts, theirs = judge(params, to)
    different = [verdict for verdict in verdicts if not verdict.exact]
    if strict and different:
        first = different[0]
        raise InputError(
            f"{engine} does not give this setting exactly: {first.parameter} is {first.kind} ({first.note})"
            + (f", and {len(different) - 1} more" if len(different) > 1 else "")
            + "; leave it out, or export without --strict"
        )
    fields = dict(to.neutral)
    written = meaningful(sampling_alone(params))
    fields |= {to.names[n]: _plain(v) for n, v in written.given.items() if n in to.names and to.names[n] in fields}
    snippets = _with_opaque(to.write(written, fields), params, to.opaque)
    result = Exported(params, engine, to.version, to.source, tuple(snippets), tuple(verdicts))
    return result if model is None else _measured(result, theirs, model, prompts)


def _plain(value: Any) -> Any:
    return None if isinstance(value, tuple) else value


def _with_opaque(snippets: Sequence[Snippet], params: SamplingParams, known: Mapping[str, Opaque]) -> list[Snippet]:
    """Snippets with a setting's opaque parameters in the bodies of requests, or in one of their own."""
    body = body_of(params, known)
    if not body:
        return list(snippets)
    if request := next((one.request for one in known.values()), ""):
        return [*snippets, Snippet(f"beside them in the body of a request to {request}", "json", as_json(body))]
    return [
        replace(one, text=as_json(_merged(json.loads(one.text), body)))
        if _is_request(one) else one
        for one in snippets
    ]  # fmt: skip


def _is_request(snippet: Snippet) -> bool:
    return snippet.language == "json" and "request" in snippet.title


def _merged(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """An object with another's fields added, inside its objects as well."""
    both = {name for name in body.keys() & more.keys() if isinstance(body[name], dict)}
    return {**body, **more, **{name: _merged(body[name], more[name]) for name in both}}


def _measured(result: Exported, theirs: EngineSetting, model: Model, prompts: Sequence[str] | None) -> Exported:
    """The export with distances where something differs."""
    from thermoscope.engines import distance as measure

    params = sampling_alone(result.params)
    ours = EngineSetting(meaningful(params))
    sample = measure.distributions_of(model, params, prompts=measure.PROMPTS if prompts is None else prompts)
    verdicts = [
        verdict if verdict.exact or verdict.instead is None
        else replace(verdict, distance=measure.distance(ours, verdict.instead, sample))
        for verdict in result.verdicts
    ]  # fmt: skip
    whole = Distance(0.0, 0.0, len(sample.logits)) if result.exact else measure.distance(ours, theirs, sample)
    return replace(result, verdicts=tuple(verdicts), distance=whole, model=model.name)
