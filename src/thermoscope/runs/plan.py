"""What a run is to make: prompts x settings x seeds on one model, as data, with an identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from thermoscope.checks import at_least_one, one_of
from thermoscope.errors import InputError, RunError
from thermoscope.files.remote import Remote
from thermoscope.models.names import arguments
from thermoscope.settings.grid import SettingsGiven, settings_given
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.power import foresight

if TYPE_CHECKING:
    from thermoscope.sources.base import Source
    from thermoscope.usecases.case import UseCase

FORMAT = "thermoscope.plan/1"
#: Texts that are generated at a time: what a kill may lose. More of them decode no faster on a CPU.
CHUNK_TEXTS = 128
#: Fields that don't change a text.
_NO_TEXT = ("max_rows", "name", "use_case", "use_case_id", "tokens")
#: What is kept of the tokens of texts: nothing, the tokens alone, or all that is known of each.
Kept = Literal["none", "ids", "records"]
#: What each of them is in a sentence.
_KEPT_WORDS = {"none": "no tokens", "ids": "tokens without records", "records": "tokens with their records"}
#: What fields of a plan are called where a user reads of them.
_FIELD_WORDS = {
    "chat_words": "chat options, engine arguments or another address",
    "dtype": "precision",
    "stop": "stop strings",
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """One prompt at all settings with some of the seeds: generated together, stored together.

    Attributes
    ----------
    plan
        The id of the plan that it belongs to.
    number, prompt, seeds
        Its place among the plan's chunks, its prompt's place among the prompts, and its seeds.
    first_text, texts
        The number of its first text in the run, and how many there are.
    tokens
        What is kept of its tokens.
    """

    plan: str
    number: int
    prompt: int
    seeds: tuple[int, ...]
    first_text: int
    texts: int
    tokens: Kept = "records"


@dataclass(frozen=True, slots=True)
class Plan:
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
        The model, its commit or the hash of its weights, and how it runs; all but the name None behind an endpoint.
    max_rows
        Rows in flight; fixed at the start, so that a resumed run does the same arithmetic. None behind an endpoint.
    use_case, use_case_id
        The use case by name or path, and the identity of its content.
    chat_words
        The options that say how prompts are given to a model with a chat template, and where an endpoint is.
    tokens
        What is kept of tokens.
    """

    name: str
    prompts: tuple[str, ...]
    settings: tuple[SamplingParams, ...]
    seeds: tuple[int, ...]
    max_new_tokens: int
    stop: tuple[str, ...]
    model: str
    revision: str | None
    dtype: str | None
    device: str | None
    max_rows: int | None
    use_case: str
    use_case_id: str
    chat_words: tuple[str, ...] = ()
    tokens: Kept = "records"

    @property
    def texts(self) -> int:
        """How many texts there are to make."""
        return len(self.prompts) * len(self.settings) * len(self.seeds)

    @property
    def foresight(self) -> tuple[str, ...]:
        """What differences the plan can detect, in a sentence or two."""
        return foresight(len(self.prompts), len(self.seeds))

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that name the texts: two plans share them if they make the same texts."""
        record = self.to_dict()
        for name in (*_NO_TEXT, "names"):
            record.pop(name, None)
        if not self.chat_words:  # a model without a chat template: as before there were any
            del record["chat_words"]
        record["settings"] = [setting.id for setting in self.settings]
        canonical = json.dumps(record, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]

    def chunks(self) -> Iterator[Chunk]:
        """The pieces, in order: by prompt, then by as many seeds as fit."""
        seeds_each = max(1, CHUNK_TEXTS // len(self.settings))
        parts = [self.seeds[i : i + seeds_each] for i in range(0, len(self.seeds), seeds_each)]
        plan, first = self.id, 0
        for number, (prompt, seeds) in enumerate(product(range(len(self.prompts)), parts)):
            yield Chunk(plan, number, prompt, seeds, first, len(self.settings) * len(seeds), self.tokens)
            first += len(self.settings) * len(seeds)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record: dict[str, Any] = {"format": FORMAT} | {f.name: getattr(self, f.name) for f in fields(self)}
        record["settings"] = [json.loads(setting.to_json()) for setting in self.settings]
        if any(setting.name is not None for setting in self.settings):
            record["names"] = [setting.name for setting in self.settings]
        listed: dict[str, Any] = json.loads(json.dumps(record))
        return listed

    @classmethod
    def from_dict(cls, record: Mapping[str, Any] | None, folder: Path | Remote) -> Plan:
        """Read what ``to_dict`` made and a run's folder has.

        Raises
        ------
        RunError
            It is something else, or there is nothing.
        """
        if record is None:
            raise RunError(f"a run must be a folder with plan.json; got {str(folder)!r}; see thermoscope runs list")
        where = folder / "plan.json"
        if record.get("format") != FORMAT:
            raise RunError(
                f"{where} must be of format {FORMAT}; got {record.get('format')!r}; it is no run of this kind"
            )
        try:
            values: dict[str, Any] = {
                f.name: record[f.name] for f in fields(cls) if f.name in record or f.default is MISSING
            }
            values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
            names = record.get("names") or [None] * len(values["settings"])
            values["settings"] = tuple(
                SamplingParams(**setting) if name is None else SamplingParams(**setting).named(name)
                for setting, name in zip(values["settings"], names, strict=True)
            )
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{where} is no plan of a run ({error!r}); choose another folder") from None

    def resumed(self, record: Mapping[str, Any] | None, folder: Path | Remote) -> Plan:
        """The plan that a folder has already, if it makes the same texts; this one where the folder has none.

        Raises
        ------
        RunError
            The folder has another plan.
        """
        if record is None:
            return self
        there = Plan.from_dict(record, folder)
        if (name := self.difference(there)) is not None:
            what = _FIELD_WORDS.get(name, name)
            raise RunError(
                f"{folder} holds a run with other {what}; name another folder with --run, or repeat its own command"
            )
        if there.tokens != self.tokens:
            raise RunError(
                f"{folder} keeps {_KEPT_WORDS[there.tokens]} (--keep-tokens {there.tokens}); "
                f"got --keep-tokens {self.tokens}; name another folder with --run, or repeat its own command"
            )
        return there

    def difference(self, other: Plan) -> str | None:
        """The first field in which another plan makes different texts, or None."""
        mine, theirs = asdict(self), asdict(other)
        return next((name for name in mine if name not in _NO_TEXT and mine[name] != theirs[name]), None)

    @property
    def loading(self) -> dict[str, Any]:
        """What ``open_source`` takes after the name to open the model or the endpoint of the plan again."""
        commit = None if self.revision is None or self.revision.startswith("sha256:") else self.revision
        device = None if self.model.startswith("vllm/") else self.device  # vLLM chooses its device itself
        found: dict[str, Any] = {"revision": commit, "device": device, "dtype": self.dtype}
        options: list[str] = []
        engine: list[str] = []
        for word in self.chat_words:
            name, _, value = word.partition("=")
            if name in ("--chat", "--raw"):
                found["chat"] = name == "--chat"
            elif name == "--chat-option":
                options.append(value)
            elif name.startswith("-M"):
                engine.append(word.removeprefix("-M"))
            else:
                found[name.removeprefix("--").replace("-", "_")] = value
        found |= {"chat_options": arguments(options)} if options else {}
        return found | ({"options": arguments(engine)} if engine else {})

    def on(self, source: Source) -> Plan:
        """The same plan on a source, which ``difference`` then tells apart if it is another one."""
        return replace(self, **_identity(source))


def _identity(source: Source) -> dict[str, Any]:
    """The fields of a plan that say what makes its texts."""
    return {
        "model": source.name,
        "revision": source.revision,
        "dtype": source.dtype,
        "device": source.device,
        "chat_words": tuple(source.chat_words),
    }


def plan_run(
    source: Source,
    use_case: UseCase,
    settings: SettingsGiven,
    *,
    prompts: str | Sequence[str] | None = None,
    seeds: int | Sequence[int] = 8,
    max_new_tokens: int | None = None,
    stop: str | Sequence[str] = (),
    max_rows: int | None = None,
    keep_tokens: str = "records",
) -> Plan:
    """What a run is to make, with every rule checked; parameters and errors as in ``run``."""
    from thermoscope.decode.request import seed_list, stop_strings  # which need torch; a stored plan does not

    texts = prompts_of(use_case, prompts)
    chosen = source.settings(settings_given(settings))
    numbers = tuple(seed_list(seeds))
    length = source.new_tokens(texts, use_case.max_new_tokens if max_new_tokens is None else max_new_tokens)
    rows = at_least_one("max_rows", max_rows)
    return Plan(
        name=use_case.name,
        prompts=texts,
        settings=chosen,
        seeds=numbers,
        max_new_tokens=length,
        stop=stop_strings(stop),
        max_rows=rows or source.rows_in_flight(texts, length, len(chosen) * len(numbers)),
        use_case=use_case.name_or_path,
        use_case_id=use_case.content_id,
        tokens=kept_tokens(keep_tokens),
        **_identity(source),
    )


def kept_tokens(given: str, name: str = "keep_tokens") -> Kept:
    """What is to be kept of tokens, checked; ``name`` is what it is called in an error.

    Raises
    ------
    InputError
        It is none of the three.
    """
    return cast(Kept, one_of(name, given, get_args(Kept)))


def prompts_of(use_case: UseCase, prompts: str | Sequence[str] | None, *, held_out: bool = False) -> tuple[str, ...]:
    """The prompts of a run: those given, or the use case's.

    Raises
    ------
    InputError
        There are none, one is no text or given twice, or both kinds are asked for.
    """
    if prompts is None:
        chosen = tuple(prompt.text for prompt in (use_case.held_out_prompts if held_out else use_case.open_prompts))
        if not chosen:
            raise InputError(f"{use_case.source}: no prompt is held out; leave held_out (--held-out) out")
    else:
        from thermoscope.decode.request import as_list

        if held_out:
            raise InputError("give prompts or held_out=True, not both; leave one out")
        chosen = tuple(as_list("prompts", prompts, str))
        if not chosen:
            raise InputError("prompts must not be empty; give at least one")
    if (twice := _repeated(chosen)) is not None:
        raise InputError(f"each prompt may be given once; got {twice!r:.60} twice; leave one out")
    return chosen


def _repeated(values: Sequence[Any]) -> Any:
    """The first value that is equal to an earlier one, or None."""
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
