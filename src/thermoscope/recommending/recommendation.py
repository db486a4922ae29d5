"""A recommendation as data: the setting, the range and why, what could not be seen, and everything behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from thermoscope.errors import RunError
from thermoscope.recommending.bounds import Bound, Side
from thermoscope.settings.params import SamplingParams
from thermoscope.shown import Page

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = "thermoscope.recommendation/1"
#: Whether a setting keeps all bounds: by its means, with "undecided" where a band holds a bound.
Feasible = Literal["inside", "outside", "undecided"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; None where it is unknown."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RangeEdge:
    """One edge of a feasible range of temperatures.

    Attributes
    ----------
    side
        "lower" or "upper".
    temperature
        Where a measure reaches its bound; None where none does within the temperatures that were run.
    low, high
        The interval of that temperature, from the measure's simultaneous band; None where it is open on that side.
    measure
        The measure that makes the edge; "" where there is none.
    """

    side: Side
    temperature: float | None
    low: float | None = None
    high: float | None = None
    measure: str = ""


@dataclass(frozen=True, slots=True)
class RangePoint:
    """A measure at one temperature: its mean with its simultaneous band, None where unknown."""

    temperature: float
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class RangeCurve:
    """A bounded measure along temperature."""

    bound: Bound
    points: tuple[RangePoint, ...]


@dataclass(frozen=True, slots=True)
class FeasibleRange:
    """The feasible temperatures of one line of settings, which differ in temperature alone.

    Attributes
    ----------
    line
        What the line is called; "" where there is one.
    family
        The parameters beside temperature: "temperature alone", "min_p".
    lower, upper
        The edges.
    feasible
        Whether any temperature that was run keeps all bounds.
    failing
        Where none does: which bounds fail and by how much, a sentence; else "".
    curves
        The bounded measures.
    """

    line: str
    family: str
    lower: RangeEdge
    upper: RangeEdge
    feasible: bool
    failing: str
    curves: tuple[RangeCurve, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A setting that was tried.

    Attributes
    ----------
    setting, label
        The setting, and what it is called.
    line, family
        Of which it is one.
    feasible
        Whether it keeps the bounds.
    objective
        The objective's mean with its simultaneous interval.
    in_set
        Whether no other feasible setting beats it.
    beaten_by
        The label of the one that beats it most clearly; "" if none does.
    lead
        By how much that one is better, with its simultaneous interval.
    prompts, texts
        What is behind it.
    measures
        Means of the bounded measures, and of self-BLEU.
    dropped
        In which round it was dropped, and why; "" if it was not.
    """

    setting: SamplingParams
    label: str
    line: str
    family: str
    feasible: Feasible
    objective: Estimate
    in_set: bool
    beaten_by: str
    lead: Estimate
    prompts: int
    texts: int
    measures: dict[str, float | None]
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A setting on held-out prompts.

    Attributes
    ----------
    name
        Whose setting it is: "the pick", "greedy", ...
    setting, source
        The setting, and where it is from; "" where the name says it.
    objective
        The objective's mean on held-out prompts.
    difference
        The pick's advantage over it, paired by prompt, above 0 where the pick is better; unknown for the pick itself.
    measures
        Means of the bounded measures.
    breaks
        The bounds that it breaks on held-out prompts, by measure.
    """

    name: str
    setting: SamplingParams
    source: str
    objective: Estimate
    difference: Estimate
    measures: dict[str, float | None]
    breaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchRound:
    """What was generated in one round, for the log of a recommendation."""

    name: str
    folder: str
    candidates: int
    prompts: int
    seeds: int
    texts: int
    tokens: int
    left: int
    said: str


@dataclass(frozen=True, slots=True)
class FamilyCurve:
    """The best expected objective of N candidates of a family drawn at random, for N = 1, 2, ...."""

    family: str
    candidates: int
    best: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ExampleText:
    """Texts of one prompt at a setting."""

    where: str
    label: str
    prompt: str
    text: str


@dataclass(frozen=True, slots=True)
class OtherAdvice:
    """What the advice would be if bounds were looser or stricter.

    Attributes
    ----------
    name
        Which bounds: "twice the margin".
    lower, upper
        The range.
    pick
        The label of the pick; "" if nothing is feasible.
    """

    name: str
    lower: float | None
    upper: float | None
    pick: str


@dataclass(frozen=True, slots=True)
class TurningPoint:
    """TURN's turning point: where ln(tempered entropy) begins to rise faster with temperature (Du et al. 2025).

    Attributes
    ----------
    temperature, low, high
        The temperature with its bootstrap interval over prompts; None where there is none in the range.
    share
        Share of resamples that have one.
    said
        The same, a sentence.
    """

    temperature: float | None
    low: float | None
    high: float | None
    share: float | None
    said: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What a recommendation has cost in all.

    Attributes
    ----------
    tokens, texts
        What was generated.
    generating_s, reading_s, deciding_s
        Seconds of generating, of reading the reference under the model, and of measuring, statistics and storing.
    budget, budget_tokens
        The budget as given, and in tokens.
    cost
        In the currency of the prices that were given; "" without prices.
    """

    tokens: int
    texts: int
    generating_s: float
    reading_s: float
    deciding_s: float
    budget: str
    budget_tokens: int
    cost: str = ""


@dataclass(frozen=True, slots=True)
class Recommendation(Page):
    """The setting for some prompts on a model, with evidence. ``thermoscope.render`` and ``save`` make its page.

    Attributes
    ----------
    verdict
        "picked", or "nothing feasible".
    setting, label
        The pick; None and "" where nothing is feasible.
    finding
        The first three sentences: the setting; the range and why; what could not be seen.
    details
        What else was found, a sentence each.
    title, use_case, model, kind
        The use case's title and name, the model, and the objective's kind.
    objective, better, matters, confidence
        The objective's name, "higher" or "lower", the smallest difference that matters, the joint confidence.
    ranges
        The feasible range of each line; the pick's first.
    candidates
        Every setting that was tried on the open prompts.
    pick_to_lower, pick_to_upper
        How far temperature may fall and rise before an edge; None where there is none in the range.
    confirmed
        The pick and the settings beside it on held-out prompts; the pick first.
    confirmed_on
        On what: a sentence.
    not_run
        Settings beside the pick that the source can't run, a sentence each.
    turning
        The second opinion; None where tempered entropies are unknown.
    families
        Best-of-N curves, where several families were tried.
    variants
        How the advice changes with the bounds.
    examples
        Texts at the pick and beyond both edges.
    bounds
        The bounds that held, in words.
    foresight
        What was said before anything was spent.
    not_seen
        What the evidence could not have seen, a sentence each.
    notes
        What a reader must know of source, scorer and texts, a sentence each.
    rounds, spent
        What was generated, and what it cost.
    complete
        Whether the plan was carried out; if not, why, a sentence in ``notes``.
    folder
        Where the runs are kept.
    command, next_command
        What goes on with it or makes it again, and what writes the setting for an engine ("" without a pick).
    ran
        What ran, in words, by name.
    """

    verdict: Literal["picked", "nothing feasible"]
    setting: SamplingParams | None
    label: str
    finding: tuple[str, str, str]
    details: tuple[str, ...]
    title: str
    use_case: str
    model: str
    kind: str
    objective: str
    better: Literal["higher", "lower"]
    matters: float
    confidence: float
    ranges: tuple[FeasibleRange, ...]
    candidates: tuple[Candidate, ...]
    pick_to_lower: float | None
    pick_to_upper: float | None
    confirmed: tuple[Confirmed, ...]
    confirmed_on: str
    not_run: tuple[str, ...]
    turning: TurningPoint | None
    families: tuple[FamilyCurve, ...]
    variants: tuple[OtherAdvice, ...]
    examples: tuple[ExampleText, ...]
    bounds: tuple[str, ...]
    foresight: tuple[str, ...]
    not_seen: tuple[str, ...]
    notes: tuple[str, ...]
    rounds: tuple[SearchRound, ...]
    spent: Spent
    complete: bool
    folder: str
    command: str
    next_command: str
    ran: dict[str, str]
    format: str = field(default=FORMAT)

    def _repr_html_(self) -> str:
        """What a notebook shows: the three sentences."""
        from thermoscope.fragment import fragment, listed, soft

        return fragment(self.finding[0], listed(self.finding[1:]), soft(self.folder))

    @property
    def in_set(self) -> tuple[Candidate, ...]:
        """The settings that no other beats."""
        return tuple(one for one in self.candidates if one.in_set)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        record: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return record

    def to_json(self) -> str:
        """The same as JSON; ``from_json`` reads it back."""
        return _adapter().dump_json(self, indent=2).decode()

    @classmethod
    def from_json(cls, text: str | bytes, path: Path) -> Recommendation:
        """Read what ``to_json`` wrote and a file has.

        Raises
        ------
        RunError
            It is something else.
        """
        from pydantic import ValidationError

        try:
            found = _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise RunError(
                f"{path} is no recommendation ({place}: {first['msg']}); run the same recommend command again"
            ) from None
        if found.format != FORMAT:
            raise RunError(f"{path} must be of format {FORMAT}; got {found.format!r}; run recommend again")
        return found


@cache
def _adapter() -> TypeAdapter[Recommendation]:
    from pydantic import TypeAdapter

    return TypeAdapter(Recommendation)
