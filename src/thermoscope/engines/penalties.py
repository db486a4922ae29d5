"""How far penalties look back, and bans of the end: what engines say in one number or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from thermoscope.engines.dialect import Draft
from thermoscope.settings.commuting import commute
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import SHAPES
from thermoscope.words import joined

#: As many tokens as llama.cpp's penalties look back on: a whole context. No text gets so long either.
LAST_N = 131072
#: Our windows of repetition, and of presence and frequency, which most engines say in one number.
PENALTIES = ("repetition_last_n", "penalties_last_n")


def look_back(
    name: str, windows: Sequence[str] = PENALTIES, *, usual: int, everything: int, off: int | None = None
) -> Callable[[Draft], None]:
    """What to do with the field that says how far penalties look back.

    Parameters
    ----------
    name
        The field.
    windows
        Our parameters that it stands for.
    usual
        What it is where it is absent.
    everything, off
        The values with which penalties look back on all tokens, and with which they do nothing.
    """

    def read(draft: Draft) -> None:
        tokens = draft.fields.get(name, usual)
        for window in windows:
            draft.values.pop(window, None)
            penalties = [switch for switch in SHAPES[window] if switch in draft.values]
            if not penalties or tokens == everything or tokens >= LAST_N:
                continue
            if tokens == off:
                draft.ignore(penalties, f"does nothing with {name}={tokens}")
                continue
            draft.values[window] = tokens
            if name not in draft.fields:
                draft.added[window] = tokens

    return read


def one_window(params: SamplingParams, windows: Sequence[str] = PENALTIES) -> dict[str, str]:
    """The windows that an engine can't tell apart, with what is to be said of them, if they differ."""
    on = [name for name in windows if any(getattr(params, switch) is not None for switch in SHAPES[name])]
    if len({getattr(params, name) for name in on}) < 2:
        return {}
    note = f"is one number there for {joined([switch for name in on for switch in SHAPES[name]])}"
    return {name: note for name in on if getattr(params, name) is not None}


def all_or_nothing(params: SamplingParams, field: str) -> dict[str, str]:
    """What is to be said of ``min_new_tokens`` where an engine can only forbid the end for good."""
    if params.min_new_tokens is None or params.min_new_tokens >= LAST_N:
        return {}
    return {"min_new_tokens": f"is all or nothing there ({field}); from {LAST_N} on it is all"}


def ban_the_end(field: str) -> Callable[[Draft], None]:
    """What to do with the field that forbids the end for good."""

    def read(draft: Draft) -> None:
        if draft.values.pop("min_new_tokens", False):
            draft.values["min_new_tokens"] = LAST_N

    read.__doc__ = f"Read ``{field}``."
    return read


def runs_first(params: SamplingParams, stages: Sequence[str]) -> Mapping[str, str]:
    """What is to be said of the order, where some stages run first whatever the order that is sent."""
    active = params.active_stages
    for stage in stages:
        before = active[: active.index(stage)] if stage in active else ()
        if any(other not in stages and not commute(params, other, stage) for other in before):
            return {"order": f"{stage} runs first, whatever the chain"}
    return {}
