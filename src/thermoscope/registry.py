"""Open registries: built-in entries by name, and those of installed packages, which register them as entry points."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from thermoscope.errors import InputError, PluginWarning

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Named(Protocol):
    """What a registry holds."""

    @property
    def name(self) -> str:
        """The name that it is found by."""


E = TypeVar("E", bound=Named)


class Registry(Mapping[str, E], Generic[E]):
    """Entries by name, loaded on first use: the built-in ones, then those of installed packages.

    Parameters
    ----------
    kind
        The class of the entries.
    noun
        What one is called in messages; packages use the entry point group ``thermoscope.{noun}s``.
    built_in
        Modules whose ``ENTRIES`` are the built-in ones, in the order in which they are listed.
    """

    def __init__(self, kind: type[E], noun: str, built_in: Sequence[str]) -> None:
        self.kind, self.noun, self.group = kind, noun, f"thermoscope.{noun}s"
        self._modules = built_in
        self._entries: dict[str, E] = {}
        self._owners: dict[str, str] = {}
        self._has_built_in = self._has_plugins = False
        self._lock = RLock()

    def register(self, entry: E, owner: str = "a call in this program") -> E:
        """Add an entry; it can be used from now on.

        Parameters
        ----------
        entry
            The entry.
        owner
            Who registers it, for the message when two want the same name.

        Raises
        ------
        InputError
            The name is taken, or the entry is not of the registry's kind.
        """
        with self._lock:
            self._load_built_in()
            self._add(entry, owner)
        return entry

    def unregister(self, name: str) -> None:
        """Remove an entry, such as one that a notebook is about to define again.

        Raises
        ------
        InputError
            There is none of this name.
        """
        if name not in self:
            raise InputError(f"there is no {self.noun} {name!r} to remove; the names are {', '.join(self)}")
        del self._entries[name], self._owners[name]

    def where(self, holds: Callable[[E], bool]) -> Mapping[str, E]:
        """The entries for which something holds, as a view that keeps up with the registry."""
        return _View(self, holds)

    def __getitem__(self, name: str) -> E:
        self._load()
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        self._load()
        return len(self._entries)

    def _add(self, entry: E, owner: str) -> None:
        if not isinstance(entry, self.kind):
            raise InputError(
                f"a {self.noun} must be a thermoscope.{self.kind.__name__}; got {type(entry).__name__} from {owner}"
            )
        if entry.name in self._owners:
            raise InputError(
                f"the {self.noun} {entry.name!r} of {owner} has the name of one of {self._owners[entry.name]}; "
                "rename one, or uninstall its package"
            )
        self._entries[entry.name] = entry
        self._owners[entry.name] = owner

    def _load_built_in(self) -> None:
        if self._has_built_in:
            return
        self._has_built_in = True
        for module in self._modules:
            for entry in importlib.import_module(module).ENTRIES:
                self._add(entry, "thermoscope")

    def _load(self) -> None:
        if self._has_plugins:
            return
        from importlib.metadata import entry_points

        with self._lock:
            if self._has_plugins:
                return
            self._load_built_in()
            self._has_plugins = True  # a plugin may look into the registry while it is loaded
            before = dict(self._entries), dict(self._owners)
            try:
                for point in sorted(entry_points(group=self.group), key=lambda p: (_package(p), p.name)):
                    self._load_plugin(point)
            except InputError:  # said again on the next use: nothing works until one of the two is renamed
                self._entries, self._owners = before
                self._has_plugins = False
                raise

    def _load_plugin(self, point: EntryPoint) -> None:
        owner = f"the package {_package(point)}"
        try:
            found = point.load()
            entries = found if isinstance(found, tuple | list) else (found,)
            wrong = next((entry for entry in entries if not isinstance(entry, self.kind)), None)
            if wrong is not None:
                raise TypeError(f"{point.value} is a {type(wrong).__name__}, not a thermoscope.{self.kind.__name__}")
        except Exception as error:  # whatever another package's code raises
            why = " ".join(f"{type(error).__name__}: {error}".split())
            warnings.warn(
                f"{owner} registers the {self.noun} {point.name!r}, which can't be loaded ({why}); it is left out",
                PluginWarning,
                stacklevel=2,
            )
            return
        for entry in entries:
            self._add(entry, owner)


class _View(Mapping[str, E], Generic[E]):
    def __init__(self, registry: Registry[E], holds: Callable[[E], bool]) -> None:
        self._registry, self._holds = registry, holds

    def __getitem__(self, name: str) -> E:
        entry = self._registry[name]
        if not self._holds(entry):
            raise KeyError(name)
        return entry

    def __iter__(self) -> Iterator[str]:
        return (name for name, entry in self._registry.items() if self._holds(entry))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
