"""Do the intervals cover? Simulated experiments at 12 prompts x 8 seeds with a known truth, nominal 95 %.

Four kinds of measures over 15 temperatures, each with a part of the prompt, a part of the prompt at that temperature
and a part of the single text:

normal      as entropy
lognormal   as perplexity, which is averaged as its logarithm
skewed      as rep_4: a share that is small for most texts and large for some
loops       0 or 1, the chance differing much between prompts, from 60 % at the lowest temperature to 2 %

Printed: how often the interval of each temperature holds the truth (mean over temperatures, and the worst of them),
the band all of it at once, the interval of a paired difference between neighbours, and for comparison two textbook
percentile intervals: "prompts" resamples prompts, "and seeds" seeds within them as well.
"""

from __future__ import annotations

if __name__ != "__main__":  # numba looks for a package of this name, which the scripts beside this one would find here
    raise ImportError("this is a script")

import argparse
import json
import os
import time

import numpy as np

from thermoscope.experiment.bootstrap import RESAMPLES, intervals, paired

PROMPTS, SEEDS, SETTINGS = 12, 8, 15
SCALES = {"normal": "linear", "lognormal": "log", "skewed": "share", "loops": "indicator"}


def simulate(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Values (P, S, K) of one experiment."""
    from scipy.special import betaincinv

    shape = (PROMPTS, SEEDS, SETTINGS)
    if kind == "loops":
        share = np.linspace(0.6, 0.02, SETTINGS)
        chance = betaincinv(3 * share, 3 * (1 - share), rng.random((PROMPTS, 1, 1)))  # beta of the given mean
        return (rng.random(shape) < chance).astype(float)
    z = rng.normal(size=(PROMPTS, 1, 1)) * 0.5 + rng.normal(size=(PROMPTS, 1, SETTINGS)) * 0.3
    if kind == "skewed":
        return rng.beta(0.5, 4.5, size=shape) * np.exp(z - 0.17)
    z = z + rng.normal(size=shape)
    return np.exp(z) if kind == "lognormal" else z


def truth(kind: str) -> np.ndarray:
    """The true mean (on a log scale: geometric mean) at every setting."""
    if kind == "loops":
        return np.linspace(0.6, 0.02, SETTINGS)
    return np.full(SETTINGS, {"normal": 0.0, "lognormal": 1.0, "skewed": 0.1}[kind])


def percentile(values: np.ndarray, rng: np.random.Generator, *, seeds: bool, resamples: int) -> np.ndarray:
    """Percentile intervals (2, K) of the first and last setting, for comparison."""
    values = values[:, :, [0, -1]]
    rows = rng.integers(0, PROMPTS, (resamples, PROMPTS))
    if seeds:
        columns = rng.integers(0, SEEDS, (resamples, PROMPTS, SEEDS))
        drawn = values[rows[:, :, None], columns].mean(axis=(1, 2))
    else:
        drawn = values.mean(axis=1)[rows].mean(axis=1)
    return np.quantile(drawn, [0.025, 0.975], axis=0)


def cover(kind: str, experiments: int, resamples: int) -> dict[str, float]:
    """Coverage of each kind of interval over some experiments."""
    rng = np.random.default_rng(7)
    true, scale = truth(kind), SCALES[kind]
    pairs = np.array([[i, i + 1] for i in range(SETTINGS - 1)])
    step = true[1:] / true[:-1] if scale == "log" else np.diff(true)
    hits: dict[str, list[np.ndarray]] = {}

    def note(name: str, low: np.ndarray, high: np.ndarray, target: np.ndarray) -> np.ndarray:
        inside = (low <= target) & (target <= high)
        hits.setdefault(name, []).append(inside)
        return inside

    for _ in range(experiments):
        values = simulate(kind, rng)
        found = intervals(values, scale, resamples=resamples)
        note("interval", found.low, found.high, true)
        hits.setdefault("band", []).append(np.all((found.band_low <= true) & (true <= found.band_high)))
        difference = paired(values, pairs, scale, resamples=resamples)
        note("difference", difference.low, difference.high, step)
        ends = (difference.band_low <= step) & (step <= difference.band_high)
        hits.setdefault("difference band", []).append(np.all(ends))
        plain = np.log(values) if scale == "log" else values
        target = np.log(true[[0, -1]]) if scale == "log" else true[[0, -1]]
        note("percentile, prompts", *percentile(plain, rng, seeds=False, resamples=400), target)
        note("percentile, and seeds", *percentile(plain, rng, seeds=True, resamples=400), target)
    result = {name: float(np.mean(found)) for name, found in hits.items()}
    result["worst interval"] = float(np.mean(hits["interval"], axis=0).min())
    return result


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 40 experiments")
    parser.add_argument("--experiments", type=int, default=2000)
    args = parser.parse_args()
    experiments, resamples = (40, 400) if args.quick else (args.experiments, RESAMPLES)
    start = time.process_time()
    found = {kind: cover(kind, experiments, resamples) for kind in SCALES}
    names = list(next(iter(found.values())))
    print(f"coverage in % over {experiments} experiments of {PROMPTS} prompts x {SEEDS} seeds, nominal 95")
    print(f"{'':24}" + "".join(f"{kind:>11}" for kind in found))
    for name in names:
        print(f"{name:24}" + "".join(f"{100 * found[kind][name]:11.1f}" for kind in found))
    print(json.dumps({"benchmark": "coverage", "quick": args.quick, "experiments": experiments,
                      "resamples": resamples, "coverage": found, "cpu_s": round(time.process_time() - start, 1),
                      "load": round(os.getloadavg()[0], 1)}))  # fmt: skip


if __name__ == "__main__":
    main()
