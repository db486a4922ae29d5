"""How fast many texts of one model are made on the CPU: ours, transformers' ``generate``, llama.cpp, and the limit.

GPT-2's and SmolLM-135M's shapes with random weights; see ``peers.py`` for who does what. ``limit`` is the model's
packed linear layers alone. llama.cpp's server is timed where xllamacpp is installed.

Every run is a fresh process, all take turns; medians of tokens per second and ratios are printed, then one line of
JSON. ``--growth`` prints ours by rows and by length instead.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
from pathlib import Path

from peers import Job, rates, ratios, show
from shapes import gpt2, smollm

#: What every selection is compared with.
_ALWAYS = ("ours 24 rows float32", "article 1 rows float32")
_LABELS = {"batched": "vs_generate_batched", "tuned": "vs_generate_batched_tuned", "llama.cpp": "vs_llama_cpp",
           "limit": "of_the_packed_linears"}  # fmt: skip
_QUICK = (*_ALWAYS, "limit 24 rows float32")


def jobs(folder: str, small: str, length: int) -> dict[str, Job]:
    """What is timed, by name."""
    named = {}

    def add(peer: str, rows: int = 24, dtype: str = "float32", where: str = folder, shape: str = "") -> None:
        parts = [peer, f"{rows} rows", dtype, shape]
        named[" ".join(part for part in parts if part)] = Job(peer, where, rows, length, dtype)

    llama = importlib.util.find_spec("xllamacpp") is not None
    for dtype in ("float32", "bfloat16"):
        for peer in ("ours", "batched", "tuned", "limit", *(["llama.cpp"] if llama else [])):
            add(peer, dtype=dtype)
        for rows in (1, 64):
            for peer in ("ours", "batched" if rows == 1 else "limit"):
                add(peer, rows, dtype)
    add("article", rows=1)
    for peer in ("ours", "batched"):
        add(peer, where=small, shape="SmolLM")
    return named


def growth(folder: str, rounds: int, *, quick: bool) -> dict[str, float]:
    """Ours by rows at length 200 and by length at 24 rows."""
    rows = (1, 8) if quick else (1, 2, 4, 8, 16, 24, 48, 96, 192, 256)
    lengths = (30, 60) if quick else (100, 200, 400, 600, 900)
    table = {f"{n} rows": Job("ours", folder, n, 40 if quick else 200) for n in rows}
    table |= {f"length {n}": Job("ours", folder, 24, n) for n in lengths}
    return {name: statistics.median(values) for name, values in rates(table, rounds).items()}


def headline(medians: dict[str, float]) -> dict[str, float]:
    """The ratios of 24 rows in float32 by the peers' own names alone, of those that were timed."""
    ours = medians["ours 24 rows float32"]
    peers = {"vs_generate_batched": "batched", "vs_llama_cpp": "llama.cpp"}
    timed = {key: medians.get(f"{peer} 24 rows float32") for key, peer in peers.items()}
    return {key: round(ours / value, 3) for key, value in timed.items() if value}


def main() -> None:
    """Run the rounds and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 1 layer, 30 tokens, one round, some of them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", action="store_true", help="ours by rows and by length")
    parser.add_argument("--only", help="jobs whose name holds this")
    parser.add_argument("--json", action="store_true", help="print the last line alone")
    args = parser.parse_args()
    rounds = 1 if args.quick else args.rounds
    with tempfile.TemporaryDirectory() as scratch:
        layers = {"layers": 1} if args.quick else {}
        folder = gpt2(Path(scratch) / "gpt2", **layers)
        if args.growth:
            medians, compared = growth(folder, rounds, quick=args.quick), {}
        else:
            named = jobs(folder, smollm(Path(scratch) / "smollm", **layers), 30 if args.quick else 200)
            if args.quick:
                named = {name: job for name, job in named.items() if name in _QUICK}
            if args.only:
                named = {name: job for name, job in named.items() if args.only in name or name in _ALWAYS}
            speeds = rates(named, rounds)
            medians = {name: statistics.median(values) for name, values in speeds.items()}
            sequential = medians["ours 24 rows float32"] / medians["article 1 rows float32"]
            compared = {"vs_generate_sequential": round(sequential, 3), **headline(medians), **ratios(medians, _LABELS)}
    facts = {"benchmark": "decode_speed", "quick": args.quick, "rounds": rounds}
    show(medians, compared, facts, table=not args.json)


if __name__ == "__main__":
    main()
