"""Paired differences as records: those of one run, and those between two runs with what limits them in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from thermoscope.language.saying import say
from thermoscope.report.records.measures import by_summary, shown
from thermoscope.report.records.schema import Difference, Differences, Setting
from thermoscope.report.records.source import Row, Source
from thermoscope.statistics.between_runs import counterparts, differences, shared
from thermoscope.statistics.outcome import outcome
from thermoscope.words import count


def arranged(rows: Sequence[Row]) -> tuple[Differences, ...]:
    """Rows of differences by measure, those that a report shows; those without an effect are left out."""
    made = []
    for name in shown():
        own = [row for row in rows if row["measure"] == name and row["effect"] is not None]
        if own:
            kind: Literal["difference", "ratio"] = "ratio" if own[0]["kind"] == "ratio" else "difference"
            made.append(Differences(name, kind, tuple(_difference(row, kind) for row in own)))
    return tuple(made)


def between(first: Source, second: Source, settings: Sequence[Setting]) -> tuple[Sequence[Row], list[str]]:
    """The second run against the first at settings that belong together, and what limits that, a sentence each."""
    pairs = counterparts(*([(s.id, s.x) for s in settings if s.run == run] for run in (0, 1)))
    if not pairs:
        return (), [say("The runs have no setting in common, so no differences between them are paired.")]
    if not shared(first.prompts, second.prompts):
        return (), [say("The runs have no prompt in common, so no differences between them are paired.")]
    if not shared(first.seeds, second.seeds):
        return (), [say("The runs have no seed in common, so no differences between them are paired.")]
    measures = [by_summary()[name] for name in shown()]
    return differences(first, second, pairs, measures), _limits(first, second, len(pairs))


def _limits(first: Source, second: Source, pairs: int) -> list[str]:
    notes: list[str] = []
    for name, ours, theirs in (("prompt", first.prompts, second.prompts), ("seed", first.seeds, second.seeds)):
        both = len(shared(ours, theirs))
        if both < max(len(ours), len(theirs)):
            counted = {"ours": len(ours), "theirs": len(theirs)}
            notes.append(
                say("Differences are over the {shared} that both runs have (of {ours} and {theirs}).",
                    shared=count(both, name), **counted)
            )  # fmt: skip
    if first.seeds != second.seeds:
        notes.append(
            say(
                "Measures over several samples of a prompt (self_bleu, ...) are not compared, because the seeds differ."
            )
        )
    if pairs < max(len(first.settings), len(second.settings)):
        notes.append(say("Only {settings} could be matched between the two runs.", settings=count(pairs, "setting")))
    if first.limit != second.limit:
        notes.append(
            say(
                "The texts differ in length (at most {first} and {second} tokens), which affects the measures.",
                first=first.limit,
                second=second.limit,
            )
        )
    if first.model != second.model:
        notes.append(
            say("Perplexity and entropy are each model's own view of its own texts; the tokens may differ as well.")
        )
    return notes


def _difference(row: Row, kind: Literal["difference", "ratio"]) -> Difference:
    return Difference(
        a=row["setting_a"],
        b=row["setting_b"],
        effect=float(row["effect"]),
        low=row["low"],
        high=row["high"],
        band_low=row["band_low"],
        band_high=row["band_high"],
        units=int(row["units"]),
        texts=int(row["texts"]),
        told=outcome(row["band_low"], row["band_high"], kind),
    )
