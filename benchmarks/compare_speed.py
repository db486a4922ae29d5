"""How fast many texts of one model are made: ours against transformers' ``generate``.

GPT-2's shape with random weights, a ten-token prompt to a total length of 200, temperatures 0.3, 0.5 and 0.9 x 8
seeds (24 texts), float32, top_k 50. Peers:

article   one ``generate`` call per text, as the article does (one text per temperature is timed, not all 24)
batched   one ``generate`` call with 24 rows; it can't mix temperatures, so all rows have 0.9, and all share one
          random generator: less than what ours does
tuned     the same with glibc told to keep freed memory, which a growing cache profits from

Every run is a fresh process, variants take turns, medians of tokens per second are printed, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from peers import Job, rates
from shapes import gpt2, versions

VARIANTS = ("ours", "batched", "tuned", "article")


def main() -> None:
    """Run the rounds and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 2 layers, one round, two variants")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rounds, layers, length = (1, 2, 40) if args.quick else (args.rounds, 12, 200)
    with tempfile.TemporaryDirectory() as scratch:
        folder = gpt2(Path(scratch) / "gpt2", layers=layers)
        chosen = VARIANTS[:2] if args.quick else VARIANTS
        speeds = rates({peer: Job(peer, folder, 1 if peer == "article" else 24, length) for peer in chosen}, rounds)
    medians = {variant: statistics.median(values) for variant, values in speeds.items()}
    print(f"{'variant':10}{'tokens/s':>10}{'ours is':>10}   lowest to highest")
    for variant, median in medians.items():
        low, high = min(speeds[variant]), max(speeds[variant])
        print(f"{variant:10}{median:10.1f}{medians['ours'] / median:9.2f}x   {low:.1f} to {high:.1f}")
    ratios = {f"vs_{variant}": round(medians["ours"] / medians[variant], 3) for variant in chosen[1:]}
    print(json.dumps({"benchmark": "compare_speed", "quick": args.quick, "rounds": rounds,
                      "tokens_per_s": medians, "ratios": ratios, "versions": versions()}))  # fmt: skip


if __name__ == "__main__":
    main()
