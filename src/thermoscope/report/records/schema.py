"""What a report says, as records: the same that ``--format json`` prints and from which every other form is made.

A report is of one run or of two beside each other, or of a comparison. Settings, prompts and seeds are listed once
and referred to by their place in the list. Numbers are None where they are not known. Texts are as the model wrote
them: whoever shows them escapes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from thermoscope.comparison.comparison import finite
from thermoscope.comparison.passages import Passage
from thermoscope.fragment import clipped, fragment, listed, safe, soft, table
from thermoscope.shown import Page, as_pandas
from thermoscope.statistics.frontier import Frontier
from thermoscope.statistics.outcome import Outcome
from thermoscope.statistics.verdicts import claim_verdict
from thermoscope.words import count, estimate, first_upper

if TYPE_CHECKING:
    import pyarrow

FORMAT = "thermoscope.report/1"
#: Measures that a notebook shows, and settings.
MOST_MEASURES, MOST_SETTINGS = 4, 20


@dataclass(frozen=True, slots=True)
class Ran:
    """One of the runs that a report is of.

    Attributes
    ----------
    name
        What tells it from the other run; the use case, or the run's folder where both have the same.
    title, objective
        Of the use case; "" for a comparison.
    unit
        What intervals are over: "prompt", or "seed" where there is one prompt.
    facts
        What ran, as (name, value): model, revision, versions and what else the texts depend on.
    command
        The command that reproduces it.
    claims
        As in ``claims.json``.
    effective
        What of the settings did nothing or contradicts itself, a sentence each.
    shared_noise
        Whether settings share their random noise; texts from an endpoint are independent samples.
    """

    name: str
    title: str
    objective: str
    unit: Literal["prompt", "seed"]
    facts: tuple[tuple[str, str], ...]
    command: str
    claims: tuple[Mapping[str, Any], ...]
    effective: tuple[str, ...]
    shared_noise: bool = True


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of one of the runs.

    Attributes
    ----------
    run
        Place of its run.
    id
        The setting's identity.
    label
        What it is called here: ``T=0.7``, with the run's name where there are two.
    x
        Value of the parameter on the axis; None where that is off or there is no axis.
    series
        What else tells it from others at the same x; "" if nothing does.
    stages
        The stages that are on, in their order, each with its values: ``temperature=0.7``, ``top_k=20``.
    """

    run: int
    id: str
    label: str
    x: float | None
    series: str
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A measure at one setting: mean, 95% interval by itself, and band that holds for the whole curve."""

    setting: int
    mean: float
    low: float | None
    high: float | None
    band_low: float | None
    band_high: float | None
    units: int
    texts: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A measure over the settings; first those that the finding cites, then the most telling ones.

    Attributes
    ----------
    scale
        "log" where it is averaged by logarithms and compared by ratios; "share" between 0 and 1; "linear".
    direction
        What a larger value means.
    points
        The settings at which it is known.
    note
        What limits it, in the words of a sentence; "" if nothing does.
    missing
        Which of its values are unknown, and why, as a sentence: "46 of 48 values at T=0.3 are known"; "" if none is.
    """

    measure: str
    unit: str
    scale: Literal["linear", "share", "log"]
    direction: str
    meaning: str
    points: tuple[Point, ...]
    note: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Setting b against setting a, same prompts and seeds: b - a, or b / a. ``told`` is by the band."""

    a: int
    b: int
    effect: float
    low: float | None
    high: float | None
    band_low: float | None
    band_high: float | None
    units: int
    texts: int
    told: Outcome


@dataclass(frozen=True, slots=True)
class Differences:
    """The paired differences of one measure."""

    measure: str
    kind: Literal["difference", "ratio"]
    pairs: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class TextRecord:
    """One text.

    Attributes
    ----------
    prompt, setting, seed
        Places in the report's lists.
    passages
        The text in pieces; joined, they are the text.
    neighbour
        The setting whose text with the same prompt and seed is the one before it; None if there is none.
    differs_at
        Character at which it first differs from that one; None if it doesn't.
    finish_reason
        "end_of_text", "stop" or "length".
    measures
        rep_4, perplexity, entropy, tokens.
    """

    prompt: int
    setting: int
    seed: int
    passages: tuple[Passage, ...]
    neighbour: int | None
    differs_at: int | None
    finish_reason: str
    measures: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reader must know of a measure."""

    name: str
    unit: str
    direction: str
    meaning: str
    source: str


@dataclass(frozen=True, slots=True, repr=False)
class Report(Page):
    """Everything that a report says, in the order of a reader; ``thermoscope.render`` makes its forms.

    The records that it is made of (``Ran``, ``Setting``, ``Curve``, ``Differences``, ``TextRecord``, ``Meaning``) are
    in ``thermoscope.report.records.schema``.

    Attributes
    ----------
    title
        What was measured.
    finding
        The answer first, in three sentences at most, made from the numbers; of a comparison with one seed its reading.
    axis
        The parameter along which curves run; None if settings differ in none that is a number.
    runs, settings, prompts, seeds
        What the other records refer to.
    notes
        What limits the comparison of two runs and isn't in the finding, a sentence each.
    claimed
        What became of the article's claims, in one sentence; "" where there are none.
    methods, difference_methods
        How the intervals and bands of measures and of differences were made, or why there are none, a sentence each.
    unmeasured
        Which measures are not known, and why, a sentence each.
    """

    title: str
    finding: tuple[str, ...]
    axis: str | None
    runs: tuple[Ran, ...]
    settings: tuple[Setting, ...]
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    curves: tuple[Curve, ...]
    differences: tuple[Differences, ...]
    frontier: Frontier | None
    texts: tuple[TextRecord, ...]
    meanings: tuple[Meaning, ...]
    notes: tuple[str, ...] = ()
    claimed: str = ""
    methods: tuple[str, ...] = ()
    difference_methods: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Report(title={clipped(self.title)!r}, runs={len(self.runs)}, settings={len(self.settings)}, "
            f"prompts={len(self.prompts)}, seeds={len(self.seeds)}, texts={len(self.texts)})"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: what was found, the claims, and the leading measures of each setting."""
        curves = self.curves[:MOST_MEASURES]
        points = [{point.setting: point for point in curve.points} for curve in curves]
        rows = [
            [safe(setting.label), *(_cell(known.get(number)) for known in points)]
            for number, setting in enumerate(self.settings[:MOST_SETTINGS])
        ]
        rest = len(self.settings) - len(rows)
        claims = [claim for run in self.runs for claim in run.claims]
        return fragment(
            self.title,
            listed((*self.finding, *self.notes)),
            listed(f"{first_upper(claim['name'])}: {claim_verdict(claim['verdict'])}" for claim in claims),
            table(("setting", *(curve.measure for curve in curves)), rows) if curves else "",
            soft(f"{count(rest, 'more setting')} not shown") if rest and curves else "",
            soft('Means with 95% intervals. thermoscope.save(report, "report.html") writes the whole page.'),
        )

    def table(self) -> pyarrow.Table:
        """One row per measure and setting: run, setting, mean, interval, band, how many prompts and texts."""
        import pyarrow as pa

        return pa.Table.from_pylist([
            {"measure": curve.measure, "run": self.runs[self.settings[point.setting].run].name,
             "setting": self.settings[point.setting].label} | {k: v for k, v in asdict(point).items() if k != "setting"}
            for curve in self.curves
            for point in curve.points
        ])  # fmt: skip

    def to_pandas(self) -> Any:
        """``table`` as a pandas DataFrame; InputError where pandas is not installed."""
        return as_pandas(self.table())

    def to_dict(self) -> dict[str, Any]:
        """Everything, as what JSON can hold."""
        return {"format": FORMAT, **asdict(self)}

    def to_json(self, *, indent: int | None = 2) -> str:
        """``to_dict`` as JSON; values that are not finite are null."""
        return json.dumps(finite(self.to_dict()), ensure_ascii=False, indent=indent, allow_nan=False)


def _cell(point: Point | None) -> str:
    """A mean with its interval."""
    return "unknown" if point is None else estimate(point.mean, point.low, point.high)
