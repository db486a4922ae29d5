"""Do the intervals cover? Simulated experiments with a known truth, nominal 95 %; what is simulated: simulated.py.

Printed, in % of experiments, a star where it is not between 92 and 98:

interval    holds the true mean: average over 15 settings, and the worst of them
band        holds all 15 at once
difference  the interval of a paired difference between neighbours holds the true one: average, and the worst
near band   holds all 14 of these differences at once
all band    holds all 105 differences between two settings at once, as the table of a run
tells       the share of experiments in which the all band tells at least one pair of settings apart; without any effect
            it is the family-wise error

and for the standard experiment two textbook percentile intervals for comparison: "prompts" resamples prompts, "seeds"
seeds within them as well.
"""

from __future__ import annotations

if __name__ != "__main__":  # numba looks for a package of this name, which the scripts beside this one would find here
    raise ImportError("this is a script")

import argparse
import json
import os
import time
from itertools import combinations
from pathlib import Path

import numpy as np

from simulated import PROMPTS, SEEDS, SETTINGS, STANDARD, Shape, claims_without_effect, hard, others
from thermoscope.statistics.bootstrap import RESAMPLES, intervals, paired

NEIGHBOURS = np.array([[i, i + 1] for i in range(SETTINGS - 1)])
ALL = np.array(list(combinations(range(SETTINGS), 2)))
COLUMNS = ("interval", "worst", "band", "difference", "worst difference", "near band", "all band", "tells",
           "prompts", "seeds")  # fmt: skip
#: The least figures to be counted as a miss, and the most.
LEAST, MOST = 0.92, 0.98


def percentile(values: np.ndarray, rng: np.random.Generator, *, seeds: bool, resamples: int) -> np.ndarray:
    """Percentile intervals (2, K) of the first and last setting, for comparison."""
    values = values[:, :, [0, -1]]
    prompts, each, _ = values.shape
    rows = rng.integers(0, prompts, (resamples, prompts))
    if seeds:
        columns = rng.integers(0, each, (resamples, prompts, each))
        drawn = values[rows[:, :, None], columns].mean(axis=(1, 2))
    else:
        drawn = values.mean(axis=1)[rows].mean(axis=1)
    return np.quantile(drawn, [0.025, 0.975], axis=0)


def cover(shape: Shape, experiments: int, resamples: int, seed: int, *, textbook: bool) -> dict[str, float]:
    """Coverage of each kind of interval over some experiments."""
    rng = np.random.default_rng([seed, *shape.name.encode()])
    true, log = shape.truth, shape.scale == "log"

    def step(pairs: np.ndarray) -> np.ndarray:
        return true[pairs[:, 1]] / true[pairs[:, 0]] if log else true[pairs[:, 1]] - true[pairs[:, 0]]

    hits: dict[str, list[np.ndarray]] = {}

    def note(name: str, low: np.ndarray, high: np.ndarray, target: np.ndarray) -> None:
        hits.setdefault(name, []).append((low <= target) & (target <= high))

    told: list[bool] = []
    for _ in range(experiments):
        values = shape.draw(rng, shape.prompts, shape.seeds)
        found = intervals(values, shape.scale, resamples=resamples)
        note("interval", found.low, found.high, true)
        note("band", found.band_low, found.band_high, true)
        near = paired(values, NEIGHBOURS, shape.scale, resamples=resamples)
        note("difference", near.low, near.high, step(NEIGHBOURS))
        note("near band", near.band_low, near.band_high, step(NEIGHBOURS))
        every = paired(values, ALL, shape.scale, resamples=resamples)
        note("all band", every.band_low, every.band_high, step(ALL))
        neutral = 1.0 if log else 0.0
        told.append(bool(((every.band_low > neutral) | (every.band_high < neutral)).any()))
        if textbook:
            plain, target = (np.log(values), np.log(true[[0, -1]])) if log else (values, true[[0, -1]])
            note("prompts", *percentile(plain, rng, seeds=False, resamples=400), target)
            note("seeds", *percentile(plain, rng, seeds=True, resamples=400), target)
    arrays = {name: np.array(inside) for name, inside in hits.items()}
    shares = {name: float(a.all(axis=1).mean() if "band" in name else a.mean()) for name, a in arrays.items()}
    shares["tells"] = float(np.mean(told))
    shares["worst"] = float(arrays["interval"].mean(axis=0).min())
    shares["worst difference"] = float(arrays["difference"].mean(axis=0).min())
    return {name: shares[name] for name in COLUMNS if name in shares}


def kept(file: Path | None, key: dict[str, object]) -> dict[str, dict[str, float]]:
    """What an interrupted run of the same kind wrote."""
    if file is None or not file.exists():
        return {}
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {line["shape"]: line["coverage"] for line in lines if line["key"] == key}


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 30 experiments, a few of the hard shapes")
    parser.add_argument("--experiments", type=int, default=2000)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--others", action="store_true", help="other sizes and shapes of experiments, not the standard")
    which.add_argument("--hard", action="store_true", help="few prompts, falling and zero-inflated shares, no effect")
    which.add_argument("--claims", action="store_true", help="how often a claim does not hold without any effect")
    parser.add_argument("--seed", type=int, default=7, help="of the experiments")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="keep finished lines here and go on after them")
    args = parser.parse_args()
    experiments, resamples = (30, 400) if args.quick else (args.experiments, RESAMPLES)
    start = time.process_time()
    if args.claims:
        found = claims_without_effect(experiments, args.seed)
        print(json.dumps({"benchmark": "coverage of claims", "experiments": experiments, "seed": args.seed, **found}))
        return
    shapes = others() if args.others else hard() if args.hard else list(STANDARD)
    if args.quick and args.hard:
        shapes = shapes[:: len(PROMPTS) * len(SEEDS) - 1]  # every kind, of different sizes
    print(f"coverage in % over {experiments} experiments, nominal 95; standard: 12 prompts x 8 seeds; seed {args.seed}")
    print(" " * 42 + "".join(f"{name.replace(' difference', ''):>12}" for name in COLUMNS))
    key: dict[str, object] = {"experiments": experiments, "resamples": resamples, "seed": args.seed}
    found = kept(args.kept, key)
    for shape in shapes:
        if shape.name not in found:
            textbook = not (args.others or args.hard)
            found[shape.name] = cover(shape, experiments, resamples, args.seed, textbook=textbook)
            if args.kept is not None:
                with args.kept.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"key": key, "shape": shape.name, "coverage": found[shape.name]}) + "\n")
        cells = (
            (100 * share, " " if name == "tells" or LEAST <= share <= MOST else "*")
            for name, share in found[shape.name].items()
        )
        print(f"{shape.name:42}" + "".join(f"{share:11.1f}{star}" for share, star in cells), flush=True)
    print(json.dumps({"benchmark": "coverage", "quick": args.quick, "experiments": experiments, "seed": args.seed,
                      "resamples": resamples, "coverage": {shape.name: found[shape.name] for shape in shapes},
                      "cpu_s": round(time.process_time() - start, 1),
                      "load": round(os.getloadavg()[0], 1)}))  # fmt: skip


main()
