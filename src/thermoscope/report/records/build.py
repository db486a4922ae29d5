"""From the tables of one run, of two, or of a comparison to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from thermoscope.comparison.passages import parting, passages
from thermoscope.errors import InputError
from thermoscope.files.remote import place
from thermoscope.language.saying import together, worded
from thermoscope.report.records import finding
from thermoscope.report.records.between_two import of_two_runs
from thermoscope.report.records.claimed import claimed
from thermoscope.report.records.effects import is_own, ranked
from thermoscope.report.records.measures import beside_texts, by_summary, meaning_of, scale_of, shown, unmeasured
from thermoscope.report.records.missing import missing
from thermoscope.report.records.pairs import arranged, between
from thermoscope.report.records.schema import Curve, Differences, Point, Ran, Report, Setting, TextRecord
from thermoscope.report.records.settings import listed
from thermoscope.report.records.source import Row, Source, from_comparison, from_measured, from_run
from thermoscope.runs.kept_texts import is_kept, open_measured
from thermoscope.runs.measured import Measured
from thermoscope.runs.run import Run, open_run
from thermoscope.settings.grid import neighbours
from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.claims import is_foreign
from thermoscope.statistics.frontier import frontier
from thermoscope.statistics.methods import methods

if TYPE_CHECKING:
    from thermoscope.comparison.comparison import Comparison


def run_report(*runs: str | Path | Run | Measured) -> Report:
    """The report of a run or of texts from files, or of two of them beside each other.

    Parameters
    ----------
    runs
        One or two runs, texts that ``measure_files`` measured, or folders of either.

    Returns
    -------
    Report
        Records; ``thermoscope.render`` and ``thermoscope.save`` write them out.

    Raises
    ------
    InputError
        There are not one or two runs, or both are the same.
    RunError
        A folder is no run, or the run is not complete.
    """
    if not 1 <= len(runs) <= 2:
        raise InputError(f"a report is of one run or of two; got {len(runs)}; leave some out")
    opened = [_opened(run) for run in runs]
    folders = [None if run.folder is None else run.folder.resolve() for run in opened]
    if len(opened) == 2 and (opened[0] is opened[1] or (folders[0] == folders[1] and folders[0] is not None)):
        raise InputError(f"two runs beside each other must differ; got {str(opened[0].folder)!r} twice")
    sources = [from_run(run) if isinstance(run, Run) else from_measured(run) for run in opened]
    return _report(sources, _names(sources, ["texts" if path is None else path.name for path in folders]))


def _opened(run: str | Path | Run | Measured) -> Run | Measured:
    if isinstance(run, Run | Measured):
        return run
    kept = is_kept(place(run))
    return open_measured(run) if kept else open_run(run)


def comparison_report(comparison: Comparison) -> Report:
    """The report of a comparison from ``compare``; its seeds are the units of intervals, and there are no claims."""
    return _report([from_comparison(comparison)], ["compare"])


def _names(sources: Sequence[Source], folders: Sequence[str]) -> list[str]:
    """What tells the runs apart: use case, model, or the folder."""
    for names in ([s.name for s in sources], [s.model for s in sources], list(folders)):
        if len(set(names)) == len(names):
            return names
    return [f"run {i + 1}" for i in range(len(sources))]


def run_finding(run: Run | Measured) -> tuple[str, ...]:
    """What a complete run, or texts from files, show, in sentences: those of the report; a run's texts are not read."""
    source = from_run(run, texts=False) if isinstance(run, Run) else from_measured(run)
    return _found([source], [source.name]).finding


def _report(sources: Sequence[Source], names: Sequence[str]) -> Report:
    prompts = tuple(dict.fromkeys(prompt for source in sources for prompt in source.prompts))
    seeds = tuple(dict.fromkeys(seed for source in sources for seed in source.seeds))
    found = _found(sources, names)
    texts = [
        text
        for source, offset in zip(sources, _offsets(sources), strict=True)
        for text in _texts(source, offset, prompts, seeds)
    ]
    return replace(found, prompts=prompts, seeds=seeds, texts=tuple(texts))


def _offsets(sources: Sequence[Source]) -> list[int]:
    """Where the settings of each run begin among those of all."""
    return [0, len(sources[0].settings)][: len(sources)]


def _found(sources: Sequence[Source], names: Sequence[str]) -> Report:
    """The report without prompts, seeds and texts."""
    axis, settings = listed(sources, names)
    runs = tuple(_ran(source, name) for source, name in zip(sources, names, strict=True))
    curves = [curve for name in shown() if (curve := _curve(name, sources, names, settings)) is not None]
    limits = [source.loop_limit for source in sources if source.loop_limit is not None]
    means = {curve.measure: {point.setting: point.mean for point in curve.points} for curve in curves}
    best = frontier(means, max(limits, default=None))
    notes: list[str] = []
    if len(sources) == 1:
        (source,) = sources
        pairs = source.differences
        differences = arranged(pairs)
        alone = len(source.seeds) == 1 and source.reading  # no intervals: the texts themselves say more than means
        sentences = source.reading if alone else finding.of_one_run(settings, curves, differences, best, runs[0])
    else:
        pairs, notes = between(sources[0], sources[1], settings)
        differences = arranged(pairs)
        sentences = of_two_runs(settings, differences, runs, notes)
    order = _order(curves, differences)
    return Report(
        title=" and ".join(dict.fromkeys(source.title for source in sources)),
        finding=sentences,
        axis=axis,
        runs=runs,
        settings=settings,
        prompts=(),
        seeds=(),
        curves=tuple(sorted(curves, key=lambda curve: order[curve.measure])),
        differences=tuple(sorted(differences, key=lambda found: order[found.measure])),
        frontier=best,
        texts=(),
        meanings=tuple(meaning_of(name) for name in sorted(means, key=lambda name: order[name])),
        notes=tuple(note for note in notes if note not in sentences),
        claimed=claimed(runs),
        methods=_methods(sources, names),
        difference_methods=methods(_shown(pairs), sources[0].unit, paired=True),
        unmeasured=unmeasured(curve.measure for curve in curves),
    )


def _shown(rows: Sequence[Row]) -> list[Row]:
    """The rows of measures that a report shows."""
    names = set(shown())
    return [row for row in rows if row["measure"] in names]


def _methods(sources: Sequence[Source], names: Sequence[str]) -> tuple[str, ...]:
    """How intervals and bands were made; of two runs by name, unless it is the same for both."""
    said = [methods(_shown(source.measured), source.unit) for source in sources]
    if len(set(said)) == 1:
        return said[0]
    return tuple(f"{name}: {sentence}" for name, own in zip(names, said, strict=True) for sentence in own)


def _order(curves: Sequence[Curve], differences: Sequence[Differences]) -> dict[str, int]:
    """The places of measures: the user's own, those that a finding cites, then the most telling ones."""
    cited = [effect.measure for effect in ranked(differences)][:2]
    known = [curve.measure for curve in curves]
    own = [name for name in known if is_own(name)]
    names = [*own, *cited, *known, *(found.measure for found in differences)]
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _ran(source: Source, name: str) -> Ran:
    return Ran(
        name=name,
        title=source.title,
        objective=source.objective,
        unit=source.unit,
        facts=source.facts,
        command=source.command,
        claims=tuple(claim for claim in source.claims if not is_foreign(claim["name"], source.objective)),
        effective=source.effective,
        shared_noise=source.shared_noise,
    )


def _curve(name: str, sources: Sequence[Source], names: Sequence[str], settings: Sequence[Setting]) -> Curve | None:
    """A measure at the settings of all runs; None if it is known at none."""
    offsets = _offsets(sources)
    of_runs = [
        [
            _point(row, row["setting"] + offset)
            for row in source.measured
            if row["measure"] == name and row["mean"] is not None
        ]
        for source, offset in zip(sources, offsets, strict=True)
    ]
    points = tuple(point for own in of_runs for point in own)
    if not points:
        return None
    m = by_summary()[name]
    limits = {run: source.reference for run, source, own in zip(names, sources, of_runs, strict=True) if own}
    note = _limit(limits) if m.needs == "reference" else ""
    unknown = [
        missing(source, name, own, settings, offset)
        for source, own, offset in zip(sources, of_runs, offsets, strict=True)
    ]
    lacking = together(list(filter(None, unknown)))
    return Curve(name, m.unit, scale_of(name), m.direction, meaning_of(name).meaning, points, note, lacking)


def _limit(limits: Mapping[str, str]) -> str:
    """What limits a measure, from what does in each run: by name, unless all are limited alike."""
    if len(set(limits.values())) == 1:
        return worded(next(iter(limits.values())))
    return together([f"{run}: {limit}" for run, limit in limits.items() if limit])


def _point(row: Row, setting: int) -> Point:
    values = {name: row[name] for name in ("mean", "low", "high", "band_low", "band_high", "units", "texts")}
    return Point(setting=setting, **values)


def _texts(source: Source, offset: int, prompts: Sequence[str], seeds: Sequence[int]) -> list[TextRecord]:
    there = {(text.prompt, text.setting, text.seed): text for text in source.texts}
    ours = [setting for setting in source.settings if isinstance(setting, SamplingParams)]
    nearest = neighbours(ours) if len(ours) == len(source.settings) else [None, *range(len(source.settings) - 1)]
    made = []
    for text in source.texts:
        neighbour = nearest[text.setting]
        before = None if neighbour is None else there.get((text.prompt, neighbour, text.seed))
        made.append(
            TextRecord(
                prompt=prompts.index(source.prompts[text.prompt]),
                setting=text.setting + offset,
                seed=seeds.index(source.seeds[text.seed]),
                passages=passages(text.text, text.token_ids, text.ends),
                neighbour=None if before is None or neighbour is None else neighbour + offset,
                differs_at=None
                if before is None
                else parting(text.text, text.token_ids, text.ends, before.token_ids, before.text),
                finish_reason=text.finish_reason,
                measures={name: text.measures.get(name) for name in beside_texts()},
            )
        )
    return made
