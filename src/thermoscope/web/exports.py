"""A setting in other words: for every engine, as a command, as Python."""

from __future__ import annotations

from thermoscope.engines.export import export as export_one
from thermoscope.engines.registry import ENGINES
from thermoscope.errors import ThermoscopeError
from thermoscope.ran.provenance import option_words, with_prompt
from thermoscope.settings.params import SamplingParams
from thermoscope.web.schemas import EngineExport, ExportAnswer, ExportRequest, SnippetInfo
from thermoscope.web.settings import setting_of


def export(asked: ExportRequest) -> ExportAnswer:
    """A setting for every engine that can say it, and why one can't."""
    setting = setting_of(asked.settings)
    return ExportAnswer(
        engines=[_for_engine(setting, engine) for engine in ENGINES],
        command=_command(asked, setting),
        python=_python(asked, setting),
    )


def _for_engine(setting: SamplingParams, engine: str) -> EngineExport:
    try:
        made = export_one(setting, engine)
    except ThermoscopeError as error:
        return EngineExport(engine=engine, version="", exact=False, snippets=[], verdicts=[], error=str(error))
    return EngineExport(
        engine=engine,
        version=made.version,
        exact=made.exact,
        snippets=[SnippetInfo(title=s.title, language=s.language, text=s.text) for s in made.snippets],
        verdicts=made.to_dict()["verdicts"],
    )


def _command(asked: ExportRequest, setting: SamplingParams) -> str:
    """The command that compares this setting's text."""
    words = ["thermoscope", "compare", *option_words(setting, leave_out=())]
    if "temperature" not in setting.given:
        words += ["--temperature", "1.0"]
    return with_prompt([*words, *(["--model", asked.model] if asked.model else [])], asked.prompt or "PROMPT")


def _python(asked: ExportRequest, setting: SamplingParams) -> str:
    """The same in Python."""
    values = ", ".join(f"{name}={value!r}" for name, value in setting.given.items())
    if setting.order != SamplingParams().order:
        values += f"{', ' if values else ''}order={setting.order!r}"
    name = repr(asked.model) if asked.model else ""
    return (
        "import thermoscope\n\n"
        f"model = thermoscope.load_model({name})\n"
        f"setting = thermoscope.SamplingParams({values})\n"
        f"for sample in thermoscope.generate(model, {asked.prompt or 'PROMPT'!r}, setting):\n"
        "    print(sample.text)\n"
    )
