"""Sources made by hand, so that what a report must say is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from thermoscope.report.records.source import Source, SourceText
from thermoscope.settings.params import SamplingParams


def row(
    measure: str, setting: int, mean: float | None, low: float | None = None, high: float | None = None
) -> dict[str, Any]:
    """A row of measures per setting; the band is the interval."""
    return {"measure": measure, "setting": setting, "mean": mean, "low": low, "high": high, "band_low": low,
            "band_high": high, "units": 3, "texts": 6}  # fmt: skip


def pair(
    measure: str, a: int, b: int, effect: float, low: float | None, high: float | None, kind: str = "difference"
) -> dict[str, Any]:
    """A row of differences."""
    ends = {"low": low, "high": high, "band_low": low, "band_high": high}
    return {
        "measure": measure,
        "setting_a": a,
        "setting_b": b,
        "kind": kind,
        "effect": effect,
        "units": 3,
        "texts": 6,
    } | ends


def text(
    prompt: int, setting: int, seed: int, pieces: Sequence[str] = ("a", " b"), **measures: float | None
) -> SourceText:
    """A text of one token per piece, equal pieces being equal tokens."""
    ends, length = [], 0
    for piece in pieces:
        length += len(piece)
        ends.append(length)
    ids = [1 + int.from_bytes(piece.encode()) % 1_000_003 for piece in pieces]
    return SourceText(prompt, setting, seed, "".join(pieces), ids, ends, "length", measures)


def source(
    settings: Sequence[SamplingParams],
    *,
    texts: Sequence[SourceText] = (),
    measured: Sequence[Mapping[str, Any]] = (),
    differences: Sequence[Mapping[str, Any]] = (),
    prompts: Sequence[str] = ("one", "two", "three"),
    seeds: Sequence[int] = (0, 1),
    claims: Sequence[Mapping[str, Any]] = (),
    groups: Sequence[Mapping[str, Any]] = (),
    **how: Any,
) -> Source:
    """A source."""
    values: dict[str, Any] = {
        "name": "stories", "title": "A title", "objective": "creative", "model": "tiny", "facts": (("model", "tiny"),),
        "command": "thermoscope measure --use-case x", "effective": (), "reference": "",
        "loop_limit": None, "limit": 20,
    }  # fmt: skip
    return Source(
        prompts=tuple(prompts),
        settings=tuple(settings),
        seeds=tuple(seeds),
        texts=tuple(texts),
        measured=tuple(measured),
        differences=tuple(differences),
        groups=tuple(groups),
        claims=tuple(claims),
        **{**values, **how},
    )


def claim(name: str, verdict: str) -> dict[str, Any]:
    """A claim of one contrast."""
    contrast = {"measure": "rep_4", "a": 0.9, "b": 0.3, "claimed": "above", "bounds": [0.0], "effect": 0.3, "low": 0.2,
                "high": 0.4, "units": 12, "texts": 96, "verdict": verdict}  # fmt: skip
    return {
        "name": name,
        "statement": "low is more repetitive",
        "verdict": verdict,
        "contrasts": [contrast],
        "reason": "",
    }
