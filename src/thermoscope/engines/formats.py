"""The forms in which engines keep settings (JSON, a Python call, flags, a Modelfile), taken apart into fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from thermoscope.engines.registry import ENGINES
from thermoscope.engines.values import once
from thermoscope.errors import InputError


@dataclass(frozen=True, slots=True)
class Form:
    """A text taken apart.

    Attributes
    ----------
    fields
        The settings by the engine's own names.
    engine
        The engine whose form it is; None if several use it.
    beside
        Fields that stand beside the settings, where these are one field of a larger object.
    """

    fields: dict[str, Any]
    engine: str | None = None
    beside: tuple[str, ...] = ()


def take_apart(text: str) -> Form:
    """Take a text apart.

    Raises
    ------
    InputError
        It has none of the forms, or breaks the rules of its form.
    """
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            data = json.loads(stripped, object_pairs_hook=once)
        except InputError:
            raise
        except (ValueError, RecursionError) as error:
            raise InputError(f"the settings must be JSON: {error}; mend the file") from None
        for name, of in ENGINES.items():
            if of.inside and isinstance(data.get(of.inside), dict):
                return Form(data[of.inside], name, tuple(field for field in data if field != of.inside))
        return Form(data)
    forms = [(of.form, name) for name, of in ENGINES.items() if of.form is not None]
    for form, engine in sorted(forms, key=lambda pair: pair[0].loose):
        if form.looks_so(text):
            return Form(form.fields(text.strip() if form.loose else text), engine)
    got = repr(stripped[:30]) if stripped else "an empty file"
    known = [form.title for form, _ in forms]
    raise InputError(f"settings must be a JSON object, {', '.join(known[:-1])} or {known[-1]}; got {got}")
