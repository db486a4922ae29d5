"""How intervals were made, in words: once for a table, by measure where it differs."""

from __future__ import annotations

from typing import Any

from thermoscope.statistics.methods import methods


def row(measure: str, method: str = "bootstrap", units: int = 12, low: float | None = 0.1) -> dict[str, Any]:
    return {"measure": measure, "low": low, "units": units, "band_method": method}


def test_each_kind_of_measure_is_said_once() -> None:
    rows = [row("rep_4", "Bonferroni"), row("loop_rate", "Bonferroni"), row("entropy"), row("perplexity")] * 3
    intervals, bands = methods(rows, "prompt")
    assert intervals.startswith("Intervals: Wilson's score interval for shares; for other means Student's t")
    assert bands == (
        "Bands: for shares, Bonferroni's correction of these intervals; for other measures, the largest deviation when "
        "prompts are resampled."
    )


def test_what_is_made_otherwise_is_named() -> None:
    rows = [row("entropy"), row("perplexity"), row("drift", "Bonferroni", 4)]
    assert methods(rows, "prompt")[1] == (
        "Bands: for other measures, the largest deviation when prompts are resampled; for drift, Bonferroni's "
        "correction of Student's t (fewer than 10 prompts are too few to resample)."
    )


def test_differences() -> None:
    intervals, bands = methods([row("entropy", "sign flips")], "seed", paired=True)
    assert "Student's t of paired differences" in intervals
    assert bands == "Bands: for other measures, the largest deviation when the signs of whole seeds are flipped."


def test_why_there_is_no_band() -> None:
    rows = [row("entropy"), row("tokens", "none"), row("zipf", "none", 0, None)]
    assert methods(rows, "prompt")[2:] == ("No band, as all values are the same: tokens.",)
    alone = [row("entropy", "none", 1, None)]
    assert methods(alone, "seed") == ("There are no intervals and no bands, as there are fewer than two seeds.",)
    assert methods([], "prompt") == ()


def test_tables_of_older_versions_do_not_say_it() -> None:
    old = [{"measure": "entropy", "low": 0.1, "units": 12}]
    assert methods(old, "prompt")[0].startswith("How the intervals and bands were made is not recorded")
