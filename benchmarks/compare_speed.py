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
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEMPERATURES, SEEDS, TOP_K = (0.3, 0.5, 0.9), 8, 50
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "1000000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000000",
               "MALLOC_TOP_PAD_": "1000000000"}  # fmt: skip
VARIANTS = ("ours", "batched", "tuned", "article")


def run(variant: str, folder: str, length: int) -> float:
    """Tokens per second of one variant; called in a process of its own."""
    from shapes import TEN_TOKENS

    if variant == "ours":
        from thermoscope import SamplingParams, generate, load_model

        model = load_model(folder)
        params = [SamplingParams(temperature=t, top_k=TOP_K) for t in TEMPERATURES]
        generate(model, TEN_TOKENS, params, seeds=range(SEEDS), max_length=14)  # warm-up
        start = time.perf_counter()
        samples = generate(model, TEN_TOKENS, params, seeds=range(SEEDS), max_length=length)
        return sum(len(sample.token_ids) for sample in samples) / (time.perf_counter() - start)

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = tokenizer(TEN_TOKENS, return_tensors="pt").input_ids
    assert ids.shape == (1, 10), ids.shape
    rows = ids if variant == "article" else ids.repeat(len(TEMPERATURES) * SEEDS, 1)

    def call(temperature: float, total: int) -> int:
        out = model.generate(
            rows, attention_mask=torch.ones_like(rows), do_sample=True, temperature=temperature, top_k=TOP_K,
            max_length=total, min_length=total, pad_token_id=tokenizer.eos_token_id,
        )  # fmt: skip
        return out.shape[0] * (out.shape[1] - 10)

    call(0.9, 14)  # warm-up
    temperatures = TEMPERATURES if variant == "article" else (0.9,)
    start = time.perf_counter()
    tokens = sum(call(temperature, length) for temperature in temperatures)
    return tokens / (time.perf_counter() - start)


def main() -> None:
    """Run the rounds and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 2 layers, 40 tokens, one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        variant, folder, length = args.run
        print(json.dumps(run(variant, folder, int(length))))
        return
    from shapes import gpt2, versions

    rounds, layers, length = (1, 2, 40) if args.quick else (args.rounds, 12, 200)
    speeds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = gpt2(Path(scratch) / "gpt2", layers=layers)
        for number in range(rounds):
            for variant in VARIANTS:
                env = {**os.environ, **(KEEP_MEMORY if variant == "tuned" else {})}
                command = [sys.executable, __file__, "--run", variant, folder, str(length)]
                done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
                speeds[variant].append(json.loads(done.stdout.splitlines()[-1]))
                print(f"round {number + 1} {variant:8} {speeds[variant][-1]:8.1f} tokens/s", file=sys.stderr)
    medians = {variant: statistics.median(values) for variant, values in speeds.items()}
    print(f"{'variant':10}{'tokens/s':>10}{'ours is':>10}   lowest to highest")
    for variant, median in medians.items():
        low, high = min(speeds[variant]), max(speeds[variant])
        print(f"{variant:10}{median:10.1f}{medians['ours'] / median:9.2f}x   {low:.1f} to {high:.1f}")
    ratios = {f"vs_{variant}": round(medians["ours"] / medians[variant], 3) for variant in VARIANTS[1:]}
    print(json.dumps({"benchmark": "compare_speed", "quick": args.quick, "rounds": rounds,
                      "tokens_per_s": medians, "ratios": ratios, "versions": versions()}))  # fmt: skip


if __name__ == "__main__":
    main()
