"""What is wanted of the texts: one declared objective, and what difference in it matters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from thermoscope.errors import InputError
from thermoscope.statistics.frontier import DIVERSITY
from thermoscope.words import nearest, quoted

if TYPE_CHECKING:
    from thermoscope.runs.measuring import Measuring

Kind = Literal["diversity", "agreement", "score", "reference", "none"]
#: Every objective by name, with what it is.
KINDS: dict[Kind, str] = {
    "diversity": "texts of one prompt that differ from each other",
    "agreement": "texts of one prompt with the same answer",
    "score": "what the scorer gives",
    "reference": "texts like those of the reference",
    "none": "anything in the feasible range",
}


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective.

    Attributes
    ----------
    kind
        Its name.
    measure
        The measure of groups that it is, in the tables of a run; "" for none.
    name
        What it is called where a reader sees it.
    higher_is_better
        Whether a larger value is better.
    scale
        "share" for values from 0 to 1, "log" for what is compared by ratios, else "linear".
    matters
        The smallest difference that matters, in the measure's own unit (of its logarithm on a log scale).
    best_of
        How many texts the best one is taken of; 1 for each text by itself.
    """

    kind: Kind
    measure: str
    name: str
    higher_is_better: bool
    scale: Literal["share", "log", "linear"]
    matters: float
    best_of: int = 1

    @property
    def seeds(self) -> int:
        """The fewest texts of a prompt and setting that it needs."""
        return max(self.best_of, 1 if self.kind in ("score", "none") else 2)


#: Differences that matter unless another is given: of shares, and of a distance by its logarithm (10 %).
_SHARE, _RATIO = 0.05, 0.095


def objective_of(
    measuring: Measuring,
    *,
    kind: str | None = None,
    matters: float | None = None,
    best_of: int = 1,
    has_reference: bool = True,
) -> Objective:
    """The objective of a use case, or the one that is asked for.

    Parameters
    ----------
    measuring
        How texts are measured: use case, scorer, embedder, reference.
    kind
        One of ``KINDS``; None takes what the use case says.
    matters
        The smallest difference that matters; None takes 0.05 (5 points of a share; 10 % of a distance).
    best_of
        How many texts the best is taken of, for a score.
    has_reference
        Whether text by people can be scored, which needs a model that runs here.

    Raises
    ------
    InputError
        There is no such objective, or what it needs is missing.
    """
    if kind is not None and _kind(kind) not in KINDS:
        raise InputError(f"objective must be one of {', '.join(KINDS)}; got {quoted(kind)}{nearest(str(kind), KINDS)}")
    chosen = _usual(measuring, has_reference=has_reference) if kind is None else _kind(kind)
    if chosen == "score" and measuring.scorer is None:
        raise InputError("the objective score needs a scorer; add --scorer exact, regex:PATTERN or FILE.py:FUNCTION")
    if chosen == "reference" and not (has_reference and _referred(measuring)):
        raise InputError(
            "the objective reference needs text by people and a model that runs here; add --reference FILE, or choose "
            "another objective"
        )
    if best_of > 1 and chosen != "score":
        raise InputError(f"best of {best_of} is of a score; the objective is {chosen}; add --scorer, or leave it out")
    if matters is not None and not 0 <= matters < float("inf"):
        raise InputError(f"matters must be a difference of at least 0; got {matters}; write 0.05")
    made = _made(chosen, measuring, best_of)
    return made if matters is None else replace(made, matters=float(matters))


def _kind(word: str) -> Kind:
    return word  # type: ignore[return-value]


def _referred(measuring: Measuring) -> bool:
    return measuring.reference_text is not None or measuring.use_case.reference is not None


def _usual(measuring: Measuring, *, has_reference: bool) -> Kind:
    """The objective of a use case: a score where there is a scorer, else by the use case's own objective."""
    case = measuring.use_case
    if measuring.scorer is not None:
        return "score"
    if case.objective == "creative":
        return "diversity"
    if case.answer_pattern is not None:
        return "agreement"
    if case.objective in ("technical", "human-like") and has_reference and _referred(measuring):
        return "reference"
    return "none"


def _made(kind: Kind, measuring: Measuring, best_of: int) -> Objective:
    if kind == "diversity":
        measure = DIVERSITY[0] if measuring.embedder is not None else "self_bleu"
        names = {"self_bleu": "self-BLEU", "semantic_dispersion": "semantic dispersion"}
        return Objective(kind, measure, names[measure], measure != "self_bleu", "share", _SHARE)
    if kind == "agreement":
        return Objective(kind, "agreement", "agreement", True, "share", _SHARE)
    if kind == "score":
        name = "score" if best_of == 1 else f"best score of {best_of}"
        return Objective(kind, "score", name, True, "linear", _SHARE, best_of)
    if kind == "reference":
        return Objective(kind, "reference_distance", "distance to the reference", False, "log", _RATIO)
    return Objective(kind, "", "none", True, "linear", 0.0)
