"""What is known of an engine: its names, its order, what it lacks, its edges and its defaults."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from thermoscope.engines.opaque import Opaque
from thermoscope.errors import InputError
from thermoscope.settings.commuting import commute
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import INERT, SHAPES

Kind = Literal["exact", "exact with an explicit order", "different", "not there"]


@dataclass(frozen=True, slots=True)
class Snippet:
    """Something to paste: what it is, in which language, and the text."""

    title: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class TextForm:
    """A form of text, other than JSON, that an engine keeps settings in.

    Attributes
    ----------
    title
        What it is called in messages.
    looks_so
        Whether a text looks like it.
    fields
        The text taken apart, by the engine's own names; InputError where it breaks the rules of the form.
    loose
        Whether many texts look like it, so that all other forms are tried first.
    whole
        Whether what such a text leaves out is the engine's own default, whatever model is behind it.
    """

    title: str
    looks_so: Callable[[str], bool]
    fields: Callable[[str], dict[str, Any]]
    loose: bool = False
    whole: Callable[[str], bool] = lambda _: False


@dataclass(frozen=True)
class Dialect:
    """An engine's way to say and to run a setting.

    Attributes
    ----------
    name, version, source
        The engine, the release that was read, and where.
    order
        The stages that it has, in the order in which it runs them unless told otherwise.
    names
        Our parameter -> its field there, for those that it has.
    neutral
        Field -> the value that switches it off; every one is written out.
    defaults
        What it does where a field is absent, in our parameters.
    ranges
        Our parameter -> least and largest value that it takes.
    explicit_order
        Whether the order can be sent with the setting.
    sent
        The order that runs of a setting whose order is sent; None where that is ``order``.
    repetition_counts_prompt, penalties_count_prompt
        Whose tokens its penalties count (ours: repetition counts the prompt, presence and frequency don't).
    order_known
        Whether the order of temperature and truncations is documented at all.
    aside
        Other fields of its files, which say nothing about sampling.
    write
        The setting, its fields with the neutral ones, to snippets.
    edges
        Our parameter -> what differs there although it has it, if anything does for these settings.
    extra
        Fields that are read, but are neither a parameter's nor have a neutral value of their own.
    kinds
        Field -> what its value must be, in words, and the test; for those whose neutral value doesn't tell.
    not_ours
        Fields with which it does what none of our stages does, unless they have their neutral value.
    no_breakers
        The list that stands for no sequence breaker of DRY, where an empty one is refused.
    finish
        What it does with the values of a file, step by step: each changes the draft.
    inside
        The field of a larger JSON object that holds its settings, if its files have one.
    file_names
        Names that only its files have.
    masks
        Field -> what it does to the next token or to the choice among texts; none of our stages.
    bans
        Field -> the token ids that it forbids, or None where it forbids more than single tokens.
    deprecated
        Fields that it skips.
    absent
        Who says what is not in the file, if it is not the engine alone; "" if it is.
    inherits
        Our parameters that the settings of the model behind the engine give where the file is silent.
    form
        The form of its settings besides JSON.
    opaque
        Our opaque parameters, for those that it has.
    """

    name: str
    version: str
    source: str
    order: tuple[str, ...]
    names: Mapping[str, str]
    neutral: Mapping[str, Any]
    write: Callable[[SamplingParams, dict[str, Any]], list[Snippet]]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    explicit_order: bool = False
    sent: Callable[[SamplingParams], tuple[str, ...]] | None = None
    order_known: bool = True
    repetition_counts_prompt: bool = True
    penalties_count_prompt: bool = False
    aside: frozenset[str] = frozenset()
    edges: Callable[[SamplingParams], dict[str, str]] = lambda _: {}
    extra: tuple[str, ...] = ()
    kinds: Mapping[str, tuple[str, Callable[[Any], bool]]] = field(default_factory=dict)
    not_ours: tuple[str, ...] = ()
    no_breakers: Sequence[str] = ()
    finish: tuple[Callable[[Draft], None], ...] = ()
    inside: str = ""
    file_names: tuple[str, ...] = ()
    masks: Mapping[str, str] = field(default_factory=dict)
    bans: Mapping[str, Callable[[Any], list[int] | None]] = field(default_factory=dict)
    deprecated: frozenset[str] = frozenset()
    absent: str = ""
    inherits: frozenset[str] = frozenset()
    form: TextForm | None = None
    opaque: Mapping[str, Opaque] = field(default_factory=dict)


def as_json(fields: dict[str, Any]) -> str:
    """Fields as JSON, one to a line."""
    return json.dumps(fields, indent=2, ensure_ascii=False)


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


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def meaningful(params: SamplingParams) -> SamplingParams:
    """The setting without the parameters whose value does nothing."""
    inert = [name for name, value in params.given.items() if INERT.get(name) == value]
    return without(params, inert)


def without(params: SamplingParams, names: list[str]) -> SamplingParams:
    """The setting with some parameters at their defaults, and with them those that shape nothing else."""
    left = params.given.keys() - set(names)
    gone = {*names, *(shape for shape, switches in SHAPES.items() if left.isdisjoint(switches))}
    kept = {name: value for name, value in params.given.items() if name not in gone}
    if "logit_bias" in kept:
        kept["logit_bias"] = dict(kept["logit_bias"])
    return SamplingParams(**kept, order=params.order)


def conflicts(params: SamplingParams, order: tuple[str, ...]) -> list[tuple[str, str]]:
    """Pairs of active stages that run the other way round in ``order``, and for which that matters."""
    ours = [stage for stage in params.active_stages if stage in order]
    return [
        (first, second)
        for i, first in enumerate(ours)
        for second in ours[i + 1 :]
        if order.index(first) > order.index(second) and not commute(params, first, second)
    ]
