"""How fast engines make many texts of one model on the CPU: ours, vLLM, vLLM with our noise, transformers, llama.cpp.

SmolLM-135M's shape (or GPT-2's, which llama.cpp can be given too) with random weights, a ten-token prompt, top_k 50, as
many texts as rows; see ``peers.py`` for who does what. vLLM runs where THERMOSCOPE_VLLM names a Python that has it
(``make test-engines`` makes one). Every run is a fresh process, all take turns; medians of tokens per second and ratios
are printed, then one line of JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import tempfile
from pathlib import Path

from peers import Job, rates, ratios, show
from shapes import gpt2, smollm

_LABELS = {
    "batched": "vs_transformers_batched",
    "vllm": "vs_vllm",
    "keyed": "vs_vllm_keyed",
    "llama.cpp": "vs_llama_cpp",
}


def main() -> None:
    """Run the rounds and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 1 layer, 30 tokens, one round, ours alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shape", choices=["smollm", "gpt2"], default="smollm")
    parser.add_argument("--rows", type=int, nargs="+", default=[24, 64])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--length", type=int, default=110, help="tokens of a text, its ten of the prompt counted")
    args = parser.parse_args()
    peers = ["ours"]
    if not args.quick:
        peers += ["batched", *(["llama.cpp"] if args.shape == "gpt2" and importlib.util.find_spec("xllamacpp") else [])]
        peers += ["vllm", "keyed"] if "THERMOSCOPE_VLLM" in os.environ else []
        if "vllm" not in peers:
            print("vLLM is left out: THERMOSCOPE_VLLM names no Python that has it")
    rows, dtypes = ([8], ["float32"]) if args.quick else (args.rows, args.dtype)
    rounds, length = (1, 30) if args.quick else (args.rounds, args.length)
    with tempfile.TemporaryDirectory() as scratch:
        write = {"smollm": smollm, "gpt2": gpt2}[args.shape]
        folder = write(Path(scratch) / args.shape, **({"layers": 1} if args.quick else {}))
        jobs = {
            f"{peer} {number} rows {dtype}": Job(peer, folder, number, length, dtype)
            for dtype in dtypes for number in rows for peer in peers
            if not (peer == "llama.cpp" and dtype != "float32")
        }  # fmt: skip
        medians = {name: statistics.median(values) for name, values in rates(jobs, rounds).items()}
    compared = ratios(medians, _LABELS)
    for name in [name for name in medians if name.startswith("keyed")]:
        compared[f"keyed_of_vllm {name.split(' ', 1)[1]}"] = round(
            medians[name] / medians[name.replace("keyed", "vllm")], 3
        )
    facts = {"benchmark": "engines_speed", "shape": args.shape, "quick": args.quick, "rounds": rounds}
    show(medians, compared, facts, table=True)


if __name__ == "__main__":
    main()
