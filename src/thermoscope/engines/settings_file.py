"""``read_settings``: a setting from an engine's file, or from what a model recommends."""

from __future__ import annotations

from pathlib import Path

from thermoscope.engines.model_config import fields_of, model_settings
from thermoscope.engines.reading import Imported, read
from thermoscope.errors import InputError
from thermoscope.files.reading import read_text
from thermoscope.models.base import Model


def read_settings(
    path: str | Path | None = None,
    *,
    format: str | None = None,  # noqa: A002  (the name of the command's option)
    model: Model | None = None,
    strict: bool = False,
    ours: bool = False,
    behind: Model | None = None,
) -> Imported:
    """Read a setting from an engine's file, or the one that a model recommends.

    Parameters
    ----------
    path
        A file with JSON, YAML, a Python call ``SamplingParams(...)``, ``vllm serve --override-generation-config``,
        llama.cpp's flags or an Ollama Modelfile, or one of ours: JSON, TOML or YAML; ``-`` is standard input.
    format
        The engine whose format it is; by default told from the form, the file's name and the fields.
    model
        In place of a file: the model whose generation_config.json is read.
    strict
        Refuse what the engine does differently from us, what is not known here, and what is left to a model.
    ours
        Whether a file that says only what we call so is one of ours, to which no engine adds its defaults.
    behind
        The model that the engine serves: what the engine takes of its settings where the file is silent is read too.

    Returns
    -------
    Imported
        The setting, and remarks on what the engine adds, ignores and does differently.

    Raises
    ------
    InputError
        Neither or both of file and model are given, the file can't be read, its format is ambiguous, it has an
        unknown field, the model recommends nothing; or ``strict``, and something is different.
    ParameterError
        A value breaks our rules.
    """
    if (path is None) == (model is None):
        raise InputError("give a file or model=, one of them; got " + ("neither" if path is None else "both"))
    if path is None:
        assert model is not None
        if format is not None or strict:
            raise InputError("format and strict are for files; leave them out")
        if (found := model_settings(model)) is None:
            raise InputError(f"{model.name} has no generation_config.json with sampling parameters; give a file")
        return found
    text = read_text(path, "a setting")
    name = "" if str(path) == "-" else Path(path).name
    said = None if behind is None else fields_of(behind)
    return read(text, format, file_name=name, strict=strict, ours=ours, behind=said)
