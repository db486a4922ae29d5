"""Reports made by hand, as a run would give them: the same numbers every time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from random import Random

from thermoscope.comparison.passages import Passage
from thermoscope.report.records.schema import (
    Curve,
    Difference,
    Differences,
    Meaning,
    Point,
    Ran,
    Report,
    Setting,
    TextRecord,
)  # fmt: skip
from thermoscope.statistics.frontier import Frontier, FrontierPoint
from thermoscope.statistics.outcome import Outcome

TEMPERATURES = tuple(round(0.1 * n, 1) for n in range(1, 16))
WORDS = [
    "the", "ship", "a", "star", "of", "light", "and", "she", "said", "that", "it", "was", "time", "to", "go", "over",
    "dark", "water", "where", "old", "maps", "end", "while", "nobody", "looked", "up", "because", "every", "lamp",
]  # fmt: skip
#: name, scale, direction, value at a temperature, half a width of its interval
MEASURES: Sequence[tuple[str, str, str, Callable[[float], float], float]] = (
    ("rep_4", "share", "more repetitive", lambda t: 0.55 * math.exp(-2.6 * t), 0.25),
    ("loop_rate", "share", "more repetitive", lambda t: max(0.0, 0.35 - 0.6 * t), 0.4),
    ("self_bleu", "share", "more alike", lambda t: 0.8 * math.exp(-2.2 * t), 0.15),
    ("perplexity", "log", "less likely", lambda t: 2 * math.exp(3.4 * t**2 / 1.5), 0.2),
    ("distinct_2", "share", "more varied", lambda t: 1 - math.exp(-1.6 * min(t, 1.35)), 0.06),
    ("entropy", "linear", "less certain", lambda t: 1.5 + 0.8 * t, 0.05),
    ("drift", "linear", "less likely", lambda t: 0.3 * (t - 1.0), 0.4),
)
_OPPOSITE: dict[str, Outcome] = {"higher": "lower", "lower": "higher"}


def settings(run: int = 0, temperatures: Sequence[float] = TEMPERATURES, name: str = "") -> tuple[Setting, ...]:
    return tuple(
        Setting(run, f"{run}{n:011x}", f"T={t:g}" + (f" ({name})" if name else ""), t, name, (f"temperature={t:g}",))
        for n, t in enumerate(temperatures)
    )


def ran(name: str = "creative-story") -> Ran:
    contrast = {
        "measure": "rep_4", "a": 0.9, "b": 0.3, "claimed": "above", "bounds": [0.0], "effect": 0.3147, "low": 0.2376,
        "high": 0.3918, "units": 12, "texts": 94, "verdict": "holds",
    }  # fmt: skip
    drift = {**contrast, "measure": "drift", "a": None, "b": 0.9, "effect": -0.2185, "low": -0.3426, "high": -0.0944}
    distance = {**contrast, "measure": "reference_distance", "bounds": [0.5, 2.0], "claimed": "within", "low": None}
    claims = (
        {"name": "low repeats", "statement": "more 4-grams of a text were there before at T=0.3 than at T=0.9",
         "verdict": "holds", "contrasts": [contrast], "reason": ""},
        {"name": "high drifts", "statement": "at T=0.9 the second half of a text is less likely than the first",
         "verdict": "does not hold", "contrasts": [{**drift, "verdict": "does not hold"}], "reason": ""},
        {"name": "too low is as bad as too high", "statement": "stories at T=0.2 and T=1.2 are as far from people's",
         "verdict": "can't be told", "contrasts": [{**distance, "high": None, "verdict": "can't be told"}],
         "reason": "the reference has 200 stories"},
        {"name": "0.7 beats 0.9", "statement": "explanations at T=0.7 are closer to explanations by people",
         "verdict": "not tested", "contrasts": [], "reason": "it is about explanations"},
    )  # fmt: skip
    return Ran(
        name=name,
        title="A story that one wants to go on reading",
        objective="creative",
        unit="prompt",
        facts=(
            ("model", "bundled, revision sha256:92ac90b7c798, float32 on cpu"),
            ("versions", "thermoscope 0.1.0, torch 2.13.0, transformers 5.23.0, python 3.11.7"),
        ),
        command="thermoscope measure --use-case creative-story -t 0.1:1.5:0.1 --seeds 8 --max-new-tokens 100",
        claims=claims,
        effective=("top_k is off in all settings.", "T=0.1 and T=0.2 give the same text in 3 of 96 cases."),
    )


def point(setting: int, mean: float, scale: str, width: float, shift: float = 0.0) -> Point:
    if scale == "log":
        low, high = mean * math.exp(-width), mean * math.exp(width)
        band_low, band_high = mean * math.exp(-1.5 * width), mean * math.exp(1.5 * width)
    else:
        half = width * max(abs(mean), 0.02)
        low, high, band_low, band_high = mean - half, mean + half, mean - 1.5 * half, mean + 1.5 * half
        if scale == "share":
            low, band_low, high, band_high = max(low, 0), max(band_low, 0), min(high, 1), min(band_high, 1)
    return Point(setting, mean, low, high, band_low, band_high, 12, 96)


def told(low: float, high: float, nothing: float) -> Outcome:
    return "higher" if low > nothing else "lower" if high < nothing else "can't be told"


def difference(a: int, b: int, one: float, other: float, scale: str, width: float) -> Difference:
    if scale == "log":
        effect = other / one
        low, high = effect * math.exp(-width), effect * math.exp(width)
        band_low, band_high = effect * math.exp(-1.5 * width), effect * math.exp(1.5 * width)
    else:
        effect = other - one
        half = width * max(abs(one), abs(other), 0.02) / 2
        low, high, band_low, band_high = effect - half, effect + half, effect - 1.5 * half, effect + 1.5 * half
    decided = told(band_low, band_high, 1.0 if scale == "log" else 0.0)
    return Difference(a, b, effect, low, high, band_low, band_high, 12, 96, decided)


def text(rng: Random, prompt: int, setting: int, seed: int, temperature: float) -> TextRecord:
    known = WORDS[: max(3, int(len(WORDS) * min(1.0, temperature)))]
    body = " ".join(rng.choices(known, k=80))
    at = body.find(" ", 60) + 1
    passages = [Passage(body[:at]), Passage(body[at : at + 40], repeated=True), Passage(body[at + 40 :])]
    if temperature < 0.3:
        passages.append(Passage(" and she said that it was" * 3, repeated=True, loop=True))
    return TextRecord(
        prompt, setting, seed, tuple(passages), setting - 1 if setting else None, 10 if setting else None,
        "length" if temperature > 0.5 else "end_of_text",
        {"rep_4": 0.55 * math.exp(-2.6 * temperature), "perplexity": 2 + temperature, "entropy": 2.0, "tokens": 100.0},
    )  # fmt: skip


def report(
    made: Sequence[Setting] | None = None,
    *,
    runs: Sequence[Ran] | None = None,
    prompts: int = 12,
    seeds: int = 8,
    pairs: Sequence[tuple[int, int]] | None = None,
    axis: str | None = "temperature",
) -> Report:
    """A run of 12 prompts x 15 temperatures x 8 seeds; or of other settings."""
    listed = settings() if made is None else tuple(made)
    rng = Random(4)
    heat = [s.x if s.x is not None and axis == "temperature" else 0.5 + 0.05 * n for n, s in enumerate(listed)]
    others = list(dict.fromkeys(s.series for s in listed))
    scale_of = [0.8 ** others.index(s.series) for s in listed]
    wanted = list(combinations(range(len(listed)), 2)) if pairs is None else pairs
    curves, differences = [], []
    for name, scale, direction, value, width in MEASURES:
        values = [value(t) * k for t, k in zip(heat, scale_of, strict=True)]
        points = tuple(point(n, v, scale, width) for n, v in enumerate(values))
        unit = "nats" if name == "entropy" else ""
        curves.append(Curve(name, unit, scale, direction, f"what {name} says of a text", points))  # type: ignore[arg-type]
        kind = "ratio" if scale == "log" else "difference"
        made_pairs = tuple(difference(a, b, values[a], values[b], scale, width) for a, b in wanted)
        if made_pairs:
            differences.append(Differences(name, kind, made_pairs))
    varied = [p.mean for p in curves[4].points]
    likely = [p.mean for p in curves[3].points]
    loops = [p.mean > 0.05 for p in curves[1].points]
    beaten = {
        n for n in range(len(listed)) for m in range(len(listed))
        if likely[m] <= likely[n] and varied[m] >= varied[n] and (likely[m], varied[m]) != (likely[n], varied[n])
    }  # fmt: skip
    frontier = Frontier(
        "perplexity",
        "distinct_2",
        tuple(
            FrontierPoint(n, likely[n], varied[n], curves[1].points[n].mean, loops[n], n not in beaten)
            for n in range(len(listed))
        ),
    )
    stories = tuple(f"Once upon a time, story {n}, there was a ship called Voyager" for n in range(prompts))
    return Report(
        title="creative-story on bundled",
        finding=(
            "Repetition falls with the temperature: rep_4 is 0.424 at T=0.1 and 0.011 at T=1.5.",
            "Between T=0.7 and T=0.9 no measure can be told apart.",
            "Two of the four claims that were tested hold.",
        ),
        axis=axis,
        runs=tuple(runs or (ran(),)),
        settings=listed,
        prompts=stories,
        seeds=tuple(range(seeds)),
        curves=tuple(curves),
        differences=tuple(differences),
        frontier=frontier,
        texts=tuple(
            text(rng, p, s, seed, heat[s]) for p in range(prompts) for s in range(len(listed)) for seed in range(seeds)
        ),
        meanings=tuple(
            Meaning(
                name, "nats" if name == "entropy" else "", direction, f"what {name} says of a text", "Somebody 2020"
            )
            for name, _, direction, _, _ in MEASURES
        ),
    )


def two_runs() -> Report:
    """Stories beside explanations, paired at each temperature."""
    few = TEMPERATURES[::3]
    both = (*settings(0, few, "stories"), *settings(1, few, "explanations"))
    pairs = [(n, n + len(few)) for n in range(len(few))]
    runs = (ran("stories"), replace(ran("explanations"), title="Explain it simply", effective=()))
    made = report(both, runs=runs, prompts=2, seeds=2, pairs=pairs)
    return replace(made, title="stories and explanations", notes=("The runs share 2 seeds and no prompts.",))


def grid() -> Report:
    """Two parameters: temperature along the axis, top_k as series."""
    both = tuple(
        Setting(0, f"{k}{n:06x}", f"T={t:g} top_k={k}", t, f"top_k={k}", (f"temperature={t:g}", f"top_k={k}"))
        for k in (5, 20, 50)
        for n, t in enumerate((0.3, 0.6, 0.9, 1.2))
    )
    return report(both, prompts=2, seeds=2)


def one_setting() -> Report:
    return report(settings(temperatures=(0.7,)), prompts=3, seeds=2)


def comparison() -> Report:
    """One prompt, two settings, one seed: what ``compare`` gives. No claims, no curves."""
    made = report(settings(temperatures=(0.2, 0.9)), prompts=1, seeds=1)
    only = replace(made.runs[0], unit="seed", claims=(), title="", objective="", effective=())
    return replace(made, runs=(only,), curves=(), differences=(), frontier=None)


def bare() -> Report:
    """Nothing but a title and one run."""
    only = Ran("bare", "", "", "seed", (), "thermoscope compare x", (), ())
    return Report("bare", (), None, (only,), (), (), (), (), (), None, (), ())
