"""The options for sampling parameters, declared once for every command that takes them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.cli.setting_words import order_of, setting_of, value_of, values_of
from thermoscope.errors import InputError
from thermoscope.files.reading import shown
from thermoscope.words import quoted

if TYPE_CHECKING:
    from thermoscope.engines.reading import Imported
    from thermoscope.models.base import Model
    from thermoscope.settings.params import SamplingParams
    from thermoscope.sources.base import Source

_ORDER = "Order of the stages: transformers (the default), vllm, llama.cpp, sglang, or a list a,b,c."
_PARAMS = (
    "Settings to start from: model (its generation_config.json), or a file as export --from reads it (ENGINE:FILE says "
    "whose it is, - is standard input). Options go before them."
)


_SETTING = (
    "One of several settings that are compared, such as 'ours: temperature=0.7 top_p=0.9'; may be given again, as may "
    "--params: each file is then a setting, called by its name."
)


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options for one setting; it gets what was typed as ``asked``, a ``TypedSettings``."""
    return _with_options(command, several=False)


def takes_several_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that takes several settings by name as well."""
    return _with_options(command, several=True)


def _with_options(command: Callable[..., None], *, several: bool) -> Callable[..., None]:
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for name, parameter in signature.parameters.items() if name != "asked"]
    listed = {"params", "setting"} if several else set()
    offered = [*_options(), ("order", "NAMES", _ORDER), ("params", "SOURCE", _PARAMS)]
    offered += [("setting", "'NAME: ...'", _SETTING)] * several
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None,
            annotation=Annotated[
                list[str] | None if name in listed else str | None, typer.Option(metavar=metavar, help=text)
            ],
        )
        for name, metavar, text in offered
    ]  # fmt: skip
    place = next((i for i, parameter in enumerate(own) if parameter.name == "model"), len(own))
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        words = {parameter.name: given.pop(parameter.name) for parameter in added}
        sources, settings = words.pop("params", None) or [], words.pop("setting", None) or []
        asked = TypedSettings(words, [sources] if isinstance(sources, str) else sources, settings)
        command(**given, asked=asked)

    run.__signature__ = signature.replace(parameters=[*keywords[:place], *added, *keywords[place:]])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in [*keywords, *added]}
    return run


def _options() -> list[tuple[str, str, str]]:
    """Name, metavar and help of every parameter's option but the temperature's, which each command has its own of.

    Truncation first, from the temperature on; then what looks at tokens by their id, last what is no stage.
    """
    from thermoscope.settings.stages import OPAQUE, PARAMETERS, STAGE_OF, STAGES

    usual = list(STAGES)

    def rank(name: str) -> tuple[bool, ...]:
        if name in OPAQUE:
            return (True, True, True)
        stage = STAGES[STAGE_OF[name]]
        return stage.by_token, not stage.truncates, usual.index(stage.name) < usual.index("temperature")

    names = sorted((name for name in PARAMETERS if name != "temperature"), key=rank)
    return [(p.name, p.metavar, p.help) for p in map(PARAMETERS.__getitem__, names)]


class TypedSettings:
    """What was typed for sampling parameters.

    Parameters
    ----------
    words
        The word of each option, None where none was typed.
    sources
        What ``--params`` names.
    settings
        What ``--setting`` says.
    """

    def __init__(
        self, words: Mapping[str, str | None], sources: Sequence[str] = (), settings: Sequence[str] = ()
    ) -> None:
        self.words = {name: word for name, word in words.items() if word is not None}
        self.sources = tuple(sources)
        self.values = {name: value_of(name, word) for name, word in self.words.items() if name != "order"}
        if "order" in self.words:
            self.values["order"] = order_of(self.words["order"])
        self._said: set[str] = set()
        files = [source for source in self.sources if source != "model"]
        self._files = {source: _from_file(source) for source in files}
        for source, imported in self._files.items():
            self._say(source, imported)
        self._settings = tuple(setting_of(word) for word in settings)

    @property
    def source(self) -> str | None:
        """What ``--params`` names: "model" if that is among it."""
        return "model" if "model" in self.sources else next(iter(self.sources), None)

    @property
    def several(self) -> bool:
        """Whether settings are given one by one."""
        return bool(self._settings) or len(self.sources) > 1

    def wants_model(self, source: Source) -> bool:
        """Whether the model of a source says something of a setting: asked to, or as the one behind a file's engine."""
        left = any(imported.notes for imported in self._files.values())
        return self.source == "model" or (left and source.can.logits)

    def _say(self, source: str, imported: Imported) -> None:
        """Say what became of the fields of a source, once."""
        from thermoscope.cli import console

        for note in _notes(source, imported):
            if note not in self._said:
                console.say(note)
                self._said.add(note)

    def settings(self, model: Model | None = None, **more: Any) -> SamplingParams:
        """The setting: the source, then what was typed, then ``more``.

        What a file leaves to the model behind its engine is that of ``model``, if it is given.

        Raises
        ------
        ParameterError
            A value breaks its rule.
        InputError
            ``--params model`` for a model that has no generation config.
        """
        return self._setting(next(iter(self.sources), None), model, **more)

    def one_by_one(self, model: Model | None = None) -> tuple[SamplingParams, ...]:
        """Settings that are given one by one, each by its name; what else was typed holds for all of them.

        Raises
        ------
        InputError
            Two have the same name or do the same; else as ``settings``.
        """
        from thermoscope.settings.grid import settings_given

        files = [self._setting(source, model).named(_stem(source)) for source in self.sources]
        return settings_given([*files, *(_over(setting, self.values) for setting in self._settings)])

    def _setting(self, source: str | None, model: Model | None, **more: Any) -> SamplingParams:
        from thermoscope.settings.params import SamplingParams

        found = self._files.get(source or "")
        if found is not None and found.notes and model is not None and source not in (None, "-"):
            found = _from_file(str(source), model)
            self._say(str(source), found)
        elif source == "model" and model is not None:
            from thermoscope.engines.model_config import model_settings

            found = model_settings(model)
            if found is None:
                raise InputError(
                    f"--params model needs a generation_config.json with sampling parameters; {model.name} has none; "
                    "leave it out"
                )
            self._say(source, found)
        base = {} if found is None else {**found.params.given, "order": found.params.order}
        return SamplingParams(**{**base, **self.values, **{n: v for n, v in more.items() if v is not None}})


def _stem(source: str) -> str:
    """What a setting from a file is called: the file's name without its ending."""
    return Path(source.rpartition(":")[2]).name.removesuffix(Path(source).suffix) or source


def _over(setting: SamplingParams, values: Mapping[str, Any]) -> SamplingParams:
    made = setting.replace(**values)
    return made if setting.name is None else made.named(setting.name)


def typed_settings(
    temperature: list[str] | None,
    vary: list[str],
    asked: TypedSettings,
    model: Model | None = None,
    *,
    usual: Sequence[str],
) -> tuple[SamplingParams, ...]:
    """The settings that were asked for: one by one, or every combination of what varies.

    Raises
    ------
    InputError
        Both are given, or a word breaks its rule.
    """
    from thermoscope.settings.grid import varied

    if not asked.several:
        return varied(*varied_settings(temperature, vary, asked, model, usual=usual))
    for option, given in (("-t", temperature), ("--vary", vary)):
        if given:
            raise InputError(
                f"{option} varies one setting, and several are given by --setting or --params; leave it out"
            )
    return asked.one_by_one(model)


def varied_settings(
    temperature: list[str] | None,
    vary: list[str],
    asked: TypedSettings,
    model: Model | None = None,
    *,
    usual: Sequence[str],
) -> tuple[dict[str, Sequence[Any]], SamplingParams]:
    """What varies, the slowest first, and the other parameters; the ``usual`` temperatures if nothing does."""
    from thermoscope.cli.values import numbers
    from thermoscope.settings.grid import varied

    params = asked.settings(model)
    over: dict[str, Sequence[Any]] = {}
    for words in vary:
        name, sign, values = words.partition("=")
        name = name.strip().replace("-", "_")
        if not sign:
            raise InputError(f"--vary must be NAME=VALUES; got {quoted(words)}; write --vary top_p=0.8,0.9")
        if name in over:
            raise InputError(f"--vary {name} is given twice; write all its values in one: {name}=0.8,0.9")
        if name in asked.words:
            raise InputError(f"--vary {name} and --{name.replace('_', '-')} contradict each other; leave one out")
        over[name] = values_of(name, values)
    if temperature is not None:
        if "temperature" in over:
            raise InputError("-t and --vary temperature contradict each other; leave one out")
        temperatures = numbers(temperature, "temperature")
        if over and len(temperatures) == 1:
            params = params.replace(temperature=temperatures[0])
        else:
            over = {"temperature": temperatures, **over}
    elif not over:
        from_source = asked.source is not None  # which says what the temperature is
        over = {"temperature": [params.temperature] if from_source else numbers(usual, "temperature")}
    varied(over, params)
    return over, params


def _from_file(source: str, behind: Model | None = None) -> Imported:
    """The setting in a file, ours or an engine's that serves a model; ``ENGINE:FILE`` says whose it is."""
    from thermoscope.engines.registry import ENGINES
    from thermoscope.engines.settings_file import read_settings

    engine, sign, path = source.partition(":")
    if sign and engine in ENGINES:
        return read_settings(path, format=engine, behind=behind)
    try:
        return read_settings(source, ours=True, behind=behind)
    except InputError as error:
        before, ambiguous, _ = str(error).partition("; add --format ")
        if not ambiguous:
            raise
        raise InputError(f"{before}; say whose it is, as in --params vllm:{shown(source)}") from None


def _notes(source: str, imported: Imported) -> Iterator[str]:
    """What became of the fields of a file, a sentence each."""
    from thermoscope.engines.own import NAME
    from thermoscope.settings.values import typed
    from thermoscope.words import joined

    file = f"--params {shown(source)}"
    if imported.engine != NAME:
        yield f"{file} is read as a setting of {imported.engine}: {imported.params}"
    if imported.added:
        added = joined(f"{name}={typed(value)}" for name, value in imported.added.items())
        yield f"{file}: {imported.engine} adds {added} by itself"
    for remark in imported.ignored:
        yield f"{file}: {remark.field} is not used: {remark.note}"
    for remark in imported.different:
        yield f"{file}: {remark.field} differs in {imported.engine}: {remark.note}"
    yield from (f"{file}: {note}" for note in imported.notes)
    if dropped := [*imported.unknown, *imported.aside]:
        known = "" if not imported.unknown else f" ({joined(imported.unknown)} not known here)"
        yield f"{file}: not about sampling, left out: {', '.join(dropped)}{known}"
