"""What becomes of a file's values with the engine that reads them: added, ignored, done otherwise; engine by engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from thermoscope.engines.dialect import Dialect
from thermoscope.engines.native import LAST_N, LLAMA_STAGES, WEBUI_PRIORITY
from thermoscope.errors import InputError
from thermoscope.settings.stages import STAGE_OF
from thermoscope.settings.values import typed


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


def heed(draft: Draft) -> None:
    """Do with the values what the engine does with them.

    Raises
    ------
    InputError
        A value asks for what none of our stages does.
    """
    for read in _READERS.get(draft.of.name, ()):
        read(draft)


def _read_transformers(draft: Draft) -> None:
    if draft.fields.get("do_sample") is not True:
        sampled = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
        draft.ignore(sampled, "decoding is greedy without do_sample=true")
        draft.be_greedy()
    elif draft.values.get("temperature") == 0:
        draft.remark("do_sample", "transformers refuses to sample at temperature=0; taken as greedy decoding")
    if "logit_bias" in draft.values:
        bias = draft.values["logit_bias"]
        long = next((tokens for tokens, _ in bias if len(tokens) != 1), None)
        if long is not None:
            raise InputError(f"sequence_bias must be of single tokens; got {long}; take it out")
        draft.values["logit_bias"] = [(tokens[0], value) for tokens, value in bias]


def _read_llama_cpp(draft: Draft) -> None:
    fields, values = draft.fields, draft.values
    if fields.get("mirostat", 0) == 2:
        heeded = ("mirostat_tau", "mirostat_eta", "temperature", "logit_bias")
        draft.ignore([name for name in values if name not in heeded], "mirostat=2 leaves no room for it")
        _switch_on_mirostat(draft)
        draft.order = ("logit_bias", "temperature", "mirostat")
        return
    if fields.get("mirostat", 0):
        raise InputError("mirostat 1 is not one of our stages; use mirostat 2, or 0")
    draft.ignore(("mirostat_tau", "mirostat_eta"), "does nothing without mirostat=2")
    chain = fields.get("samplers")
    if not chain:
        return
    stages: dict[str, list[str]] = {}
    for ours, theirs in LLAMA_STAGES.items():
        stages.setdefault(theirs, []).append(ours)
    unknown = [name for name in chain if name not in stages]
    if unknown:
        raise InputError(f"samplers has {unknown[0]!r}, which we don't know; the known are {', '.join(stages)}")
    ordered = [stage for name in chain for stage in sorted(stages[name], reverse=True)]  # repetition, penalties
    draft.order = ("logit_bias", *ordered)
    draft.ignore([name for name in values if STAGE_OF[name] not in draft.order], "samplers does not name its stage")


def _switch_on_mirostat(draft: Draft) -> None:
    """Mirostat is on: its neutral value is what it takes by itself."""
    usual = draft.of.neutral["mirostat_tau"]
    draft.values["mirostat_tau"] = draft.fields.get("mirostat_tau", usual)
    if "mirostat_tau" not in draft.fields:
        draft.added["mirostat_tau"] = usual


def _read_webui(draft: Draft) -> None:
    fields, values = draft.fields, draft.values
    for name in ("epsilon_cutoff", "eta_cutoff"):
        if name in values:
            values[name] = values[name] / 1e4
    if fields.get("dynamic_temperature"):
        if "temperature" in values:
            raise InputError(
                f"temperature={typed(fields['temperature'])} runs as well as dynamic_temperature there, which is none "
                "of our stages; set it to 1"
            )
        low, high = fields.get("dynatemp_low", 1.0), fields.get("dynatemp_high", 1.0)
        values |= {"temperature": (low + high) / 2, "dynatemp_range": (high - low) / 2}
    else:
        why = "does nothing without dynamic_temperature=true"
        draft.ignore(("dynatemp_range", "dynatemp_exponent"), why)
        if fields.get("dynatemp_low", 1.0) != 1.0:
            draft.remark("dynatemp_low", why)
    if fields.get("mirostat_mode") == 2:
        _switch_on_mirostat(draft)
    else:
        draft.ignore(("mirostat_tau", "mirostat_eta"), "does nothing without mirostat_mode=2")
    if fields.get("do_sample") is False:
        draft.ignore(("temperature", "dynatemp_range"), "decoding is greedy with do_sample=false")
        draft.be_greedy()
    priority = fields.get("sampler_priority")
    if priority:
        lines = priority.split("\n") if isinstance(priority, str) else list(priority)
        first = {names.split("\n")[0]: stage for stage, names in WEBUI_PRIORITY.items()}
        if fields.get("dynamic_temperature"):
            first["dynamic_temperature"] = first.pop("temperature")
        named = tuple(dict.fromkeys(first[line] for line in lines if line in first))
        draft.order = (*named, *(stage for stage in WEBUI_PRIORITY if stage not in named))
    if fields.get("temperature_last"):
        draft.order = tuple(sorted(draft.order, key=lambda stage: stage == "temperature"))


def _read_tgi(draft: Draft) -> None:
    """Without ``do_sample`` it is greedy, unless another field makes it sample."""
    samples = any(draft.values.get(name, 1) != 1 for name in ("temperature", "top_p", "typical_p"))
    if draft.fields.get("do_sample") is True or samples or "top_k" in draft.values:
        if draft.fields.get("do_sample") is False:
            draft.remark("do_sample", "temperature, top_k, top_p and typical_p sample without it")
        return
    draft.be_greedy()


def _no_breakers(draft: Draft) -> None:
    """DRY's breakers are texts there, tokens here: none at all is what we can read."""
    name = draft.of.names["dry_breakers"]
    if "dry_multiplier" not in draft.values:
        return
    if "dry_breakers" in draft.values:
        raise InputError(f"{name} are texts, ours are tokens; write them as dry_breakers by hand")
    if name not in draft.fields:
        note = "newline, colon, double quote and asterisk unless it says otherwise, none here"
        draft.different.append(Remark(name, None, note))


#: Engine -> how far its penalties look back: the field, its value where it is absent, and that for all tokens.
_LOOK_BACK = {
    "llama.cpp": ("repeat_last_n", 64, -1),
    "ollama": ("repeat_last_n", 64, -1),
    "text-generation-webui": ("repetition_penalty_range", 1024, 0),
}


def _look_back(draft: Draft) -> None:
    """Our penalties look back on everything."""
    name, usual, everything = _LOOK_BACK[draft.of.name]
    penalties = [n for n in draft.values if STAGE_OF[n] in ("repetition", "penalties")]
    tokens = draft.fields.get(name, usual)
    if not penalties or tokens == everything or tokens >= LAST_N:
        return
    if tokens == 0:
        draft.ignore(penalties, f"does nothing with {name}=0")
    else:
        unless = "" if name in draft.fields else " unless it says otherwise"
        note = f"penalties look back on {tokens} tokens{unless}, ours on all"
        draft.different.append(Remark(name, draft.fields.get(name), note))


_READERS: Mapping[str, tuple[Callable[[Draft], None], ...]] = {
    "transformers": (_read_transformers,),
    "llama.cpp": (_read_llama_cpp, _no_breakers, _look_back),
    "ollama": (_look_back,),
    "text-generation-webui": (_read_webui, _no_breakers, _look_back),
    "tgi": (_read_tgi,),
}
