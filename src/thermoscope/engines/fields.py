"""The fields of an engine's file: which are known, which say nothing, which values they may have."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from thermoscope.engines.dialect import Dialect
from thermoscope.errors import InputError
from thermoscope.settings.stages import PARAMETERS
from thermoscope.settings.values import typed
from thermoscope.words import nearest, quoted

#: Values with which a field does nothing, beside null, false, 0 and nothing at all.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        ("min-tokens-to-keep", "min_keep", "best_of", "n", "num_beams", "num_beam_groups", "guidance_scale",
         "length_penalty"),
        (1,),
    ),
    "response_format": ({"type": "text"}, "text"),
    "responseMimeType": ("text/plain",),
}  # fmt: skip
#: From this likeness on an unknown field is taken for a slip of the finger.
_NEARLY = 0.79


def known_fields(of: Dialect) -> set[str]:
    """The fields that an engine's files may have."""
    return {*of.names.values(), *of.neutral, *of.aside, *of.extra, *of.masks, *of.bans, *of.deprecated}


def says_nothing(name: str, value: Any) -> bool:
    """Whether a value switches a field off: null, false, 0 and nothing whatever its name, and its own neutral ones."""
    return value in (None, False, "", [], {}) or (value is not True and value in _NEUTRAL.get(name, ()))


def check_names(
    fields: Mapping[str, Any], unknown: Sequence[str], beside: Iterable[str], known: set[str], of: Dialect
) -> None:
    """Raise InputError if no field is the engine's, one is nearly, or one stands where it does nothing."""
    check_spelling(unknown, {*of.names.values(), *of.neutral, *of.extra}, of.name)
    if unknown and not known & fields.keys():
        more = f" and {len(unknown) - 1} more ({', '.join(unknown[1:4])})" if len(unknown) > 1 else ""
        raise InputError(
            f"the {of.name} file has the field {quoted(unknown[0])}{more}, which we don't know"
            f"{nearest(unknown[0][:100], known)}, and no other; take it out"
        )
    stray = next((name for name in beside if name in known - of.aside), None)
    if stray is not None:
        raise InputError(
            f"the {of.name} file has the field {stray!r} beside its settings, where it does nothing; "
            "move it in among them, or take it out"
        )


def check_spelling(unknown: Iterable[str], known: Iterable[str], engine: str) -> None:
    """Raise InputError for an unknown field that is all but a known one: a slip would change the setting."""
    names = list(known)
    for name in unknown:
        if close := difflib.get_close_matches(name[:100], names, n=1, cutoff=_NEARLY):
            raise InputError(f"the {engine} file has the field {quoted(name)}; did you mean {close[0]!r}? fix it")


def check_value(field: str, value: Any, of: Dialect) -> None:
    """Raise InputError if a value is not of the kind that the engine takes there, or asks for what we don't have."""
    if field not in {*of.names.values(), *of.neutral, *of.extra}:
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
        raise InputError(f"{field} must be {rule} in the {of.name} file; got {got}; fix it")
    if field in of.not_ours and value != neutral:
        raise InputError(f"{field}={typed(value)} is none of our stages; take it out")


def is_off(value: Any, field: str, ours: str, of: Dialect) -> bool:
    """Whether a value of our parameter's field switches it off there, or is what ours is without it."""
    if field in of.neutral and value == of.neutral[field]:
        return True
    if ours == "top_k":
        return not isinstance(value, int | float) or value <= 0
    if PARAMETERS[ours].is_list:
        return not value or value == of.no_breakers
    switch_without_inert_value = PARAMETERS[ours].inert is None and PARAMETERS[ours].shapes is None
    return switch_without_inert_value and value in (0, -1)
