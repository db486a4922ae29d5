"""The way back: a setting in another engine's format, read as ours, with what the engine would add by itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from thermoscope.engines.dialect import Dialect, Draft, Remark
from thermoscope.engines.formats import take_apart
from thermoscope.engines.registry import ENGINES, engine_named
from thermoscope.engines.verdict import Verdict, judge
from thermoscope.errors import InputError
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import PARAMETERS, SHAPES
from thermoscope.settings.values import typed
from thermoscope.words import nearest


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
    ignored
        Fields about sampling that the engine does not heed beside the others, and why.
    different
        What the engine does otherwise than we do with these parameters.
    aside
        Fields that say nothing about sampling.
    """

    params: SamplingParams
    engine: str
    added: Mapping[str, Any]
    ignored: tuple[Remark, ...]
    different: tuple[Remark, ...]
    aside: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        return {
            "format": "thermoscope.import/1",
            "params": self.params.to_record(),
            "engine": self.engine,
            "added": dict(self.added),
            "ignored": [asdict(remark) for remark in self.ignored],
            "different": [asdict(remark) for remark in self.different],
            "aside": list(self.aside),
        }


def read(
    text: str,
    engine: str | None = None,
    *,
    file_name: str = "",
    add_defaults: bool = True,
    strict: bool = False,
) -> Imported:
    """Read a setting in an engine's format.

    Parameters
    ----------
    text
        JSON, a Python call ``SamplingParams(...)``, llama.cpp's flags or an Ollama Modelfile.
    engine
        Whose format it is; by default found from the form, the file's name and the fields.
    file_name
        What the file is called, without its folder: ``generation_config.json`` is transformers'.
    add_defaults
        Whether what the engine does by itself where a field is absent belongs to the setting.
    strict
        Refuse what the engine does otherwise than we do.

    Raises
    ------
    InputError
        The text can't be read, the engine can't be told, a field is not known; or ``strict``, and something is
        different.
    ParameterError
        A value breaks our rules.
    """
    form = take_apart(text)
    name = engine or form.engine or _by_file_name(file_name) or _told_by(form.fields)
    imported = _imported(form.fields, form.beside, engine_named(name), add_defaults)
    if strict and imported.different:
        first, more = imported.different[0], len(imported.different) - 1
        raise InputError(
            f"the {name} setting is not exactly one of ours: {first.field} is different there ({first.note})"
            + (f", and {more} more" if more else "")
            + "; take it out, or read without --strict"
        )
    return imported


def _by_file_name(file_name: str) -> str | None:
    return next((name for name, of in ENGINES.items() if file_name in of.file_names), None)


def _told_by(fields: Mapping[str, Any]) -> str:
    """The one engine that knows the most of the fields.

    Raises
    ------
    InputError
        Several know as many, or none knows one.
    """
    knows = {name: sum(field in _known(of) for field in fields) for name, of in ENGINES.items()}
    most = max(knows.values())
    engines = [name for name, known in knows.items() if known == most] if most else list(ENGINES)
    if len(engines) == 1:
        return engines[0]
    raise InputError(f"the format is ambiguous: {', '.join(engines[:-1])} or {engines[-1]}; add --format {engines[0]}")


def _known(of: Dialect) -> set[str]:
    """The fields that an engine's files may have."""
    return {*of.names.values(), *of.neutral, *of.aside, *of.extra}


def _imported(all_fields: Mapping[str, Any], beside: tuple[str, ...], of: Dialect, add_defaults: bool) -> Imported:
    known = _known(of)
    _check_names(all_fields, beside, known, of)
    fields = {name: value for name, value in all_fields.items() if value is not None}  # null is as if it were absent
    for name, value in fields.items():
        _check_value(name, value, of)
    back = {theirs: ours for ours, theirs in of.names.items()}
    said = {back[n]: v for n, v in fields.items() if n in back and not _off(v, n, back[n], of)}
    added = {n: v for n, v in of.defaults.items() if of.names[n] not in fields} if add_defaults else {}
    draft = Draft(of, fields, {**added, **said}, of.order, added)
    for do in of.heeds:
        do(draft)
    for shape, switch in SHAPES.items():
        if switch not in draft.values:
            draft.ignore([shape], f"does nothing without {of.names.get(switch, switch)}")
    params = SamplingParams(**draft.values, order=list(draft.order))
    unlike = [_unlike(verdict, params) for verdict in judge(params, of)[0] if not verdict.exact]
    return Imported(
        params=params,
        engine=of.name,
        added={name: value for name, value in draft.added.items() if name in draft.values},
        ignored=tuple(sorted(draft.ignored, key=lambda remark: [*fields].index(remark.field))),
        different=(*unlike, *draft.different),
        aside=(*beside, *(name for name in all_fields if name in of.aside)),
    )


def _unlike(verdict: Verdict, params: SamplingParams) -> Remark:
    """What the engine does otherwise; of an order that is not documented, how we would measure it is not said."""
    if verdict.parameter == "order":
        return Remark("order", None, verdict.note.partition(";")[0])
    return Remark(verdict.parameter, getattr(params, verdict.parameter), verdict.note)


def _check_names(fields: Mapping[str, Any], beside: Iterable[str], known: set[str], of: Dialect) -> None:
    """Raise InputError if a field is not one of the engine's, or stands where it does nothing."""
    unknown = [name for name in fields if name not in known]
    if unknown:
        more = f" and {len(unknown) - 1} more ({', '.join(unknown[1:4])})" if len(unknown) > 1 else ""
        close = nearest(unknown[0], known)
        raise InputError(
            f"the {of.name} file has the field {unknown[0]!r}{more}, which we don't know{close}; take it out"
        )
    stray = next((name for name in beside if name in known - of.aside), None)
    if stray is not None:
        raise InputError(
            f"the {of.name} file has the field {stray!r} beside its settings, where it does nothing; "
            "move it in among them, or take it out"
        )


def _check_value(field: str, value: Any, of: Dialect) -> None:
    """Raise InputError if a value is not of the kind that the engine takes there, or asks for what we don't have."""
    if field in of.aside:
        return
    neutral = of.neutral.get(field)
    if field in of.kinds:
        rule, fits = of.kinds[field]
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
    if field in of.not_ours and value != neutral:
        raise InputError(f"{field}={typed(value)} is none of our stages; take it out")


def _off(value: Any, field: str, ours: str, of: Dialect) -> bool:
    """Whether a value of our parameter's field switches it off there, or is what ours is without it."""
    if field in of.neutral and value == of.neutral[field]:
        return True
    if ours == "top_k":
        return not isinstance(value, int | float) or value <= 0
    if PARAMETERS[ours].is_list:
        return not value or value == of.no_breakers
    switch_without_inert_value = PARAMETERS[ours].inert is None and PARAMETERS[ours].shapes is None
    return switch_without_inert_value and value in (0, -1)
