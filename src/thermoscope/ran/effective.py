"""Effective settings: which parameters did anything in a run, and which contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thermoscope.language.saying import say
from thermoscope.settings.grid import label, varying
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import STAGES, TRUNCATIONS
from thermoscope.settings.values import typed


def idle_parameters(
    settings: Sequence[SamplingParams], idle_stages: Callable[[SamplingParams], Sequence[str]]
) -> list[str]:
    """A sentence for each parameter that never changed a distribution, and what had left it nothing to do.

    ``idle_stages`` gives the stages of a setting that ran and changed nothing (``Effects.idle``).
    """
    names = varying(settings) if len(settings) > 1 else ()
    found: dict[tuple[str, str], list[SamplingParams]] = {}
    had: dict[str, list[SamplingParams]] = {}
    for setting in settings:
        idle = idle_stages(setting)
        for stage in setting.active_stages:
            had.setdefault(_values(setting, stage), []).append(setting)
            if stage in idle and not (stage == "temperature" and setting.top_k == 1):  # ``contradictions`` says that
                sentence = _idle(setting, stage, names)
                found.setdefault((_values(setting, stage), sentence), []).append(setting)
    sentences: list[str] = []
    for (values, sentence), where in found.items():
        everywhere = len(where) == len(had[values])
        listed = ", ".join(label(setting, names) for setting in where)
        sentences.append(
            say("{sentence}.", sentence=sentence)
            if everywhere
            else say("{sentence} at {settings}.", sentence=sentence, settings=listed)
        )
    return sentences


def _idle(setting: SamplingParams, stage: str, names: Sequence[str]) -> str:
    """What the stage did not do; parameters that vary are named without their values."""
    before = setting.active_stages[: setting.active_stages.index(stage)]
    removing = [s for s in before if s in TRUNCATIONS or (s == "temperature" and setting.temperature == 0)]
    what = _values(setting, stage)
    if stage not in TRUNCATIONS:
        return say("{stage} changed nothing", stage=what)
    if removing:
        left = _joined(setting, removing, names)
        return say("{stage} removed nothing that {others} had left", stage=what, others=left)
    return say("{stage} removed nothing", stage=what)


def _joined(setting: SamplingParams, stages: Sequence[str], names: Sequence[str] = ()) -> str:
    first, *rest = [_values(setting, stage, names) for stage in stages]
    made: str = first
    for other in rest:
        made = say("{first} and {last}", first=made, last=other)
    return made


def _values(setting: SamplingParams, stage: str, names: Sequence[str] = ()) -> str:
    given = {name: value for name, value in setting.given.items() if name in STAGES[stage].names}
    return " ".join(name if name in names else f"{name}={typed(value)}" for name, value in given.items())


def contradictions(settings: Sequence[SamplingParams]) -> list[str]:
    """A sentence for each pair of parameters of which one makes the other pointless, whatever the model says."""
    return list(dict.fromkeys(sentence for setting in settings for sentence in _contradictions(setting)))


def _contradictions(setting: SamplingParams) -> list[str]:
    found: list[str] = []
    stages = setting.active_stages
    if setting.top_k == 1 and setting.temperature not in (0, 1):
        found.append(
            say(
                "top_k=1 leaves one token (but for ties), whatever temperature={temperature} says.",
                temperature=typed(setting.temperature),
            )
        )
    if setting.temperature == 0:
        after = stages[stages.index("temperature") + 1 :]
        if after:
            others = _joined(setting, after)
            found.append(
                say("temperature=0 is greedy and leaves one token: {others} can change nothing.", others=others)
            )
    if setting.mirostat_tau is not None:
        before = [s for s in stages[: stages.index("mirostat")] if s in TRUNCATIONS - {"no_repeat_ngram"}]
        if before:
            aim = f"mirostat_tau={typed(setting.mirostat_tau)}"
            found.append(
                say(
                    "{others} and {aim} both truncate: the surprise aimed at may not be reached.",
                    others=_joined(setting, before),
                    aim=aim,
                )
            )
    if setting.xtc_probability and setting.xtc_threshold > 0.5:
        threshold = typed(setting.xtc_threshold)
        found.append(say("xtc_threshold={threshold} is above 0.5: no two tokens can reach it.", threshold=threshold))
    return found
