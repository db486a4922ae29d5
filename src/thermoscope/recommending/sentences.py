"""A recommendation in sentences: the setting; the range and why; what could not be seen; then the rest."""

from __future__ import annotations

from dataclasses import replace

from thermoscope.language.saying import ENGLISH, say, together, worded
from thermoscope.language.saying import spoken as language
from thermoscope.recommending.bounds import EDGES
from thermoscope.recommending.judging import Judged
from thermoscope.recommending.recommendation import Estimate, FeasibleRange, RangeEdge, Recommendation, TurningPoint
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


def in_language(found: Recommendation) -> Recommendation:
    """The recommendation with its sentences in the language that is spoken; in English those that it holds."""
    return found if language() == ENGLISH else spoken(found)


def setting_sentence(found: Recommendation) -> str:
    """The first sentence: the setting, or that there is none."""
    if found.setting is None:
        return say("No setting keeps all bounds for “{title}” on {model}: nothing is recommended.", title=found.title,
                   model=found.model)  # fmt: skip
    return say("Use {setting} for “{title}” on {model}.", setting=found.label, title=found.title, model=found.model)


def range_sentence(found: Recommendation) -> str:
    """The second sentence: the feasible range, and what ends it on both sides."""
    known = found.ranges[0]
    if not known.feasible:
        return first_upper(f"{known.failing}.")
    of = _of(known)
    lower, upper = known.lower, known.upper
    if lower.temperature is None and upper.temperature is None:
        return say("Every temperature that was tried{of} keeps the bounds: the range has no edge here.", of=of)
    parts = [text for text in (_why(lower, found, known), _why(upper, found, known)) if text]
    low = say("any low temperature") if lower.temperature is None else f"T={_with(lower)}"
    high = say("the highest that was tried") if upper.temperature is None else _with(upper)
    return say("Feasible{of}: {low} to {high}; {why}.", of=of, low=low, high=high, why=together(parts))


def _of(known: FeasibleRange) -> str:
    """Which line of settings a range is of, where there are several."""
    return say(" with {line}", line=known.line) if known.line else ""


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
        return say("{value} (interval unknown)", value=f"{edge.temperature:.2f}")
    low = say("below what was tried") if edge.low is None else f"{edge.low:.2f}"
    high = say("above what was tried") if edge.high is None else f"{edge.high:.2f}"
    return say("{value} ({low} to {high})", value=f"{edge.temperature:.2f}", low=low, high=high)


def _why(edge: RangeEdge, found: Recommendation, known: FeasibleRange) -> str:
    """What happens beyond an edge: ``below it texts repeat themselves (rep_4 above 0.031, the reference)``."""
    if edge.temperature is None:
        if edge.side == "lower":
            return say("no lower edge among the temperatures that were tried")
        return say("no upper edge among the temperatures that were tried")
    bound = next(curve.bound for curve in known.curves if curve.bound.measure == edge.measure)
    values = {
        "what": worded(EDGES[edge.measure][1]),
        "measure": edge.measure,
        "most": short(bound.most),
        "source": worded(bound.source),
    }
    if edge.side == "lower":
        return say("below it {what} ({measure} above {most}, {source})", **values)
    return say("above it {what} ({measure} above {most}, {source})", **values)


def unseen_sentence(found: Recommendation) -> str:
    """The third sentence: the most important thing that could not be seen."""
    if found.kind == "none":
        return say("Not seen: which setting inside the range is best, as there is no objective; a scorer would say.")
    members = found.in_set
    if found.setting is None:
        return say("Not seen: anything about settings that were not tried.")
    feasible = [one for one in found.candidates if one.feasible != "outside"]
    if len(members) == len(feasible) > 1:
        return say(
            "Not seen: any difference in {objective} of more than {matters} between the {n} feasible settings; they "
            "cannot be distinguished.",
            objective=found.objective, matters=short(found.matters), n=len(members),
        )  # fmt: skip
    return say(
        "Not seen: what readers prefer, and differences in {objective} below {matters}, which are taken not to matter.",
        objective=found.objective, matters=short(found.matters),
    )  # fmt: skip


def details(found: Recommendation) -> list[str]:
    """What else was found, a sentence each."""
    said: list[str] = []
    said += _set(found)
    said += _cliffs(found)
    said += _held_out(found)
    if found.turning is not None:
        said.append(turning_sentence(found.turning))
    for variant in found.variants:
        said.append(_variant(variant.name, variant.lower, variant.upper, variant.pick, found.label))
    return said


def turning_sentence(found: Turn | TurningPoint) -> str:
    """TURN's second opinion, a sentence."""
    clear, share = (found.share or 0.0) >= _CLEAR, f"{100 * (found.share or 0.0):.0f}"
    if found.temperature is None:
        return say(
            "TURN (tempered entropy, no labels) has no turning point in this range; {share}% of resamples have one.",
            share=share,
        )
    temperature = f"{found.temperature:g}"
    if not clear or found.low is None or found.high is None:
        return say(
            "TURN (tempered entropy, no labels) is inconclusive: a turning point at T={t}, but only {share}% of "
            "resamples have one.",
            t=temperature, share=share,
        )  # fmt: skip
    return say(
        "TURN (tempered entropy, no labels) has its turning point at T={t} ({low} to {high}): a second opinion for "
        "majority votes; for the best of n it adds 0.1.",
        t=temperature, low=f"{found.low:.2f}", high=f"{found.high:.2f}",
    )  # fmt: skip


def _set(found: Recommendation) -> list[str]:
    if found.setting is None or found.kind == "none":
        return []
    members = [one.label for one in found.in_set]
    feasible = [one for one in found.candidates if one.feasible != "outside"]
    shown = joined(members if len(members) <= _NAMED else [*members[:_NAMED], say("{n} more", n=len(members) - _NAMED)])
    values = {"objective": found.objective, "matters": short(found.matters)}
    said: list[str] = []
    if len(members) == 1:
        said.append(
            say(
                "{setting} alone is beaten by no other feasible setting in {objective} by more than {matters} (95% for "
                "all together).",
                setting=first_upper(shown), **values,
            )
        )  # fmt: skip
    else:
        said.append(
            say(
                "No other feasible setting has a {better} {objective} by more than {matters} than these {n} of {of} "
                "(95% for all together): {settings}.",
                better=worded(found.better), n=len(members), of=len(feasible), settings=shown, **values,
            )
        )  # fmt: skip
    beaten = [one for one in found.candidates if one.beaten_by]
    if beaten:
        worst = max(beaten, key=lambda one: one.lead.low or 0.0)
        values = {"settings": count(len(beaten), "feasible setting"), "worst": worst.label,
                  "lead": _estimate(worst.lead), "better": worst.beaten_by}  # fmt: skip
        said.append(
            say("{settings} is worse: {worst}, for example, by {lead} against {better}.", **values)
            if len(beaten) == 1
            else say("{settings} are worse: {worst}, for example, by {lead} against {better}.", **values)
        )
    return said


def _cliffs(found: Recommendation) -> list[str]:
    if found.setting is None:
        return []
    known = found.ranges[0]
    said: list[str] = []
    if found.pick_to_lower is not None and found.pick_to_lower > 0:
        what = worded(EDGES[known.lower.measure][1])
        said.append(say("Temperature may fall by {by} before {what}.", by=f"{found.pick_to_lower:.2f}", what=what))
    if found.pick_to_upper is not None and found.pick_to_upper > 0:
        what = worded(EDGES[known.upper.measure][1])
        said.append(say("Temperature may rise by {by} before {what}.", by=f"{found.pick_to_upper:.2f}", what=what))
    return said


def _held_out(found: Recommendation) -> list[str]:
    if not found.confirmed:
        return []
    pick = found.confirmed[0]
    said: list[str] = []
    if pick.breaks:
        broken = joined(f"{name} {short(pick.measures[name])}" for name in pick.breaks)
        said.append(say("On {prompts} the pick breaks a bound: {broken}.", prompts=found.confirmed_on, broken=broken))
    else:
        said.append(say("On {prompts} the pick keeps all bounds.", prompts=found.confirmed_on))
    open_ = next((one for one in found.candidates if one.setting == found.setting), None)
    if found.kind != "none" and open_ is not None and pick.objective.value is not None:
        # diversity and distance depend on how many texts are compared
        same = found.kind in ("score", "agreement") or len({entry.seeds for entry in found.rounds}) == 1
        values = {"objective": found.objective, "value": _estimate(pick.objective), "was": short(open_.objective.value)}
        said.append(
            say("Its {objective} there is {value}; on the open prompts, where it was chosen, it was {was}.", **values)
            if same
            else say("Its {objective} there is {value}.", **values)
        )
    for one in found.confirmed[1:]:
        difference = one.difference
        if difference.low is None or difference.high is None:
            continue
        if difference.low > 0:
            said.append(
                say("The pick is better than {other} in {objective} by {difference}.", other=worded(one.name),
                    objective=found.objective, difference=_estimate(difference))
            )  # fmt: skip
        elif difference.high < 0:
            worse = Estimate(-(difference.value or 0), -difference.high, -difference.low)
            values = {"other": worded(one.name), "objective": found.objective, "difference": _estimate(worse)}
            said.append(
                say(
                    "The pick is worse than {other} in {objective} by {difference}, which breaks {bounds}.",
                    bounds=joined(one.breaks), **values,
                )
                if one.breaks
                else say("The pick is worse than {other} in {objective} by {difference}.", **values)
            )  # fmt: skip
    return said


def _variant(name: str, lower: float | None, upper: float | None, pick: str, held: str) -> str:
    if not pick:
        return say("With {bounds}, nothing is feasible.", bounds=worded(name))
    low = say("the lowest tried") if lower is None else f"{lower:.2f}"
    high = say("the highest tried") if upper is None else f"{upper:.2f}"
    return say("With {bounds}, the range is {low} to {high}, and the pick {pick}.", bounds=worded(name), low=low,
               high=high, pick=pick)  # fmt: skip


def not_seen(found: Recommendation) -> list[str]:
    """What the evidence could not have seen."""
    said: list[str] = [say("Whether texts are true, or to a reader's taste: only what is measured was seen.")]
    if found.kind != "none":
        said.append(
            say("Differences in {objective} below {matters}, which are taken not to matter.", objective=found.objective,
                matters=short(found.matters))
        )  # fmt: skip
    bounded = {curve.bound.measure for curve in found.ranges[0].curves}
    if missing := [
        name for name in EDGES if name not in bounded and (name != "surprise" or "perplexity" not in bounded)
    ]:
        measures = first_upper(joined(missing))
        said.append(
            say("{measures}: not measured or not bounded here, so no edge comes from it.", measures=measures)
            if len(missing) == 1
            else say("{measures}: not measured or not bounded here, so no edge comes from them.", measures=measures)
        )
    if not found.confirmed and found.setting is not None:
        said.append(say("Whether the pick holds on other prompts: none was held out."))
    for known in found.ranges if found.setting is not None else ():
        of = say(" of {line}", line=known.line) if known.line else ""
        said += [
            say("How far the lower edge{of} reaches: its interval is open on one side.", of=of)
            if edge.side == "lower"
            else say("How far the upper edge{of} reaches: its interval is open on one side.", of=of)
            for edge in (known.lower, known.upper)
            if edge.temperature is not None and (edge.low is None or edge.high is None)
        ]
    return said


def _estimate(value: Estimate) -> str:
    from thermoscope.words import estimate

    return estimate(value.value, value.low, value.high)
