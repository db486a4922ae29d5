"""How well draws tell a setting: simulations on the bundled model's distributions, as tables.

Run ``python benchmarks/audit_power.py`` (minutes) or with ``--quick`` (seconds). Entropies are changed by multiplying
the logits: peakier distributions, as those of instruct models, tell less per draw.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from thermoscope import SamplingParams, load_model, probabilities
from thermoscope.auditing.draws import Draws
from thermoscope.auditing.prompts import BEGINNINGS
from thermoscope.auditing.reading import read
from thermoscope.auditing.verdicts import temperature_holds

SETTINGS = (
    SamplingParams(temperature=0.3),
    SamplingParams(temperature=0.7),
    SamplingParams(temperature=1.0),
    SamplingParams(temperature=1.5),
    SamplingParams(top_k=10),
    SamplingParams(top_k=40),
    SamplingParams(top_p=0.9),
    SamplingParams(min_p=0.05),
    SamplingParams(temperature=0.7, min_p=0.05),
)
LISTED, PLACES = 20, 20


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--draws", type=int, default=400)
    asked = parser.parse_args()
    repetitions = 10 if asked.quick else asked.repetitions
    for sharper in (1.0,) if asked.quick else (1.0, 2.0, 3.0):
        table(sharper, repetitions, asked.draws)


def table(sharper: float, repetitions: int, number: int) -> None:
    """One table: a line per setting."""
    import torch

    model = load_model()
    logits = torch.stack([model.next_token_logits(prompt) for prompt in BEGINNINGS]) * sharper
    logprobs = logits.double().log_softmax(-1)
    entropy = -(logprobs.exp() * logprobs).sum(-1)
    information = (logprobs.exp() * (logprobs + entropy[:, None]) ** 2).sum(-1)
    chosen = information.argsort(descending=True)[:PLACES]
    logits, top = logits[chosen], logprobs[chosen].topk(LISTED, -1)
    rng = np.random.default_rng(0)
    write(
        f"\n{number} draws, {PLACES} prompts, the top {LISTED}, mean entropy {float(entropy[chosen].mean()):.1f} nats"
    )
    write(f"{'setting':32}{'called':24}{'T':>6}{'sd ln T':>9}{'cover':>7}{'T=1 rejected':>14}")
    for setting in SETTINGS:
        rows = probabilities(logits.float(), setting).double().numpy()
        rows /= rows.sum(-1, keepdims=True)
        found = []
        for _ in range(repetitions):
            drawn = []
            for row, listed in zip(rows, top.indices.tolist(), strict=True):
                place = {token: n for n, token in enumerate(listed)}
                drawn.append([place.get(int(t), -1) for t in rng.choice(len(row), number // PLACES, p=row)])
            found.append(read(Draws.of(top.values.tolist(), drawn), replicates=300))
        called = [one.called for one in found]
        names = ", ".join(f"{name} {called.count(name) / repetitions:.0%}" for name in sorted(set(called)))
        temperatures = np.array([one.best.temperature for one in found])
        true = setting.temperature
        cover = np.mean([one.best.low <= true <= one.best.high for one in found])
        rejected = np.mean([not temperature_holds(one, 1.0, 0.01) for one in found])
        write(
            f"{setting!s:32}{names:24}{np.median(temperatures):6.2f}{np.log(temperatures).std():9.3f}{cover:7.2f}"
            f"{rejected:14.0%}"
        )


def write(line: str) -> None:
    """A line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
