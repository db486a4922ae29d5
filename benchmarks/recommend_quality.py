"""How right ``recommend`` is: its decisions on simulated tables whose truth is known, and on two public tables.

Simulated: five shapes of truth over eight temperatures (flat, peaked, a plateau with a cliff, two peaks, a narrow peak
before a cliff), as shares of right answers (0 or 1 per text) and as means, 48 prompts x 2 seeds, with prompts, prompts
at settings and attempts as variable as in Renze and Guven (2024). After 12, 24 and 48 prompts the data are looked at,
and what is out is dropped; ``grid`` is the same plan without looks, which is the best allocation of these tokens.

``in set``    how often the true best is in the set (95 % asked for)
``told``      how often any two settings are told apart; of a flat truth that is an error
``size``      settings in the set; ``tokens`` are texts, as a share of the grid's
``regret``    of the pick, of the largest mean (argmax), and of the largest mean smoothed over temperature (kernel 0.15)
``held out``  the mean of (value of the pick on 24 new prompts - its truth), with its standard error
``edges``     how often the interval of an edge of the feasible range covers the true edge

``--data FOLDER`` names the folder of the public tables (temperature_eval.jsonl, renze_guven_2024.parquet); without it
they are skipped. Figures, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shapes import versions
from thermoscope.recommending.axes import Axes
from thermoscope.recommending.bounds import Bound
from thermoscope.recommending.judging import Judged, judged, pick_of
from thermoscope.recommending.objective import Objective
from thermoscope.recommending.values import Values
from thermoscope.settings.params import SamplingParams

TEMPERATURES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5)
PROMPTS, SEEDS, LOOKS, HELD_OUT = 48, 2, (12, 24, 48), 24
MATTERS = 0.0
#: Standard deviations of prompts and of prompts at settings, and of an attempt, as of right answers there.
PROMPT_SD, INTERACTION_SD, ATTEMPT_SD = 0.28, 0.17, 0.26
AXES = Axes(TEMPERATURES, {}, SamplingParams())

Truth = Callable[[np.ndarray], np.ndarray]
SHAPES: dict[str, Truth] = {
    "flat": lambda t: np.full_like(t, 0.6),
    "peaked": lambda t: 0.68 - 0.35 * (t - 0.7) ** 2,
    "plateau, cliff": lambda t: 0.65 - 0.45 * np.clip(t - 1.0, 0, None) / 0.5,
    "two peaks": lambda t: 0.5 + 0.15 * np.exp(-(((t - 0.3) / 0.15) ** 2)) + 0.13 * np.exp(-(((t - 1.1) / 0.15) ** 2)),
    "narrow peak, cliff": lambda t: np.where(t > 0.95, 0.25, 0.52 + 0.16 * np.exp(-(((t - 0.9) / 0.12) ** 2))),
}
CLIFFS = ("plateau, cliff", "narrow peak, cliff")


def chances(rng: np.random.Generator, means: np.ndarray, prompts: int) -> np.ndarray:
    """(P, T) what each prompt gives at each temperature on average, from 0 to 1."""
    of_prompt = rng.normal(0, PROMPT_SD, (prompts, 1))
    at_setting = rng.normal(0, INTERACTION_SD, (prompts, len(means)))
    return np.clip(means + of_prompt + at_setting, 0, 1)


def draws(rng: np.random.Generator, chance: np.ndarray, seeds: int, *, shares: bool) -> np.ndarray:
    """(P, T) means over seeds: of 0 or 1, or of numbers around the chance."""
    if shares:
        return rng.binomial(seeds, chance) / seeds
    return chance + rng.normal(0, ATTEMPT_SD / np.sqrt(seeds), chance.shape)


def table(values: np.ndarray, temperatures: Sequence[float], measures: dict[str, np.ndarray] | None = None) -> Values:
    """Values as ``recommend`` has them."""
    settings = tuple(SamplingParams(temperature=t) for t in temperatures)
    prompts = tuple(map(str, range(len(values))))
    return Values(prompts, settings, measures or {}, values, np.full(values.shape, SEEDS))


def objective(*, shares: bool, matters: float = MATTERS) -> Objective:
    """What is wanted: more."""
    return Objective("score", "score", "score", True, "share" if shares else "linear", matters)


def in_rounds(values: np.ndarray, wanted: Objective) -> tuple[Judged, int]:
    """The judgement after all looks, and how many texts it took."""
    seen = np.full_like(values, np.nan)
    left, texts, before = np.ones(values.shape[1], dtype=bool), 0, 0
    for number, prompts in enumerate(LOOKS, 1):
        seen[before:prompts, left] = values[before:prompts, left]
        texts += (prompts - before) * int(left.sum()) * SEEDS
        before = prompts
        judgement = judged(table(seen[:prompts], TEMPERATURES), AXES, (), wanted, looks=len(LOOKS))
        if number < len(LOOKS):
            left &= judgement.members
            if left.sum() < 2:
                break
    return judgement, texts


def smoothed(means: np.ndarray) -> int:
    """The best of means that are smoothed over temperature."""
    t = np.array(TEMPERATURES)
    weight = np.exp(-0.5 * ((t[:, None] - t[None, :]) / 0.15) ** 2)
    return int(np.argmax(weight @ means / weight.sum(axis=1)))


def experiment(rng: np.random.Generator, shape: str, truth: np.ndarray, *, shares: bool) -> dict[str, Any]:
    """One experiment, judged in rounds and as a grid."""
    wanted = objective(shares=shares)
    means = SHAPES[shape](np.array(TEMPERATURES))
    values = draws(rng, chances(rng, means, PROMPTS), SEEDS, shares=shares)
    judgement, texts = in_rounds(values, wanted)
    grid = judged(table(values, TEMPERATURES), AXES, (), wanted)
    best, pick = int(np.argmax(truth)), pick_of(judgement)
    assert pick is not None
    new = draws(rng, chances(rng, means, HELD_OUT), SEEDS, shares=shares)[:, pick].mean()
    known = np.nanmean(values, axis=0)
    tied = truth >= truth.max() - 1e-9
    return {
        "in set": bool(judgement.members[tied].all() if tied.all() else judgement.members[best]),
        "grid in set": bool(grid.members[tied].all() if tied.all() else grid.members[best]),
        "told": judgement.told_apart,
        "size": int(judgement.members.sum()),
        "grid size": int(grid.members.sum()),
        "tokens": texts / (len(TEMPERATURES) * PROMPTS * SEEDS),
        "pick": float(truth.max() - truth[pick]),
        "argmax": float(truth.max() - truth[int(np.argmax(known))]),
        "smoothed": float(truth.max() - truth[smoothed(known)]),
        "held out": float(new - truth[pick]),
    }


def edge_experiment(rng: np.random.Generator, prompts: int) -> tuple[bool, bool]:
    """Whether the intervals of a lower edge (a falling share) and an upper one (rising nats) cover the true edges."""
    t = np.array(TEMPERATURES)
    repeats, nats = 0.45 * np.exp(-2.2 * t), 0.3 + 2.2 * t
    sd = rng.normal(0, 1, (prompts, 1))
    shares = np.clip(repeats * np.exp(0.4 * sd + rng.normal(0, 0.3, (prompts, len(t))) - 0.125), 0, 1)
    entropy = nats + 0.5 * sd + rng.normal(0, 0.3, (prompts, len(t)))
    bounds = (Bound("rep_4", "lower", 0.12, "yours"), Bound("tempered_entropy", "upper", 2.4, "yours"))
    of = {"rep_4": shares, "tempered_entropy": entropy}
    found = judged(table(np.full(shares.shape, np.nan), TEMPERATURES, of), AXES, bounds, _NOTHING)
    (known,) = found.ranges.values()
    lower = np.interp(-0.12, -repeats, t)
    upper = np.interp(2.4, nats, t)
    return _covers(known.lower, lower), _covers(known.upper, upper)


_NOTHING = Objective("none", "", "none", True, "linear", 0.0)


def _covers(edge: Any, true: float) -> bool:
    low = -np.inf if edge.low is None else edge.low
    high = np.inf if edge.high is None else edge.high
    return edge.temperature is not None and low <= true <= high


def simulate(number: int, seed: int) -> dict[str, Any]:
    """All shapes, as shares and as means."""
    results: dict[str, Any] = {}
    head = ("in set", "grid in set", "told", "size", "grid size", "tokens", "pick", "argmax", "smoothed", "held out")
    print(f"{'shape':30}" + "".join(f"{name:>12}" for name in head) + f"{'+- se':>9}")
    for shares in (True, False):
        for place, shape in enumerate(SHAPES):
            rng = np.random.default_rng([seed, place, shares])
            truth = chances(rng, SHAPES[shape](np.array(TEMPERATURES)), 200_000).mean(axis=0)
            if shape == "flat":
                truth[:] = truth.mean()
            made = [experiment(rng, shape, truth, shares=shares) for _ in range(number)]
            means = {name: float(np.mean([one[name] for one in made])) for name in head}
            error = float(np.std([one["held out"] for one in made]) / np.sqrt(number))
            name = f"{shape}, {'shares' if shares else 'means'}"
            results[name] = {key: round(value, 4) for key, value in means.items()} | {"held out se": round(error, 4)}
            print(f"{name:30}" + "".join(f"{means[key]:12.3f}" for key in head) + f"{error:9.4f}", flush=True)
    return results


def edges(number: int, seed: int) -> dict[str, float]:
    """How often the intervals of edges cover, with 12 and 24 prompts."""
    found = {}
    for prompts in (12, 24):
        rng = np.random.default_rng([seed, prompts])
        made = np.array([edge_experiment(rng, prompts) for _ in range(number)]).mean(axis=0)
        found |= {f"lower, {prompts} prompts": float(made[0]), f"upper, {prompts} prompts": float(made[1])}
    for name, share in found.items():
        print(f"edge covered, {name}: {share:.3f}")
    return {name: round(share, 4) for name, share in found.items()}


def renze_guven(path: Path) -> dict[str, Any]:
    """On right answers of real models at temperatures from 0 to 1: how many settings are in the set."""
    import pyarrow.parquet

    data = pyarrow.parquet.read_table(path).to_pydict()
    of = list(zip(data["model"], data["agent"], data["exam"], strict=True))
    sets, told = [], 0
    for condition in dict.fromkeys(of):
        at = [i for i, key in enumerate(of) if key == condition and data["temperature"][i] < 1.05]
        problems = {problem: k for k, problem in enumerate(sorted({data["problem"][i] for i in at}))}
        temperatures = sorted({round(data["temperature"][i], 2) for i in at})
        if len(temperatures) < 11:
            continue
        sums, counts = np.zeros((2, len(problems), len(temperatures)))
        for i in at:
            place = problems[data["problem"][i]], temperatures.index(round(data["temperature"][i], 2))
            sums[place] += data["correct"][i]
            counts[place] += 1
        values = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        found = judged(table(values, temperatures), Axes(tuple(temperatures), {}, SamplingParams()), (),
                       objective(shares=True))  # fmt: skip
        sets.append(int(found.members.sum()))
        told += found.told_apart
    result = {"conditions": len(sets), "of 11 in the set": round(float(np.mean(sets)), 2), "told apart": told}
    print("Renze and Guven:", result)
    return result


def public_curves(path: Path) -> dict[str, Any]:
    """On 72 curves of seven temperatures, each one number: the relative loss of the pick, and of always one T."""
    curves: dict[tuple[str, str], dict[float, float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        curves.setdefault((row["model_name"], row["category"]), {})[float(row["temperature"])] = float(row["accuracy"])
    losses: dict[str, list[float]] = {"pick": [], "always 0.4": [], "always 0.7": [], "always 1": []}
    for curve in curves.values():
        ts = sorted(curve)
        values = np.array([curve[t] for t in ts])
        best = values.max()
        found = judged(table(values[None, :], ts), Axes(tuple(ts), {}, SamplingParams()), (),
                       objective(shares=False, matters=0.02 * best))  # fmt: skip
        pick = pick_of(found)
        assert pick is not None
        losses["pick"].append(1 - values[pick] / best)
        for t in (0.4, 0.7, 1.0):
            losses[f"always {t:g}"].append(1 - curve[t] / best)
    result = {name: round(float(np.mean(lost)), 4) for name, lost in losses.items()} | {"curves": len(curves)}
    print("mean loss against the best of seven temperatures:", result)
    return result


def main() -> None:
    """Simulate, read the public tables if they are there, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 5 experiments of each kind")
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="the folder of the public tables")
    args = parser.parse_args()
    number = 5 if args.quick else args.experiments
    results: dict[str, Any] = {"shapes": simulate(number, args.seed), "edges": edges(number, args.seed)}
    for name, read in (("renze_guven_2024.parquet", renze_guven), ("temperature_eval.jsonl", public_curves)):
        if args.data is None or not (args.data / name).exists():
            print(f"skipped: {name} is not there (--data FOLDER)")
        else:
            results[name] = read(args.data / name)
    facts = {"benchmark": "recommend_quality", "quick": args.quick, "experiments": number}
    print(json.dumps({**facts, "results": results, "versions": versions()}))


if __name__ == "__main__":
    main()
