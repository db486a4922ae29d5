"""The models that were given at start: loaded when they are first needed, the first one at once in the background."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError, ThermoscopeError
from thermoscope.models.names import parse_name, runs_in_process
from thermoscope.web.schemas import ModelAtHand
from thermoscope.words import nearest, quoted

if TYPE_CHECKING:
    from torch import Tensor

    from thermoscope.models.base import Model
    from thermoscope.models.prefixes import Prefixes
    from thermoscope.sources.base import Source

#: Contexts whose logits are kept: a slider that moves asks for the same one again.
_KEPT = 64
#: Seconds that the first page has before the first model is loaded.
_HEAD_START_S = 2.0
#: Seconds that the end of the server waits for a model that is being loaded.
_LONGEST_LOAD_S = 60.0


class _AtHand:
    """One model, and what is known of it."""

    def __init__(self, name: str, opened: Callable[[], Source], *, endpoint: bool) -> None:
        self.name, self.endpoint = name, endpoint
        self._open = opened
        self._lock = threading.Lock()
        self.loading = False
        self.source: Source | None = None
        self.error: str | None = None

    def get(self) -> Source:
        with self._lock:
            if self.source is None:
                self.loading = True
                try:
                    self.source = self._open()
                except ThermoscopeError as error:
                    self.error = str(error)
                    raise
                finally:
                    self.loading = False
            return self.source


class Models:
    """The models by the names that were given.

    Parameters
    ----------
    names
        At least one, as ``open_source`` takes them.
    base_url
        The address of those that are endpoints.
    how
        What else ``open_source`` is given: ``chat``, ``system``, ``dtype``, ``device``.
    """

    def __init__(self, names: Sequence[str], base_url: str | None = None, how: Mapping[str, Any] | None = None) -> None:
        given = dict(how or {})

        def opened(name: str, *, endpoint: bool) -> Callable[[], Source]:
            def open_it() -> Source:
                from thermoscope.sources.open import open_source

                for_both = {key: given[key] for key in ("chat", "system") if key in given}
                return open_source(name, **(for_both | {"base_url": base_url} if endpoint else given))

            return open_it

        addresses = {name: base_url if "/" in name else None for name in names}
        parsed = {name: parse_name(name, address) for name, address in addresses.items()}
        kinds = {name: p.is_endpoint and not runs_in_process(p, addresses[name]) for name, p in parsed.items()}
        self._models = {name: _AtHand(name, opened(name, endpoint=kinds[name]), endpoint=kinds[name]) for name in names}
        self._logits: OrderedDict[tuple[str, tuple[int, ...]], Tensor] = OrderedDict()
        #: Set once a page is there: until then loading would only keep it waiting.
        self.wanted = threading.Event()
        self._closed = False
        self._loading: threading.Thread | None = None
        self._texts: dict[str, dict[int, str]] = {}
        self._prefixes: dict[str, Prefixes] = {}
        self._lock = threading.Lock()  # of the two above

    def load_first(self) -> None:
        """Load the first model in a thread of its own, once a page has what it begins with, or soon."""
        first = next(iter(self._models.values()))
        first.loading = True

        def load() -> None:
            self.wanted.wait(_HEAD_START_S)
            if self._closed:
                return
            with contextlib.suppress(ThermoscopeError):  # it is told when the model is asked for
                source = first.get()
                if not first.endpoint:
                    self.logits(first.name, [_model(source).encode_prompt("Hello")])

        self._loading = threading.Thread(target=load, name="load", daemon=True)
        self._loading.start()

    def close(self) -> None:
        """Load no more; a model that is being loaded is waited for, since a process that ends meanwhile would crash."""
        self._closed = True
        self.wanted.set()
        if self._loading is not None:
            self._loading.join(_LONGEST_LOAD_S)

    def listed(self) -> list[ModelAtHand]:
        """All of them, with what is known."""
        return [
            ModelAtHand(
                name=one.name,
                endpoint=one.endpoint,
                loading=one.loading,
                ready=one.source is not None,
                chat=one.source is not None and not one.endpoint and _model(one.source).chat,
                error=one.error,
            )
            for one in self._models.values()
        ]

    def source(self, name: str) -> Source:
        """The model of this name, opened; the first one for "".

        Raises
        ------
        InputError
            No model of this name was given at start.
        ThermoscopeError
            It can't be opened.
        """
        if name and name not in self._models:
            known = ", ".join(self._models)
            raise InputError(f"model must be one of {known}; got {quoted(name)}{nearest(name, self._models)}")
        return self._models[name or next(iter(self._models))].get()

    def model(self, name: str) -> Model:
        """A model that runs here, whose distributions can be had; errors as in ``source``, and for endpoints."""
        return _model(self.source(name))

    def texts(self, name: str, tokens: Sequence[int]) -> list[str]:
        """The text of each token alone."""
        model, known = self.model(name), self._texts.setdefault(name, {})
        for token in tokens:
            if token not in known:
                known[token] = model.decode([token])
        return [known[token] for token in tokens]

    def logits(self, name: str, contexts: Sequence[Sequence[int]]) -> list[Tensor]:
        """The model's own logits (V,) after each context (at least one token), those of recent contexts kept."""
        import torch

        from thermoscope.models.prefixes import Prefixes

        model, name = self.model(name), name or next(iter(self._models))
        keys = [(name, tuple(context)) for context in contexts]
        with self._lock, torch.no_grad():
            new = [key for key in dict.fromkeys(keys) if key not in self._logits]
            prefixes = self._prefixes.setdefault(name, Prefixes(model))
            self._logits.update(zip(new, prefixes.logits([context for _, context in new]), strict=True))
            for key in keys:
                self._logits.move_to_end(key)
            found = [self._logits[key] for key in keys]
            while len(self._logits) > _KEPT:
                self._logits.popitem(last=False)
        return found


def _model(source: Source) -> Model:
    from thermoscope.sources.open import model_behind

    return model_behind(source, "this view")
