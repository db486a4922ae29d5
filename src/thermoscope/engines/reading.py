"""The way back: a setting in another engine's format, read as ours, with what the engine would add by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from thermoscope.engines import own
from thermoscope.engines.dialect import Dialect, Draft, Remark
from thermoscope.engines.fields import check_names, check_spelling, check_value, is_off, known_fields, says_nothing
from thermoscope.engines.formats import Form, take_apart
from thermoscope.engines.opaque import read_opaque
from thermoscope.engines.registry import ENGINES, engine_named
from thermoscope.engines.values import BANNED
from thermoscope.engines.verdict import Verdict, judge
from thermoscope.errors import InputError, ThermoscopeError
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import INERT, SHAPES
from thermoscope.words import joined, nearest, quoted


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
    unknown
        Fields that are not known here, and are not used.
    notes
        What else is to be known, a sentence each: what the file leaves to the model.
    """

    params: SamplingParams
    engine: str
    added: Mapping[str, Any]
    ignored: tuple[Remark, ...]
    different: tuple[Remark, ...]
    aside: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

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
            "unknown": list(self.unknown),
            "notes": list(self.notes),
        }


def read(
    text: str,
    engine: str | None = None,
    *,
    file_name: str = "",
    add_defaults: bool = True,
    strict: bool = False,
    ours: bool = False,
    behind: Mapping[str, Any] | None = None,
) -> Imported:
    """Read a setting in an engine's format.

    Parameters
    ----------
    text
        JSON, YAML, a Python call ``SamplingParams(...)``, flags, a command or an Ollama Modelfile; our own JSON or
        TOML.
    engine
        Whose format it is; by default found from the form, the file's name and the fields.
    file_name
        What the file is called, without its folder: ``generation_config.json`` is transformers'.
    add_defaults
        Whether what the engine does by itself where a field is absent belongs to the setting.
    strict
        Refuse what the engine does otherwise than we do, what is not known here, and what the file leaves to a model.
    ours
        Whether a file is one of ours, to which no engine adds anything, if all that it says of sampling is called as we
        call it and nothing tells one engine.
    behind
        What the settings of the model behind the engine say, by the names of a ``generation_config.json``: what the
        engine takes of it where a field is absent belongs to the setting. None if the model is not known.

    Raises
    ------
    InputError
        The text can't be read, the engine can't be told, no field is known; or ``strict``, and something is different.
    ParameterError
        A value breaks our rules.
    """
    form = take_apart(text, file_name)
    name = engine or form.engine or _by_file_name(file_name) or _told_by(form, file_name, ours=ours)
    if name == own.NAME:
        return _own(form.fields)
    of = engine_named(name)
    form = replace(form, whole=form.whole or file_name in of.file_names)
    imported = _imported(form, of, add_defaults, behind)
    if strict:
        _refuse(imported)
    return imported


def _refuse(imported: Imported) -> None:
    """Raise InputError unless the setting is exactly one of ours."""
    name = imported.engine
    if imported.different:
        first, more = imported.different[0], len(imported.different) - 1
        raise InputError(
            f"the {name} setting is not exactly one of ours: {first.field} is different there ({first.note})"
            + (f", and {more} more" if more else "")
            + "; take it out, or read without --strict"
        )
    if imported.unknown:
        raise InputError(
            f"the {name} setting has {joined(map(quoted, imported.unknown))}, not known here; take it out, or read "
            "without --strict"
        )
    of = ENGINES[name]
    if imported.notes and not (of.inherits and of.defaults):  # its own defaults are what models leave alone
        raise InputError(f"the {name} setting is not whole: {imported.notes[0][:-1]}; or read without --strict")


def _own(fields: Mapping[str, Any]) -> Imported:
    """A setting in our own terms: nothing is added to it, and what is no parameter is set aside."""
    known = {name: value for name, value in fields.items() if name in SamplingParams.model_fields}
    others = [name for name in fields if name not in known]
    aside = tuple(name for name in others if any(name in of.aside for of in ENGINES.values()))
    unknown = tuple(name for name in others if name not in aside)
    check_spelling(unknown, SamplingParams.model_fields, own.NAME)
    return Imported(SamplingParams(**known), own.NAME, {}, (), (), aside, unknown)


def _by_file_name(file_name: str) -> str | None:
    return next((name for name, of in ENGINES.items() if file_name in of.file_names), None)


def _named_in(file_name: str, engines: Sequence[str]) -> str | None:
    """The engine whose name is a word of a file's name, as in ``vllm.json``; None if none or several are."""
    words = re.split(r"[^a-z0-9.]+", file_name.lower().rpartition(".")[0])
    named = [engine for engine in engines if engine.lower() in words]
    return named[0] if len(named) == 1 else None


def _only_engines_say(fields: Mapping[str, Any]) -> bool:
    """Whether a value breaks our rule and is how an engine switches a parameter off, as ``top_k: -1`` is."""
    for name, value in fields.items():
        if any(of.neutral.get(name) == value for of in ENGINES.values()):
            try:
                SamplingParams(**{name: value})
            except ThermoscopeError:
                return name in SamplingParams.model_fields
    return False


def _told_by(form: Form, file_name: str, *, ours: bool) -> str:
    """The one engine that knows the most of the fields, or of several the one that the file is named after.

    Raises
    ------
    InputError
        Several know as many, or none knows one.
    """
    fields = {name: value for name, value in form.fields.items() if value is not None}
    named = _named_in(file_name, list(ENGINES))
    if ours and (not fields or (own.is_ours(fields) and named is None and not _only_engines_say(fields))):
        return own.NAME
    knows = {name: len(fields.keys() & known_fields(of)) for name, of in ENGINES.items()}
    most = max(knows.values())
    if not most and fields:
        first = next(iter(fields))
        close = nearest(
            first[:100], {*SamplingParams.model_fields, *(name for of in ENGINES.values() for name in of.neutral)}
        )
        raise InputError(f"no engine's file has the field {quoted(first)}{close}; check the spelling")
    engines = [name for name, known in knows.items() if known == most]
    if len(engines) == 1:
        return engines[0]
    if named in engines:
        return str(named)
    if form.rather in engines:
        return str(form.rather)
    about = {name for of in ENGINES.values() for name in (*of.names.values(), *of.neutral) if name in fields}
    if ours and about and about <= SamplingParams.model_fields.keys() and not _only_engines_say(fields):
        return own.NAME
    raise InputError(f"the format is ambiguous: {', '.join(engines[:-1])} or {engines[-1]}; add --format {engines[0]}")


def _inherited(of: Dialect, behind: Mapping[str, Any] | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """What an engine takes of its model's settings where the file is silent, by our names; None for off."""
    from thermoscope.engines.transformers import TRANSFORMERS

    known = {ours: behind.get(field) for ours, field in TRANSFORMERS.names.items()} if behind else {}
    taken = {n: v for n, v in known.items() if v is not None and n in of.inherits and of.names[n] not in said}
    off = [n for n, v in taken.items() if v == INERT.get(n) or is_off(v, TRANSFORMERS.names[n], n, TRANSFORMERS)]
    return {**taken, **dict.fromkeys(off)}


def _imported(form: Form, of: Dialect, add_defaults: bool, behind: Mapping[str, Any] | None) -> Imported:
    all_fields, beside = form.fields, form.beside
    known = known_fields(of)
    said = {name: value for name, value in all_fields.items() if value is not None}  # null is as if it were absent
    unknown = tuple(name for name, value in said.items() if name not in known and not says_nothing(name, value))
    check_names(said, unknown, beside, known, of)
    fields = {name: value for name, value in said.items() if name in known}
    for name, value in fields.items():
        check_value(name, value, of)
    back = {theirs: ours for ours, theirs in of.names.items()}
    values = {back[n]: v for n, v in fields.items() if n in back and not is_off(v, n, back[n], of)}
    added = {n: v for n, v in of.defaults.items() if of.names[n] not in fields} if add_defaults else {}
    if not form.whole and behind is not None:
        if "do_sample" in of.neutral and of.inherits:
            fields = {"do_sample": behind.get("do_sample", False), **fields}
        added = {n: v for n, v in (added | _inherited(of, behind, fields)).items() if v is not None}
    draft = Draft(of, fields, {**added, **values}, of.order, added)
    for do in of.finish:
        do(draft)
    for shape, switches in SHAPES.items():
        if draft.values.keys().isdisjoint(switches):
            draft.ignore([shape], f"does nothing without {' or '.join(of.names.get(one, one) for one in switches)}")
    for name in fields.keys() & of.deprecated:
        draft.remark(name, "is deprecated and skipped")
    judged = SamplingParams(**draft.values, order=list(draft.order))
    unlike = [_unlike(verdict, judged) for verdict in judge(judged, of)[0] if not verdict.exact]
    _ban(draft)
    opaque = read_opaque(all_fields, of.opaque, of.inside)
    taken = {of.opaque[name].path.removeprefix(f"{of.inside}.").partition(".")[0] for name in opaque}
    return Imported(
        params=SamplingParams(**draft.values, **opaque, order=list(draft.order)),
        engine=of.name,
        added={name: value for name, value in draft.added.items() if name in draft.values},
        ignored=tuple(sorted(draft.ignored, key=lambda remark: [*fields].index(remark.field))),
        different=(*unlike, *draft.different, *_masks(draft)),
        aside=(*beside, *(name for name in said if name in of.aside and name not in taken)),
        unknown=unknown,
        notes=tuple(_left_to_the_model(draft)) if add_defaults and not form.whole and behind is None else (),
    )


def _ban(draft: Draft) -> None:
    """Tokens that the engine forbids as biases, which leave them no probability."""
    banned = [
        token for name, ids in draft.of.bans.items() if name in draft.fields for token in ids(draft.fields[name]) or ()
    ]
    if not banned:
        return
    given = draft.values.get("logit_bias") or {}
    draft.values["logit_bias"] = {
        **{int(token): bias for token, bias in dict(given).items()},
        **dict.fromkeys(banned, BANNED),
    }
    if "logit_bias" not in draft.order:
        draft.order = ("logit_bias", *draft.order)


def _masks(draft: Draft) -> list[Remark]:
    """The fields that change the next token, or pick among texts, as none of our stages does."""
    return [
        Remark(name, value if isinstance(value, str | int | float) else None, draft.of.masks[name])
        for name, value in draft.fields.items()
        if name in draft.of.masks and not says_nothing(name, value)
        and not (name in draft.of.bans and draft.of.bans[name](value) is not None)
    ]  # fmt: skip


#: What models recommend.
_LEFT = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")


def _left_to_the_model(draft: Draft) -> list[str]:
    """What the file does not say, or not where the engine looks, where the model behind the engine may."""
    of = draft.of
    used = draft.fields.keys() - {remark.field for remark in draft.ignored}
    absent = [of.names[name] for name in _LEFT if name in of.names and of.names[name] not in used]
    if not of.absent or not absent:
        return []
    return [f"{joined(absent)} {'is' if len(absent) == 1 else 'are'} not in the settings: {of.absent}."]


def _unlike(verdict: Verdict, params: SamplingParams) -> Remark:
    """What the engine does otherwise; of an order that is not documented, how we would measure it is not said."""
    if verdict.parameter == "order":
        return Remark("order", None, verdict.note.partition(";")[0])
    return Remark(verdict.parameter, getattr(params, verdict.parameter), verdict.note)
