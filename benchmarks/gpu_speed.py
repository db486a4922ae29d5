"""How fast many texts of one model are made on a GPU: ours, transformers' ``generate`` with a static cache, the limit.

GPT-2's shape and that of a Qwen2 of 1.5 billion parameters, with random weights in bfloat16, 24 and 256 rows;
``peers.py`` says who does what. ``memory`` is what reading the weights and the caches allows at the
speed of a copy on the device.

Every run is a fresh process, all take turns; medians of tokens per second and ratios are printed, then one line of
JSON. ``--quick`` is a smoke run of small models, on the CPU where there is no GPU.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from peers import Job, rates, ratios, show
from shapes import gpt2, qwen

_LABELS = {"static": "vs_generate_static", "memory": "of_the_memory_limit"}


def main() -> None:
    """Run the rounds and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 1 layer, 20 tokens, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the last line alone")
    args = parser.parse_args()
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not args.quick:
        parser.error("the speed of a GPU needs one; torch sees none here; --quick is a smoke run on the CPU")
    with tempfile.TemporaryDirectory() as scratch:
        small = {"layers": 1} if args.quick else {}
        models = {
            "GPT-2": gpt2(Path(scratch) / "gpt2", **small),
            "Qwen2": qwen(Path(scratch) / "qwen", **small, **({"size": 256} if args.quick else {})),
        }
        rows, length = ((3,), 20) if args.quick else ((24, 256), 200)
        jobs = {
            f"{peer} {count} rows {model}": Job(peer, folder, count, length, "bfloat16", device=device)
            for model, folder in models.items()
            for count in rows
            for peer in ("ours", *_LABELS)
        }
        speeds = rates(jobs, 1 if args.quick else args.rounds)
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    if not args.json:
        print(name)
    facts = {"benchmark": "gpu_speed", "quick": args.quick, "device": name}
    show(medians, ratios(medians, _LABELS), facts, table=not args.json)


if __name__ == "__main__":
    main()
