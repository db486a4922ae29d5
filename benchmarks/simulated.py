"""Simulated experiments whose truth is known, for ``coverage.py``: values (P, S, K) of prompts, seeds and settings.

Every value has a part of its prompt, a part of its prompt at its setting and a part of its own. The *standard*
experiment has 12 prompts, 8 seeds and 15 temperatures; the others change one thing of it:

normal      as entropy
lognormal   as perplexity, which is averaged as its logarithm
skewed      as rep_4: a share that is small for most texts and large for some
loops       0 or 1, the chance differing much between prompts, from 60 % at the lowest temperature to 2 %
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.bootstrap import Scale
from thermoscope.statistics.claims import judge
from thermoscope.statistics.evidence import Cube
from thermoscope.statistics.reference import Reference

SETTINGS = 15
#: Chance of a loop along the temperatures of the standard experiment.
LOOPS = np.linspace(0.6, 0.02, SETTINGS)


@dataclass(frozen=True)
class Shape:
    """One way in which experiments may come out.

    Attributes
    ----------
    name
        Kind, and what is unlike the standard experiment.
    scale
        How the measure is averaged.
    prompts, seeds
        How many.
    draw
        Values (P, S, K) of one experiment from (generator, P, S).
    truth
        (K,) the true mean; on a log scale the geometric mean.
    """

    name: str
    scale: Scale
    draw: Callable[[np.random.Generator, int, int], np.ndarray]
    truth: np.ndarray
    prompts: int = 12
    seeds: int = 8


Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal values."""
    return rng.normal(size=shape)


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Student's t with 3 degrees of freedom, scaled to variance 1."""
    return rng.standard_t(3, size=shape) / np.sqrt(3)


def lopsided(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Exponential values, shifted to mean 0; variance 1, skewness 2."""
    return rng.exponential(size=shape) - 1


def linear(
    between: float = 0.5, at: float = 0.3, *, of_prompts: Draw = gaussian, of_texts: Draw = gaussian, alike: float = 0.0
) -> Callable[[np.random.Generator, int, int], np.ndarray]:  # fmt: skip
    """Values with mean 0; ``alike`` is how far texts of one seed at neighbouring settings are correlated."""

    def draw(rng: np.random.Generator, prompts: int, seeds: int) -> np.ndarray:
        own = of_texts(rng, (prompts, seeds, SETTINGS))
        for k in range(1, SETTINGS):
            own[:, :, k] = alike * own[:, :, k - 1] + np.sqrt(1 - alike**2) * own[:, :, k]
        z = between * of_prompts(rng, (prompts, 1, 1)) + at * of_prompts(rng, (prompts, 1, SETTINGS))
        return z + own

    return draw


def exponential(draw: Callable[[np.random.Generator, int, int], np.ndarray]) -> Callable[..., np.ndarray]:
    """The exponentials of values."""
    return lambda rng, prompts, seeds: np.exp(draw(rng, prompts, seeds))


def skewed(between: float = 0.5, at: float = 0.3, mean: np.ndarray | float = 0.1) -> Callable[..., np.ndarray]:
    """Shares: a beta that is much like an exponential, times a lognormal part of the prompt."""
    spread = (between**2 + at**2) / 2
    mean = np.broadcast_to(mean, SETTINGS)

    def draw(rng: np.random.Generator, prompts: int, seeds: int) -> np.ndarray:
        z = rng.normal(size=(prompts, 1, 1)) * between + rng.normal(size=(prompts, 1, SETTINGS)) * at
        own = rng.beta(5 * mean, 5 * (1 - mean), size=(prompts, seeds, SETTINGS))
        return np.minimum(own * np.exp(z - spread), 1)  # hardly ever above 1

    return draw


def zero_inflated(draw: Callable[..., np.ndarray], share: np.ndarray) -> Callable[..., np.ndarray]:
    """Values of which a share (K,) is 0; half of what decides it is the text's prompt."""
    from scipy.special import ndtr

    def zeros(rng: np.random.Generator, prompts: int, seeds: int) -> np.ndarray:
        values = draw(rng, prompts, seeds)
        z = rng.normal(size=(prompts, 1, 1)) + rng.normal(size=(prompts, seeds, SETTINGS))
        return np.where(ndtr(z / np.sqrt(2)) < share, 0.0, values)

    return zeros


def true_means(draw: Callable[..., np.ndarray]) -> np.ndarray:
    """(K,) means of 640,000 drawn values, as cutting at 1 moves them from what was asked for."""
    rng = np.random.default_rng(1)
    means: np.ndarray = np.mean([draw(rng, 2000, 8).mean(axis=(0, 1)) for _ in range(40)], axis=0)
    return means


def indicator(share: np.ndarray, concentration: float = 3.0) -> Callable[..., np.ndarray]:
    """0 or 1; the chance of a prompt is beta distributed, the less alike the smaller the concentration."""
    from scipy.special import betaincinv

    def draw(rng: np.random.Generator, prompts: int, seeds: int) -> np.ndarray:
        chance = betaincinv(concentration * share, concentration * (1 - share), rng.random((prompts, 1, 1)))
        return (rng.random((prompts, seeds, SETTINGS)) < chance).astype(float)

    return draw


_ZERO, _ONE = np.zeros(SETTINGS), np.ones(SETTINGS)
STANDARD = (
    Shape("normal", "linear", linear(), _ZERO),
    Shape("lognormal", "log", exponential(linear()), _ONE),
    Shape("skewed", "share", skewed(), true_means(skewed())),
    Shape("loops", "indicator", indicator(LOOPS), LOOPS),
)


#: Numbers of prompts and of seeds at which the hard shapes are tried.
PROMPTS, SEEDS = (2, 3, 4, 5, 6, 12, 24), (1, 2, 8)


def hard() -> list[Shape]:
    """Few prompts, and shares that fall along the curve as repetition does."""
    falling, zeros = np.geomspace(0.4, 0.02, SETTINGS), np.linspace(0.2, 0.9, SETTINGS)
    common = skewed(0.8, 0.2, 0.8 * falling)
    flat = zero_inflated(skewed(0.4, 0.2), zeros)
    both = zero_inflated(skewed(0.4, 0.2, falling), zeros)
    kinds = [
        Shape("no effect", "linear", linear(), _ZERO),
        Shape("no effect, share", "share", skewed(), np.full(SETTINGS, true_means(skewed()).mean())),
        Shape("no effect, loops", "indicator", indicator(0.2 * _ONE), 0.2 * _ONE),
        Shape("falling share", "share", skewed(0.4, 0.2, falling), true_means(skewed(0.4, 0.2, falling))),
        Shape("falling share, common prompt effect", "share", common, true_means(common)),
        Shape("zero-inflated share", "share", flat, true_means(flat)),
        Shape("zero-inflated falling share", "share", both, true_means(both)),
        Shape("loops", "indicator", indicator(LOOPS), LOOPS),
    ]
    return [
        replace(kind, name=f"{kind.name}, {prompts} x {seeds}", prompts=prompts, seeds=seeds)
        for kind in kinds
        for prompts in PROMPTS
        for seeds in SEEDS
    ]


def others() -> list[Shape]:
    """Experiments of other sizes, and values of other shapes."""
    made = []
    for prompts, seeds in ((6, 8), (8, 8), (24, 8), (48, 8), (12, 1), (12, 32)):
        made += [replace(s, name=f"{s.name}, {prompts} x {seeds}", prompts=prompts, seeds=seeds) for s in STANDARD]
    falling = np.geomspace(0.4, 0.02, SETTINGS)
    rare, often = np.geomspace(0.1, 0.005, SETTINGS), np.linspace(0.98, 0.5, SETTINGS)
    twice, fall = skewed(1.0, 0.6, 0.05), skewed(0.4, 0.2, falling)
    made += [
        Shape("normal, heavy tails", "linear", linear(of_prompts=heavy, of_texts=heavy), _ZERO),
        Shape("normal, lopsided prompts", "linear", linear(1.0, of_prompts=lopsided), _ZERO),
        Shape("normal, prompts differ 4 times as much", "linear", linear(2.0, 1.2), _ZERO),
        Shape("normal, neighbours alike", "linear", linear(alike=0.9), _ZERO),
        Shape("lognormal, heavy tails", "log", exponential(linear(of_prompts=heavy, of_texts=heavy)), _ONE),
        Shape("skewed, prompts differ twice as much", "share", twice, true_means(twice)),
        Shape("skewed, falling from 0.4 to 0.02", "share", fall, true_means(fall)),
        Shape("loops, prompts alike", "indicator", indicator(LOOPS, 1000.0), LOOPS),
        Shape("loops, all or nothing", "indicator", indicator(LOOPS, 0.5), LOOPS),
        Shape("loops, rare", "indicator", indicator(rare), rare),
        Shape("loops, often", "indicator", indicator(often), often),
    ]
    return made


@dataclass(frozen=True)
class _Alike:
    """Evidence of an experiment in which all settings, and the reference, are alike."""

    settings: list[SamplingParams]
    cubes: dict[str, Cube]
    reference: Reference


def claims_without_effect(experiments: int, seed: int, prompts: int = 12, seeds: int = 8) -> dict[str, float]:
    """How often some claim "does not hold", or "holds", although nothing differs.

    The reference has the settings' own means and no spread, which is where a claim is wrong most often.
    """
    rng = np.random.default_rng(seed)
    settings = [SamplingParams(temperature=t) for t in (0.2, 0.3, 0.5, 0.7, 0.9, 1.2)]
    mean, sd = {"rep_4": 0.1, "drift": 0.0, "perplexity": 0.0}, {"rep_4": 0.0, "drift": 0.0, "perplexity": 0.0}
    draws: dict[str, tuple[Scale, Callable[..., np.ndarray]]] = {
        "rep_4": ("share", skewed()),
        "drift": ("linear", linear()),
        "perplexity": ("log", exponential(linear())),
        "reference_distance": ("log", exponential(linear())),
    }
    found = {"does not hold": 0, "holds": 0}
    for number in range(experiments):
        cubes = {
            name: Cube(name, draw(rng, prompts, seeds)[:, :, : len(settings)], scale, "", "")
            for name, (scale, draw) in draws.items()
        }
        alike: Any = _Alike(settings, cubes, Reference(mean, sd, 100, "", ""))
        claims = judge(alike, "creative" if number % 2 else "technical")
        for verdict in found:
            found[verdict] += any(claim.verdict == verdict for claim in claims)
    return {name: count / experiments for name, count in found.items()}
