"""The truth about an export: per parameter whether the engine does the same, and how far apart the two are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from thermoscope.engines.dialect import Dialect, Kind, conflicts, meaningful, without
from thermoscope.engines.effect import Distance, EngineSetting
from thermoscope.engines.opaque import opaque_values, sampling_alone
from thermoscope.settings.commuting import commute
from thermoscope.settings.params import SamplingParams
from thermoscope.settings.stages import SHAPES, STAGE_OF
from thermoscope.settings.values import typed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one parameter.

    Attributes
    ----------
    parameter
        Its name ("order" for stages that run the other way round).
    kind
        Whether the engine does the same.
    note
        What differs; "" where nothing does.
    instead
        Our setting with this one thing as the engine has it.
    distance
        Total variation between the two on real next-token distributions; None where it was not measured.
    """

    parameter: str
    kind: Kind
    note: str
    instead: EngineSetting | None = None
    distance: Distance | None = None

    @property
    def exact(self) -> bool:
        """Whether the engine does the same, with the order that is sent."""
        return self.kind.startswith("exact")

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        distance = None if self.distance is None else self.distance.to_dict()
        return {"parameter": self.parameter, "kind": self.kind, "note": self.note, "distance": distance}


def judge(params: SamplingParams, dialect: Dialect) -> tuple[list[Verdict], EngineSetting]:
    """A verdict per parameter that is set, and what the engine runs of the whole."""
    ours = meaningful(sampling_alone(params))
    absent = [name for name in ours.given if name not in dialect.names or STAGE_OF[name] not in dialect.order]
    absent = [name for name in absent if not _shapes_only(name, absent)]
    edges = dialect.edges(ours)
    there = without(ours, absent)
    clash = conflicts(there, dialect.order)
    explicit = dialect.explicit_order and "order" not in edges
    verdicts = []
    for name in ours.given:
        if name in absent or _shapes_only(name, absent):
            if name in absent:
                verdicts.append(
                    Verdict(name, "not there", f"{dialect.name} has none", EngineSetting(without(ours, [name])))
                )
            continue
        verdicts.append(_one(name, ours, there, dialect, edges, clash, explicit))
    if not dialect.order_known and _order_matters(there):
        verdicts.append(_unknown_order(there))
    elif clash and not explicit:
        pairs = ", ".join(f"{b} before {a}" for a, b in clash)
        note = edges.get("order") or f"runs {pairs}"
        verdicts.append(Verdict("order", "different", note, EngineSetting(_as_run(ours, dialect))))
    return [*verdicts, *_opaque(params, dialect)], _run(there, dialect, explicit)


def _opaque(params: SamplingParams, dialect: Dialect) -> list[Verdict]:
    """A verdict on each parameter that is passed on as it is."""
    found = []
    for name, value in opaque_values(params).items():
        if name not in dialect.opaque:
            found.append(Verdict(name, "not there", f"{dialect.name} has none"))
        elif refusal := dialect.opaque[name].refusal(value):
            found.append(Verdict(name, "different", refusal))
        else:
            found.append(Verdict(name, "exact", "passed on; what comes of it depends on the model"))
    return found


def _shapes_only(name: str, absent: Sequence[str]) -> bool:
    """Whether all that a parameter shapes is absent there."""
    return name in SHAPES and set(SHAPES[name]) <= set(absent)


def _one(
    name: str,
    ours: SamplingParams,
    there: SamplingParams,
    dialect: Dialect,
    edges: dict[str, str],
    clash: Sequence[tuple[str, str]],
    explicit: bool,
) -> Verdict:
    value = getattr(ours, name)
    clamped = _clamped(name, value, dialect)
    if clamped != value:
        least, most = (typed(bound) for bound in dialect.ranges[name])
        note = f"must be from {least} to {most} there; {typed(value)} is refused or becomes {typed(clamped)}"
        return Verdict(name, "different", note, EngineSetting(_with(ours, name, clamped)))
    counted = (dialect.repetition_counts_prompt, dialect.penalties_count_prompt)
    if name == "repetition_penalty" and not counted[0]:
        return Verdict(
            name, "different", "counts generated tokens alone, not the prompt", EngineSetting(ours, False, False)
        )
    if name in ("presence_penalty", "frequency_penalty") and counted[1]:
        return Verdict(name, "different", "counts the prompt as well", EngineSetting(ours, True, True))
    if name in edges:
        return Verdict(name, "different", edges[name], EngineSetting(without(ours, list(SHAPES.get(name, (name,))))))
    if any(STAGE_OF[name] in pair for pair in clash):
        if explicit:
            return Verdict(name, "exact with an explicit order", "")
        return Verdict(name, "different", "its place in the order of stages is another; see --order")
    return Verdict(name, "exact", "")


def _order_matters(params: SamplingParams) -> bool:
    """Whether temperature and truncations give something else in another order (biases come first everywhere)."""
    stages = [stage for stage in params.active_stages if stage not in ("logit_bias", "penalties")]
    return any(not commute(params, a, b) for a, b in combinations(stages, 2))


def _unknown_order(there: SamplingParams) -> Verdict:
    note = "the order of stages is not documented; measured as if temperature came last"
    return Verdict("order", "different", note, EngineSetting(_temperature_last(there)))


def _temperature_last(params: SamplingParams) -> SamplingParams:
    return params.replace(order=sorted(params.order, key=lambda stage: stage == "temperature"))


def _run(there: SamplingParams, dialect: Dialect, explicit: bool) -> EngineSetting:
    """The setting as the engine runs it."""
    params = there
    for name, value in there.given.items():
        params = _with(params, name, _clamped(name, value, dialect))
    for name in dialect.edges(there):
        if name != "order" and getattr(params, name) is not None:
            params = without(params, list(SHAPES.get(name, (name,))))
    if not dialect.order_known:
        params = _temperature_last(params) if _order_matters(params) else params
    elif not explicit:
        params = _as_run(params, dialect)
    return EngineSetting(params, dialect.repetition_counts_prompt, dialect.penalties_count_prompt)


def _with(params: SamplingParams, name: str, value: Any) -> SamplingParams:
    return params if getattr(params, name) == value else params.replace(**{name: value})


def _clamped(name: str, value: Any, dialect: Dialect) -> Any:
    if name not in dialect.ranges or not isinstance(value, int | float):
        return value
    least, most = dialect.ranges[name]
    if name == "temperature" and value == 0 and least > 0:
        return value  # greedy is said in another way
    return min(max(value, least), most)


def _as_run(params: SamplingParams, dialect: Dialect) -> SamplingParams:
    """The setting in the engine's order: its own, or what it makes of the one that is sent."""
    if dialect.sent is None:
        return _reordered(params, dialect.order)
    order = [stage for stage in dialect.sent(params) if stage in (*params.order, *params.active_stages)]
    return params.replace(order=[*order, *(stage for stage in params.order if stage not in order)])


def _reordered(params: SamplingParams, order: tuple[str, ...]) -> SamplingParams:
    """The setting with the stages that the engine has in its order; the others stay where they were."""
    places = iter([stage for stage in order if stage in params.order])
    return params.replace(order=[next(places) if stage in order else stage for stage in params.order])
