"""What all temperatures at once cost: leaves and token evaluations by length, and time against grids and the naive way.

T from 0.05 to 1.5, one seed, the bundled model and GPT-2's shape. GPT-2's weights are random here, and its logits
are scaled, because the flat distributions of an untrained model make all texts part at once.

spectrum   every text, exact
grid       ``generate`` at 30 temperatures, merged: what one pays for exactness
naive      one ``generate`` call for each leaf, at its middle (a sample of them is timed, not all)

Every run is a fresh process, variants take turns, medians are printed, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RANGE, GRID = (0.05, 1.5), 30
PROMPTS = {"bundled": "Once upon a time", "gpt2": "once upon a time"}
VARIANTS = ("spectrum", "grid", "naive")
#: So many of the leaves are made the naive way; the time of all is in proportion.
NAIVE_LEAVES = 6
#: Random weights give logits with a standard deviation of about 0.55; this makes them as uneven as trained ones.
SHARPER = 8.0


def run(which: str, variant: str, folder: str, tokens: int) -> dict[str, float]:
    """One variant; called in a process of its own."""
    from thermoscope import SamplingParams, generate, load_model, spectrum

    model, prompt = load_model(None if which == "bundled" else folder), PROMPTS[which]
    spectrum(model, prompt, temperature=RANGE, max_new_tokens=3)  # warm-up
    low, high = RANGE
    if variant == "grid":
        settings = [SamplingParams(temperature=low + (high - low) * i / (GRID - 1)) for i in range(GRID)]
        start = time.perf_counter()
        generate(model, prompt, settings, max_new_tokens=tokens)
        return {"seconds": time.perf_counter() - start}
    forward = Forward(model)
    start = time.perf_counter()
    (found,) = spectrum(model, prompt, temperature=RANGE, max_new_tokens=tokens)
    seconds, in_model, leaves = time.perf_counter() - start, forward.seconds, len(found.leaves)
    result = {"seconds": seconds, "outside_share": 1 - in_model / seconds, "leaves": leaves,
              "evaluations": len(found.nodes), "exact_share": found.exact_share}  # fmt: skip
    if variant == "naive":
        some = found.leaves[:: max(1, leaves // NAIVE_LEAVES)]
        start = time.perf_counter()
        for leaf in some:
            t = (leaf.exact_low + leaf.exact_high) / 2
            generate(model, prompt, SamplingParams(temperature=t), max_new_tokens=tokens)
        result = {"seconds": (time.perf_counter() - start) / len(some) * leaves}
    return result


class Forward:
    """Adds up the time that a model's rows take, from outside."""

    def __init__(self, model: Any) -> None:
        self.seconds = 0.0
        make = model.rows

        def rows(**how: int) -> Any:
            made = make(**how)
            for name in ("add", "step", "select"):
                setattr(made, name, self._timed(getattr(made, name)))
            return made

        model.rows = rows

    def _timed(self, call: Any) -> Any:
        def timed(*arguments: Any) -> Any:
            start = time.perf_counter()
            result = call(*arguments)
            self.seconds += time.perf_counter() - start
            return result

        return timed


def exponent(lengths: list[int], values: list[float]) -> float:
    """The power of the length that values grow with: the slope of a line through their logarithms."""
    import numpy as np

    return float(np.polyfit(np.log(lengths), np.log(values), 1)[0])


def sharp_gpt2(folder: Path, layers: int) -> str:
    """GPT-2's shape whose last normalisation is scaled, so that its logits spread as a trained model's do."""
    import torch
    from transformers import GPT2LMHeadModel
    from transformers.utils import logging

    from shapes import gpt2

    logging.disable_progress_bar()
    made = gpt2(folder, layers=layers)
    network = GPT2LMHeadModel.from_pretrained(made)
    with torch.no_grad():
        network.transformer.ln_f.weight.mul_(SHARPER)
    network.save_pretrained(made)
    return made


def main() -> None:
    """Run the rounds and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 2 layers, 12 tokens, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        which, variant, folder, tokens = args.run
        print(json.dumps(run(which, variant, folder, int(tokens))))
        return
    from shapes import versions

    rounds, layers, lengths = (1, 2, [6, 12]) if args.quick else (args.rounds, 12, [25, 50, 100])

    def measured(which: str, variant: str, folder: str, tokens: int) -> dict[str, float]:
        command = [sys.executable, __file__, "--run", which, variant, folder, str(tokens)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        print(f"{which} {variant} {tokens} tokens: {result['seconds']:.2f} s", file=sys.stderr)
        return result

    record: dict[str, Any] = {"benchmark": "spectrum_speed", "quick": args.quick, "rounds": rounds, "range": RANGE}
    with tempfile.TemporaryDirectory() as scratch:
        folder = sharp_gpt2(Path(scratch) / "gpt2", layers)
        for which in PROMPTS:
            growth = [measured(which, "spectrum", folder, tokens) for tokens in lengths]
            turns = [{v: measured(which, v, folder, lengths[-1]) for v in VARIANTS} for _ in range(rounds)]
            seconds = {v: statistics.median(turn[v]["seconds"] for turn in turns) for v in VARIANTS}
            powers = {name: exponent(lengths, [g[name] for g in growth]) for name in ("leaves", "evaluations")}
            outside = statistics.median(turn["spectrum"]["outside_share"] for turn in turns)
            print(f"{which}\n{'tokens':>8}{'leaves':>8}{'evaluations':>13}{'exact':>9}")
            for tokens, row in zip(lengths, growth, strict=True):
                print(f"{tokens:8}{row['leaves']:8.0f}{row['evaluations']:13.0f}{row['exact_share']:9.3%}")
            print(f"grow with length to the power {powers['leaves']:.2f}, {powers['evaluations']:.2f} (evaluations)")
            print(f"outside the model's forward pass: {outside:.1%} of the time")
            for variant, median in seconds.items():
                low, high = (f(turn[variant]["seconds"] for turn in turns) for f in (min, max))
                print(f"{variant:10}{median:9.2f} s{median / seconds['spectrum']:8.2f}x   {low:.2f} to {high:.2f}")
            record[which] = {"lengths": lengths, "growth": growth, "exponents": powers, "outside_share": outside,
                             "seconds": seconds}  # fmt: skip
    print(json.dumps({**record, "versions": versions()}))


if __name__ == "__main__":
    main()
