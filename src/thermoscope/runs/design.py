"""What a run is to make: prompts x settings x seeds on one model, as data, with an identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from itertools import product
from typing import Any

from thermoscope.errors import RunError
from thermoscope.settings.params import SamplingParams

FORMAT = "thermoscope.plan/1"
#: Texts that are generated at a time: what a kill may lose. More of them decode no faster on a CPU.
CHUNK_TEXTS = 128


@dataclass(frozen=True, slots=True)
class Chunk:
    """One prompt at all settings with some of the seeds: generated together, stored together."""

    number: int
    prompt: int
    seeds: tuple[int, ...]
    first_text: int


@dataclass(frozen=True, slots=True)
class Design:
    """Everything that the texts of a run depend on, and in what pieces they are made.

    Attributes
    ----------
    name
        What the run is called: its use case.
    prompts
        The prompts.
    settings
        The settings, in order.
    seeds
        The seeds.
    max_new_tokens
        The length asked for.
    stop
        Stop strings.
    model, revision, dtype, device
        The model, its commit or the hash of its weights, and how it runs.
    max_rows
        Rows in flight; fixed at the start, so that a resumed run does the same arithmetic.
    use_case, use_case_id
        The use case by name or path, and the identity of its content.
    chat_words
        The options that say how prompts are given to a model with a chat template.
    """

    name: str
    prompts: tuple[str, ...]
    settings: tuple[SamplingParams, ...]
    seeds: tuple[int, ...]
    max_new_tokens: int
    stop: tuple[str, ...]
    model: str
    revision: str | None
    dtype: str
    device: str
    max_rows: int
    use_case: str
    use_case_id: str
    chat_words: tuple[str, ...] = ()

    @property
    def texts(self) -> int:
        """How many texts there are to make."""
        return len(self.prompts) * len(self.settings) * len(self.seeds)

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that name the texts: two designs share them if they make the same texts."""
        record = self.to_dict()
        for name in ("max_rows", "name", "use_case", "use_case_id"):  # which don't change a text
            del record[name]
        if not self.chat_words:  # a model without a chat template: as before there were any
            del record["chat_words"]
        record["settings"] = [setting.id for setting in self.settings]
        canonical = json.dumps(record, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]

    def chunks(self) -> Iterator[Chunk]:
        """The pieces, in order: by prompt, then by as many seeds as fit."""
        seeds_each = max(1, CHUNK_TEXTS // len(self.settings))
        parts = [self.seeds[i : i + seeds_each] for i in range(0, len(self.seeds), seeds_each)]
        first = 0
        for number, (prompt, seeds) in enumerate(product(range(len(self.prompts)), parts)):
            yield Chunk(number, prompt, seeds, first)
            first += len(self.settings) * len(seeds)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record: dict[str, Any] = {"format": FORMAT} | {f.name: getattr(self, f.name) for f in fields(self)}
        record["settings"] = [json.loads(setting.to_json()) for setting in self.settings]
        listed: dict[str, Any] = json.loads(json.dumps(record))
        return listed

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], where: str) -> Design:
        """Read what ``to_dict`` made.

        Raises
        ------
        RunError
            It is something else.
        """
        if record.get("format") != FORMAT:
            raise RunError(
                f"{where} must be of format {FORMAT}; got {record.get('format')!r}; it is no run of this kind"
            )
        try:
            values: dict[str, Any] = {
                f.name: record[f.name] for f in fields(cls) if f.name in record or f.default is MISSING
            }
            values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
            values["settings"] = tuple(SamplingParams(**setting) for setting in values["settings"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise RunError(f"{where} is no plan of a run ({error!r}); choose another folder") from None

    def difference(self, other: Design) -> str | None:
        """The first thing in which another design makes other texts, or None."""
        mine, theirs = asdict(self), asdict(other)
        ignored = ("max_rows", "name", "use_case", "use_case_id")
        return next((name for name in mine if name not in ignored and mine[name] != theirs[name]), None)
