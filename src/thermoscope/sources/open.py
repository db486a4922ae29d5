"""A source of texts from what a user says: a model, its name, an address, how prompts are given, and options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from thermoscope.errors import InputError
from thermoscope.models.base import Model
from thermoscope.models.names import ModelName, not_here, parse_name, runs_in_process
from thermoscope.sources.base import Source
from thermoscope.sources.cache import default_path
from thermoscope.sources.client import Limits
from thermoscope.sources.cluster import Cluster, cluster_of
from thermoscope.sources.endpoint import Endpoint, Prices
from thermoscope.sources.vllm_arguments import check_in_vllm
from thermoscope.words import nearest


def _whole_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1000


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


#: Options of an endpoint (``-M NAME=VALUE``): what each takes, in words, and the test of a value.
OPTIONS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "at_once": ("requests at a time, a whole number from 1 to 1000", _whole_number),
    "timeout_s": ("seconds that one answer may take, above 0", _positive),
    "cache": ("true or false: whether answers are kept and used again", _flag),
    "logprobs": ("true or false: whether log-probabilities are asked for", _flag),
    "prompt_price": ("the price of a million tokens of prompts, above 0", _positive),
    "completion_price": ("the price of a million tokens of texts, above 0", _positive),
}


def open_source(
    name: str | Path | None,
    *,
    base_url: str | None = None,
    revision: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    chat: bool | None = None,
    system: str | None = None,
    chat_options: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Source:
    """A model that runs here, loaded, or an endpoint, by name.

    Parameters
    ----------
    name
        As ``load_model`` takes it, or ``provider/model`` of an endpoint. ``vllm/NAME`` runs in this process where vLLM
        is installed and no address is given.
    base_url
        The address of an endpoint.
    options
        Of an endpoint, as in ``open_endpoint``; of vLLM in this process its engine's arguments.
    revision, device, dtype
        Of a model that runs here, as in ``load_model``; vLLM chooses its device itself.
    chat, system, chat_options
        How prompts are given, for both.

    Raises
    ------
    InputError
        A value breaks its rule, or is for the other kind of source.
    ModelError
        The model can't be loaded.
    EndpointError
        The endpoint was not named, and does not say which models it has.
    """
    parsed = parse_name(name, base_url)
    how: dict[str, Any] = {"chat": chat, "system": system, "chat_options": chat_options}
    here: dict[str, Any] = {"revision": revision, "device": device, "dtype": dtype}
    in_process = runs_in_process(parsed, base_url)
    if parsed.is_endpoint and not in_process:
        for option, value in here.items():
            if value is not None:
                raise not_here(option, parsed.given)
        return open_endpoint(parsed, options=options, **how)
    if in_process:
        check_in_vllm(parsed, device, options or {})
        from thermoscope.sources.vllm_source import open_vllm

        return open_vllm(parsed, revision=revision, dtype=dtype, **how, **(options or {}))
    if options:
        raise InputError(f"{next(iter(options))} is an option of endpoints; {parsed.given} runs here; leave it out")
    from thermoscope.models.load import load_model
    from thermoscope.sources.local import LocalSource

    return LocalSource(load_model(name, **here, **how))


def source_of(given: Model | Source | str | Path, **how: Any) -> Source:
    """The source that a model, an endpoint or a name is; ``how`` a name is opened, as in ``open_source``.

    Raises
    ------
    InputError
        It is none of these.
    """
    from thermoscope.sources.endpoint import Endpoint
    from thermoscope.sources.local import LocalSource, ModelSource
    from thermoscope.sources.spread import Spread

    if isinstance(given, str | Path):
        return open_source(given, **how)
    return given if isinstance(given, Endpoint | ModelSource | Spread) else LocalSource(given)  # type: ignore[arg-type]


@contextmanager
def source_on(
    given: Model | Source | str | Path | AbstractContextManager[Source] | None,
    executor: Cluster | str | None,
    **how: Any,
) -> Iterator[Source]:
    """The source that ``given`` is, in this process or held by workers of a cluster, which stop at the end.

    Parameters
    ----------
    given
        A model, a source, a context manager that gives one, or a name as ``open_source`` takes it; a name where there
        is a cluster.
    executor
        A ``Cluster``, or its address; None is this process.
    **how
        How a name is opened, as in ``open_source``.

    Raises
    ------
    InputError
        A value breaks its rule, or something else than a name is given with a cluster.
    """
    cluster = cluster_of(executor)
    if cluster is None:
        if given is None or isinstance(given, str | Path):
            yield open_source(given, **how)
        elif isinstance(given, AbstractContextManager) and not hasattr(given, "name"):  # no model and no source
            with given as source:
                yield source
        else:
            yield source_of(given)  # type: ignore[arg-type]
        return
    if given is not None and not isinstance(given, str | Path):
        raise InputError(
            f"with an executor the model must be given by name, as every worker opens it; got {type(given).__name__}; "
            "give its name or path"
        )
    from thermoscope.sources.on_ray import spread_on

    with spread_on(cluster, partial(open_source, given, **how)) as source:
        yield source


def ask_model(source: Source, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of (model, *arguments) gives where the model is; ``what`` needs it.

    Raises
    ------
    InputError
        The source is an endpoint.
    """
    from thermoscope.sources.spread import Spread

    if isinstance(source, Spread):
        return source.ask(ask_model, what, function, *arguments)
    return function(model_behind(source, what), *arguments)


def model_behind(source: Source, what: str) -> Model:
    """The model of a source that runs here; ``what`` needs it.

    Raises
    ------
    InputError
        The source is an endpoint, or an engine that keeps the logits to itself.
    """
    from thermoscope.sources.local import LocalSource, ModelSource

    if not isinstance(source, LocalSource):
        raise not_here(what, source.name, in_vllm=isinstance(source, ModelSource))
    return source.model


def open_endpoint(
    name: ModelName,
    *,
    chat: bool | None = None,
    system: str | None = None,
    chat_options: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Endpoint:
    """The endpoint that a name stands for.

    Parameters
    ----------
    name
        From ``parse_name``; its ``is_endpoint`` is true.
    chat
        True: the chat route; False: the completion route; None: the provider's first.
    system
        A system message, on the chat route.
    chat_options
        Sent as ``chat_template_kwargs``.
    options
        Of ``OPTIONS``.

    Raises
    ------
    InputError
        An option is unknown or breaks its rule, or the provider has no such route.
    """
    given = dict(options or {})
    for key, value in given.items():
        if key not in OPTIONS:
            known = ", ".join(OPTIONS)
            raise InputError(f"-M {key} is unknown for an endpoint{nearest(key, OPTIONS)}; known are {known}")
        what, fits = OPTIONS[key]
        if not fits(value):
            raise InputError(f"-M {key} must be {what}; got {value!r}")
    prices = None
    if "prompt_price" in given or "completion_price" in given:
        prices = Prices(float(given.get("prompt_price", 0)), float(given.get("completion_price", 0)))
    usual = Limits()
    return Endpoint(
        name.provider,
        name.model,
        base_url=name.base_url,
        route=None if chat is None else "chat" if chat else "completions",
        system=system,
        limits=Limits(given.get("at_once", usual.at_once), float(given.get("timeout_s", usual.timeout_s))),
        cache=default_path() if given.get("cache", True) else None,
        prices=prices,
        extra={"chat_template_kwargs": dict(chat_options)} if chat_options else None,
        logprobs=given.get("logprobs", True),
    )
