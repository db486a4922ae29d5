"""A recommendation in sentences: the setting; the range and why; what could not be seen; then the rest."""

from __future__ import annotations

from dataclasses import replace

from thermoscope.recommending.bounds import EDGES
from thermoscope.recommending.judging import Judged
from thermoscope.recommending.recommendation import Estimate, FeasibleRange, RangeEdge, Recommendation
from thermoscope.statistics.turning import Turn
from thermoscope.words import count, first_upper, joined, short

#: Settings of the set that are named.
_NAMED = 8
#: Share of resamples that must have a turning point for one to be named.
_CLEAR = 0.95


def spoken(found: Recommendation) -> Recommendation:
    """The recommendation with its sentences."""
    finding = (setting_sentence(found), range_sentence(found), unseen_sentence(found))
    return replace(found, finding=finding, details=tuple(details(found)), not_seen=tuple(not_seen(found)))


def setting_sentence(found: Recommendation) -> str:
    """The first sentence: the setting, or that there is none."""
    if found.setting is None:
        return f"No setting keeps all bounds for “{found.title}” on {found.model}: nothing is recommended."
    return f"Use {found.label} for “{found.title}” on {found.model}."


def range_sentence(found: Recommendation) -> str:
    """The second sentence: the feasible range, and what ends it on both sides."""
    known = found.ranges[0]
    if not known.feasible:
        return first_upper(f"{known.failing}.")
    of = f" with {known.line}" if known.line else ""
    lower, upper = known.lower, known.upper
    if lower.temperature is None and upper.temperature is None:
        return f"Every temperature that was tried{of} keeps the bounds: the range has no edge here."
    parts = [text for text in (_why(lower, found, known), _why(upper, found, known)) if text]
    low = "any low temperature" if lower.temperature is None else f"T={_with(lower)}"
    high = "the highest that was tried" if upper.temperature is None else _with(upper)
    return f"Feasible{of}: {low} to {high}; {'; '.join(parts)}."


def first_range(judgement: Judged) -> str:
    """The feasible range after a first look, a sentence for whoever waits."""
    known = next((one for one in judgement.ranges.values() if one.feasible), None)
    if known is None:
        return "No temperature keeps all bounds so far."
    lower, upper = known.lower.temperature, known.upper.temperature
    low = "the lowest tried" if lower is None else f"{lower:.2f}"
    high = "the highest tried" if upper is None else f"{upper:.2f}"
    return f"Feasible so far{f' with {known.line}' if known.line else ''}: T={low} to {high}."


def _with(edge: RangeEdge) -> str:
    """An edge with its interval: ``0.86 (0.78 to 0.95)``."""
    assert edge.temperature is not None
    if edge.low is None and edge.high is None:
        return f"{edge.temperature:.2f} (interval unknown)"
    low = "below what was tried" if edge.low is None else f"{edge.low:.2f}"
    high = "above what was tried" if edge.high is None else f"{edge.high:.2f}"
    return f"{edge.temperature:.2f} ({low} to {high})"


def _why(edge: RangeEdge, found: Recommendation, known: FeasibleRange) -> str:
    """What happens beyond an edge: ``below it texts repeat themselves (rep_4 above 0.031, the reference)``."""
    if edge.temperature is None:
        return f"no {edge.side} edge among the temperatures that were tried"
    bound = next(curve.bound for curve in known.curves if curve.bound.measure == edge.measure)
    where = "below" if edge.side == "lower" else "above"
    return f"{where} it {EDGES[edge.measure][1]} ({edge.measure} above {short(bound.most)}, {bound.source})"


def unseen_sentence(found: Recommendation) -> str:
    """The third sentence: the most important thing that could not be seen."""
    if found.kind == "none":
        return "Not seen: which setting inside the range is best, as there is no objective; a scorer would say."
    members = found.in_set
    if found.setting is None:
        return "Not seen: anything about settings that were not tried."
    feasible = [one for one in found.candidates if one.feasible != "outside"]
    if len(members) == len(feasible) > 1:
        return (
            f"Not seen: any difference in {found.objective} of more than {short(found.matters)} between the "
            f"{len(members)} feasible settings; they cannot be distinguished."
        )
    return (
        f"Not seen: what readers prefer, and differences in {found.objective} below {short(found.matters)}, which are "
        "taken not to matter."
    )


def details(found: Recommendation) -> list[str]:
    """What else was found, a sentence each."""
    said: list[str] = []
    said += _set(found)
    said += _cliffs(found)
    said += _held_out(found)
    if found.turning is not None:
        said.append(found.turning.said)
    for variant in found.variants:
        said.append(_variant(variant.name, variant.lower, variant.upper, variant.pick, found.label))
    return said


def turning_sentence(found: Turn) -> str:
    """TURN's second opinion, a sentence."""
    share = f"{100 * found.share:.0f} % of resamples"
    if found.temperature is None:
        return f"TURN (tempered entropy, no labels) has no turning point in this range; {share} have one."
    if found.share < _CLEAR or found.low is None or found.high is None:
        return (
            f"TURN (tempered entropy, no labels) is inconclusive: a turning point at T={found.temperature:g}, but only "
            f"{share} have one."
        )
    return (
        f"TURN (tempered entropy, no labels) has its turning point at T={found.temperature:g} ({found.low:.2f} to "
        f"{found.high:.2f}): a second opinion for majority votes; for the best of n it adds 0.1."
    )


def _set(found: Recommendation) -> list[str]:
    if found.setting is None or found.kind == "none":
        return []
    members = [one.label for one in found.in_set]
    feasible = [one for one in found.candidates if one.feasible != "outside"]
    shown = joined(members if len(members) <= _NAMED else [*members[:_NAMED], f"{len(members) - _NAMED} more"])
    better = f"{found.better} {found.objective}"
    said = [
        f"No other feasible setting has a {better} by more than {short(found.matters)} than these {len(members)} of "
        f"{len(feasible)} (95% for all together): {shown}."
        if len(members) > 1
        else f"{first_upper(shown)} alone is beaten by no other feasible setting in {found.objective} by more than "
        f"{short(found.matters)} (95% for all together)."
    ]
    beaten = [one for one in found.candidates if one.beaten_by]
    if beaten:
        worst = max(beaten, key=lambda one: one.lead.low or 0.0)
        said.append(
            f"{count(len(beaten), 'feasible setting')} {'is' if len(beaten) == 1 else 'are'} worse: {worst.label}, for "
            f"example, by {_estimate(worst.lead)} against {worst.beaten_by}."
        )
    return said


def _cliffs(found: Recommendation) -> list[str]:
    if found.setting is None:
        return []
    known = found.ranges[0]
    said = []
    if found.pick_to_lower is not None and found.pick_to_lower > 0:
        said.append(f"Temperature may fall by {found.pick_to_lower:.2f} before {EDGES[known.lower.measure][1]}.")
    if found.pick_to_upper is not None and found.pick_to_upper > 0:
        said.append(f"Temperature may rise by {found.pick_to_upper:.2f} before {EDGES[known.upper.measure][1]}.")
    return said


def _held_out(found: Recommendation) -> list[str]:
    if not found.confirmed:
        return []
    pick = found.confirmed[0]
    said = []
    if pick.breaks:
        broken = joined(f"{name} {short(pick.measures[name])}" for name in pick.breaks)
        said.append(f"On {found.confirmed_on} the pick breaks a bound: {broken}.")
    else:
        said.append(f"On {found.confirmed_on} the pick keeps all bounds.")
    open_ = next((one for one in found.candidates if one.setting == found.setting), None)
    if found.kind != "none" and open_ is not None and pick.objective.value is not None:
        # diversity and distance depend on how many texts are compared
        same = found.kind in ("score", "agreement") or len({entry.seeds for entry in found.rounds}) == 1
        was = f"; on the open prompts, where it was chosen, it was {short(open_.objective.value)}" if same else ""
        said.append(f"Its {found.objective} there is {_estimate(pick.objective)}{was}.")
    for one in found.confirmed[1:]:
        difference = one.difference
        if difference.low is None or difference.high is None:
            continue
        if difference.low > 0:
            said.append(f"The pick is better than {one.name} in {found.objective} by {_estimate(difference)}.")
        elif difference.high < 0:
            worse = Estimate(-(difference.value or 0), -difference.high, -difference.low)
            kept = f", which breaks {joined(one.breaks)}" if one.breaks else ""
            said.append(f"The pick is worse than {one.name} in {found.objective} by {_estimate(worse)}{kept}.")
    return said


def _variant(name: str, lower: float | None, upper: float | None, pick: str, held: str) -> str:
    if not pick:
        return f"With {name}, nothing is feasible."
    low = "the lowest tried" if lower is None else f"{lower:.2f}"
    high = "the highest tried" if upper is None else f"{upper:.2f}"
    return f"With {name}, the range is {low} to {high}, and the pick {pick}."


def not_seen(found: Recommendation) -> list[str]:
    """What the evidence could not have seen."""
    said = ["Whether texts are true, or to a reader's taste: only what is measured was seen."]
    if found.kind != "none":
        said.append(f"Differences in {found.objective} below {short(found.matters)}, which are taken not to matter.")
    bounded = {curve.bound.measure for curve in found.ranges[0].curves}
    if missing := [
        name for name in EDGES if name not in bounded and (name != "surprise" or "perplexity" not in bounded)
    ]:
        them = "it" if len(missing) == 1 else "them"
        said.append(f"{first_upper(joined(missing))}: not measured or not bounded here, so no edge comes from {them}.")
    if not found.confirmed and found.setting is not None:
        said.append("Whether the pick holds on other prompts: none was held out.")
    for known in found.ranges if found.setting is not None else ():
        of = f" of {known.line}" if known.line else ""
        said += [
            f"How far the {edge.side} edge{of} reaches: its interval is open on one side."
            for edge in (known.lower, known.upper)
            if edge.temperature is not None and (edge.low is None or edge.high is None)
        ]
    return said


def _estimate(value: Estimate) -> str:
    from thermoscope.words import estimate

    return estimate(value.value, value.low, value.high)
