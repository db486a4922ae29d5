"""Random settings of an engine's family, orders included, each from a number."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from thermoscope import SamplingParams, ThermoscopeError
from thermoscope.settings.stages import STAGES

Draw = random.Random
#: The parameters of each stage, drawn; the last argument is the size of the vocabulary.
VALUES: dict[str, Callable[[Draw, int], dict[str, Any]]] = {
    "logit_bias": lambda r, v: {
        "logit_bias": {r.randrange(v): round(r.uniform(-5, 5), 2) for _ in range(r.randint(1, 4))}
    },
    "min_new_tokens": lambda r, _: {"min_new_tokens": r.choice((1, 5, 131072))},
    "encoder_repetition": lambda r, _: {"encoder_repetition_penalty": r.choice((0.8, 1.2, 1.7))},
    "repetition": lambda r, _: {
        "repetition_penalty": r.choice((1.05, 1.1, 1.3, 1.8, 0.9)),
        **_window(r, "repetition_last_n"),
    },
    "penalties": lambda r, _: {
        **_some(r, presence_penalty=r.uniform(-1, 2), frequency_penalty=r.uniform(-1, 2)),
        **_window(r, "penalties_last_n"),
    },
    "no_repeat_ngram": lambda r, _: {"no_repeat_ngram_size": r.randint(1, 4)},
    "dry": lambda r, _: {
        "dry_multiplier": round(r.uniform(0.2, 3), 2),
        "dry_base": round(r.uniform(1.1, 2.5), 2),
        "dry_allowed_length": r.randint(1, 4),
        **_window(r, "dry_last_n"),
    },
    "top_n_sigma": lambda r, _: {"top_n_sigma": r.choice((0.3, 1.0, 1.5, 3.0))},
    "temperature": lambda r, _: {"temperature": r.choice((0.0, 0.05, 0.3, 0.7, 1.0, 1.4, 2.0))} | _dynamic(r),
    "top_k": lambda r, _: {"top_k": r.choice((1, 2, 5, 20, 40, 100))},
    "top_p": lambda r, _: {"top_p": r.choice((0.1, 0.5, 0.8, 0.9, 0.95, 0.99))},
    "min_p": lambda r, _: {"min_p": r.choice((0.01, 0.05, 0.1, 0.3, 0.8))},
    "typical_p": lambda r, _: {"typical_p": r.choice((0.2, 0.5, 0.8, 0.95))},
    "epsilon_cutoff": lambda r, _: {"epsilon_cutoff": r.choice((3e-4, 1e-3, 0.01))},
    "eta_cutoff": lambda r, _: {"eta_cutoff": r.choice((3e-4, 1e-3, 0.01))},
    "adaptive_p": lambda r, _: {
        "adaptive_target": r.choice((0.0, 0.1, 0.4, 0.9)),
        "adaptive_decay": r.choice((0.5, 0.9)),
    },
    "xtc": lambda r, _: {"xtc_probability": r.choice((0.0, 1.0)), "xtc_threshold": r.choice((0.02, 0.1, 0.3))},
}


def _some(draw: Draw, **values: float) -> dict[str, float]:
    names = draw.sample(sorted(values), draw.randint(1, len(values)))
    return {name: round(values[name], 3) for name in names}


def _window(draw: Draw, name: str) -> dict[str, int]:
    """Sometimes a window; often the same one, which engines have in one number."""
    return {name: draw.choice((1, 3, 5, 5, 8))} if draw.random() < 0.4 else {}


def _dynamic(draw: Draw) -> dict[str, float]:
    """Sometimes a temperature that depends on the entropy, with its centre."""
    if draw.random() > 0.15:
        return {}
    return {"temperature": 1.0, "dynatemp_range": draw.choice((0.2, 0.5)), "dynatemp_exponent": draw.choice((1.0, 2.0))}


def setting(
    number: int, stages: Sequence[str], vocabulary: int, *, dynamic: bool, windows: bool = False, orders: Sequence[str]
) -> SamplingParams:
    """The setting of a number: up to five of an engine's stages, in our order, a named one or a shuffled one.

    Parameters
    ----------
    number
        What it is drawn from.
    stages
        The engine's stages.
    vocabulary
        Tokens that a bias may be on.
    dynamic, windows
        Whether the engine has dynamic temperature, and penalties that look back on the last tokens alone.
    orders
        Named orders to draw from beside ours; "any" is a shuffled one.
    """
    draw = Draw(number)
    known = [stage for stage in stages if stage in VALUES]
    while True:
        chosen = draw.sample(known, draw.randint(1, min(5, len(known))))
        values: dict[str, Any] = {}
        for stage in chosen:
            values |= VALUES[stage](draw, vocabulary)
        if not dynamic:
            values = {name: value for name, value in values.items() if not name.startswith("dynatemp")}
        if not windows:
            values = {name: value for name, value in values.items() if not name.endswith("_last_n")}
        shuffled = [stage for stage in STAGES if stage in chosen or stage == "temperature"]
        draw.shuffle(shuffled)
        order = draw.choice([None, *orders])
        if order is not None:
            values["order"] = shuffled if order == "any" else order
        try:
            return SamplingParams(**values)
        except ThermoscopeError:  # an order that lacks a stage which is on
            continue
