"""The forms in which engines keep settings (JSON, YAML, calls, commands, a Modelfile), taken apart into fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from thermoscope.engines import own, sillytavern
from thermoscope.engines.registry import ENGINES
from thermoscope.errors import InputError
from thermoscope.files.parsing import MOST_YAML, json_value, toml_value, yaml_value

#: Characters of a Python call or of commands: what is longer is something else.
_MOST_CODE = 100_000
#: The engine whose presets are YAML.
_YAML = "text-generation-webui"
_YAML_LINE = re.compile(r"(?:\s*(?:#[^\n]*)?\n|---[^\n]*\n)*[\"']?[A-Za-z_][\w-]*[\"']?:(?:[ \t]|\r?\n|\Z)")


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
    rather
        The engine that it is most likely of, where the fields don't tell.
    whole
        Whether what is absent is the engine's own default, whatever model is behind it.
    """

    fields: dict[str, Any]
    engine: str | None = None
    beside: tuple[str, ...] = ()
    rather: str | None = None
    whole: bool = False


def take_apart(text: str, file_name: str = "") -> Form:
    """Take a text apart.

    Parameters
    ----------
    text
        The text.
    file_name
        What its file is called: .toml and .yaml say what it is.

    Raises
    ------
    InputError
        It has none of the forms, or breaks the rules of its form.
    """
    text = text.rstrip()
    stripped = text.strip().removeprefix("\ufeff").lstrip()
    where = file_name or "the settings"
    suffix = file_name.lower().rpartition(".")[2]
    if stripped.startswith("{"):
        return _of_object(json_value(stripped, where))
    if suffix == "toml":
        if len(text) > MOST_YAML:
            raise InputError(f"{where}: TOML may have {MOST_YAML:,} characters; this has more; write it as JSON")
        return _of_object(toml_value(text, where))
    if suffix in ("yaml", "yml"):
        return _of_yaml(text, where)
    if suffix == "json" and not stripped.startswith("["):
        json_value(stripped, where)  # says what is wrong with it
    forms = [(of.form, name) for name, of in ENGINES.items() if of.form is not None]
    for form, engine in sorted(forms, key=lambda pair: pair[0].loose):
        if form.loose and _YAML_LINE.match(stripped):
            return _of_yaml(text, where)
        if not form.looks_so(stripped[:_MOST_CODE]):
            continue
        if len(stripped) > _MOST_CODE:
            raise InputError(f"{where}: {form.title} may have {_MOST_CODE:,} characters; this has more; shorten it")
        return Form(form.fields(text.strip() if form.loose else text), engine, whole=form.whole(text))
    got = repr(stripped[:30]) if stripped else "an empty file"
    known = ["YAML", *(form.title for form, _ in forms)]
    raise InputError(f"settings must be a JSON object, {', '.join(known[:-1])} or {known[-1]}; got {got}")


def _of_yaml(text: str, where: str) -> Form:
    form = _of_object(yaml_value(text, where), where)
    return form if form.engine else Form(form.fields, None, form.beside, _YAML)


def _of_object(data: Any, where: str = "the settings") -> Form:
    """An object taken apart: our own record, settings within a larger object, or the settings themselves."""
    if not isinstance(data, dict):
        raise InputError(f"{where}: must hold fields by name; got {type(data).__name__}; write temperature: 0.7")
    data = {str(name): value for name, value in data.items()}
    if (record := own.record_in(data)) is not None:
        return Form(record, own.NAME)
    if sillytavern.looks_so(data):
        return Form(sillytavern.fields(data), _YAML)
    for name, of in ENGINES.items():
        if of.inside and isinstance(data.get(of.inside), dict):
            return Form(data[of.inside], name, tuple(field for field in data if field != of.inside))
    return Form(data, rather=_served_model(data))


def _served_model(data: dict[str, Any]) -> str | None:
    """The engine vLLM for a request to a model with a name of the hub, as vLLM calls the models that it serves."""
    model = data.get("model")
    hub = isinstance(model, str) and re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", model) and not model.endswith(".gguf")
    hosted = isinstance(model, str) and model.split("/")[0] in ("openai", "anthropic", "google", "x-ai", "ollama")
    return "vllm" if hub and not hosted else None
