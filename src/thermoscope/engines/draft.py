"""What becomes of a file's values with the engine that reads them: added, ignored, done otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError

if TYPE_CHECKING:
    from thermoscope.engines.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of one field of a file: its name, its value (None if it is absent), and what about it."""

    field: str
    value: Any
    note: str


@dataclass
class Draft:
    """A setting while it is read: what the file says, and what becomes of it with the engine."""

    of: Dialect
    fields: Mapping[str, Any]
    values: dict[str, Any]
    order: tuple[str, ...]
    added: dict[str, Any]
    ignored: list[Remark] = field(default_factory=list)
    different: list[Remark] = field(default_factory=list)

    def ignore(self, names: Iterable[str], why: str) -> None:
        """Drop parameters that the engine does not heed; those that are in the file are remarked on."""
        for name in names:
            if name in self.values:
                del self.values[name]
                self.remark(self.of.names[name], why)

    def remark(self, name: str, why: str) -> None:
        """Remark on a field that is in the file and has no effect."""
        if name in self.fields:
            self.ignored.append(Remark(name, self.fields[name], why))

    def be_greedy(self) -> None:
        """Decode greedily, by ``do_sample`` or because it is absent."""
        self.values["temperature"] = 0
        if "do_sample" not in self.fields:
            self.added["temperature"] = 0

    def switch_on_mirostat(self) -> None:
        """Mirostat is on: its neutral value is what it takes by itself."""
        usual = self.of.neutral["mirostat_tau"]
        self.values["mirostat_tau"] = self.fields.get("mirostat_tau", usual)
        if "mirostat_tau" not in self.fields:
            self.added["mirostat_tau"] = usual

    def refuse_breakers(self) -> None:
        """DRY's breakers are texts there, tokens here: none at all is what we can read."""
        name = self.of.names["dry_breakers"]
        if "dry_multiplier" not in self.values:
            return
        if "dry_breakers" in self.values:
            raise InputError(f"{name} are texts, ours are tokens; write them as dry_breakers by hand")
        if name not in self.fields:
            note = "newline, colon, double quote and asterisk unless it says otherwise, none here"
            self.different.append(Remark(name, None, note))
