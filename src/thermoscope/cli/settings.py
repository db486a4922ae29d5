"""The options for sampling parameters, declared once for every command that takes them."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermoscope.errors import InputError
from thermoscope.words import quoted

if TYPE_CHECKING:
    from thermoscope.models.base import Model
    from thermoscope.settings.params import SamplingParams

_ORDER = "Order of the stages: transformers (the default), vllm, llama.cpp, sglang, or a list a,b,c."
_PARAMS = (
    "Settings to start from: model (its generation_config.json), or a .json or .toml file. Options go before them."
)


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options for settings; it gets what was typed as ``asked``, an ``Asked``."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for name, parameter in signature.parameters.items() if name != "asked"]
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None,
            annotation=Annotated[str | None, typer.Option(metavar=metavar, help=text)],
        )
        for name, metavar, text in (*_options(), ("order", "NAMES", _ORDER), ("params", "SOURCE", _PARAMS))
    ]  # fmt: skip
    place = next((i for i, parameter in enumerate(own) if parameter.name == "model"), len(own))
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        words = {parameter.name: given.pop(parameter.name) for parameter in added}
        command(**given, asked=Asked(words))

    run.__signature__ = signature.replace(parameters=[*keywords[:place], *added, *keywords[place:]])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in [*keywords, *added]}
    return run


def _options() -> list[tuple[str, str, str]]:
    """Name, metavar and help of every parameter's option but the temperature's, which each command has its own of.

    Truncation first, from the temperature on; last what looks at tokens by their id.
    """
    from thermoscope.settings.stages import PARAMETERS, STAGE_OF, STAGES

    usual = list(STAGES)

    def rank(name: str) -> tuple[bool, ...]:
        stage = STAGES[STAGE_OF[name]]
        return stage.by_token, not stage.truncates, usual.index(stage.name) < usual.index("temperature")

    names = sorted((name for name in PARAMETERS if name != "temperature"), key=rank)
    return [(p.name, p.metavar, p.help) for p in map(PARAMETERS.__getitem__, names)]


class Asked:
    """What was typed for sampling parameters.

    Parameters
    ----------
    words
        The word of each option, None where none was typed.
    """

    def __init__(self, words: Mapping[str, str | None]) -> None:
        from thermoscope.settings.params import SamplingParams

        self.words = {name: word for name, word in words.items() if word is not None}
        self.source = self.words.pop("params", None)
        self.values = {name: value_of(name, word) for name, word in self.words.items() if name != "order"}
        if "order" in self.words:
            self.values["order"] = _order(self.words["order"])
        self.base: dict[str, Any] = {}
        self.note: str | None = None
        if self.source is not None and self.source != "model":
            self.base = _from_file(Path(self.source))
            SamplingParams(**self.base)  # what is wrong in the file is said of the file

    def settings(self, model: Model | None = None, **more: Any) -> SamplingParams:
        """The setting: the source, then what was typed, then ``more``.

        Raises
        ------
        ParameterError
            A value breaks its rule.
        InputError
            ``--params model`` for a model that has no generation config.
        """
        from thermoscope.settings.params import SamplingParams

        base = self.base
        if self.source == "model" and model is not None:
            from thermoscope.engines.model_config import model_settings

            found = model_settings(model)
            if found is None:
                raise InputError(
                    f"--params model needs a generation_config.json with sampling parameters; {model.name} has none; "
                    "leave it out"
                )
            base = {**found.params.given, "order": found.params.order}
        return SamplingParams(**{**base, **self.values, **{n: v for n, v in more.items() if v is not None}})


def varied_settings(
    temperature: list[str] | None,
    vary: list[str],
    asked: Asked,
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


def value_of(name: str, word: str) -> Any:
    """The value of a parameter as typed, for the parameter's own rule to judge; no word is an empty list.

    Raises
    ------
    InputError
        It is no list, where the parameter is one.
    """
    from thermoscope.settings.values import number_of

    parts = word.split(",") if word else []
    try:
        if name == "dry_breakers":
            return [_token_id(part) for part in parts]
        if name == "logit_bias":
            return [(_token_id(token), _bias(bias)) for token, bias in (part.split(":") for part in parts)]
    except ValueError:
        what, such_as = _LISTS[name]
        raise InputError(
            f"--{name.replace('_', '-')} must be {what}, joined by commas; got {quoted(word)}; write {such_as}"
        ) from None
    return number_of(word)


#: Parameters that are lists: of what, and an example.
_LISTS = {
    "dry_breakers": ("token ids", "198,13"),
    "logit_bias": ("token ids with finite biases", "198:-5,50256:2"),
}


def _token_id(word: str) -> int:
    if not word.strip().isdecimal():
        raise ValueError
    return int(word)


def _bias(word: str) -> float:
    bias = float(word)
    if not math.isfinite(bias):
        raise ValueError
    return bias


def values_of(name: str, words: str) -> list[Any]:
    """The values of a parameter to vary: numbers, lists, ranges and ``off``; orders by name, or as ``a>b>c``."""
    from thermoscope.settings.grid import check_varied

    check_varied(name)
    from thermoscope.cli.values import numbers

    if name == "order":
        return [_order(word.strip().replace(">", ",")) for word in words.split(",")] if words else []
    parts = words.split(",") if words else []
    return [value for part in parts for value in ([None] if part.strip() == "off" else numbers([part], name))]


def _order(word: str) -> object:
    from thermoscope.settings.orders import ORDERS
    from thermoscope.settings.stages import STAGES
    from thermoscope.words import nearest

    stages = [stage.strip() for stage in word.split(",")] if word else []
    if len(stages) != 1 or word in STAGES:
        return stages
    if word not in ORDERS:
        close = nearest(word, [*ORDERS, *STAGES])
        raise InputError(
            f"--order must be {', '.join(ORDERS)} or a list of {', '.join(STAGES)}; got {quoted(word)}{close}"
        )
    return word


def _from_file(path: Path) -> dict[str, Any]:
    """Parameters of a JSON or TOML file, by their own names."""
    import json
    import tomllib

    from thermoscope.settings.params import SamplingParams

    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise InputError(
            f"--params must be model, or a file that can be read; got {str(path)!r} ({error.strerror})"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"--params: {str(path)!r} is no {path.suffix[1:] or 'json'}: {error}; mend it") from None
    if not isinstance(values, dict):
        raise InputError(f"--params: {str(path)!r} must hold parameters by name; write what to_json gives")
    unknown = [name for name in values if name not in SamplingParams.model_fields]
    if unknown and not set(values) & set(SamplingParams.model_fields) - {"temperature", "top_p", "top_k", "min_p"}:
        raise InputError(
            f"--params: {str(path)!r} has {unknown[0]!r}, which is no parameter of ours; if it is another engine's "
            f"file, read it with: thermoscope export --from {path}"
        )
    return values
