"""What a user waits for at the shell on the bundled model: ``--help``, ``compare`` at two temperatures, ``spectrum``.

Each run is a fresh process; medians of wall and CPU seconds and the largest peak of memory are printed, then one
line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

PROMPT = "Once upon a time, in a distant galaxy, there was a spaceship called Voyager."
COMMANDS = {
    "help": ["--help"],
    "compare": ["compare", PROMPT, "-t", "0.2", "-t", "0.9", "--max-new-tokens", "200"],
    "spectrum": ["spectrum", "Once upon a time", "--max-new-tokens", "60"],
}


def timed(arguments: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory (MB) of one run of the command."""
    script = "import sys; from thermoscope.cli.app import main; sys.argv[0] = 'thermoscope'; main()"
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"thermoscope {' '.join(arguments)} failed with status {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Run the rounds and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: one round")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    print(f"{'command':10}{'wall s':>10}{'CPU s':>10}{'peak MB':>10}")
    for name, arguments in COMMANDS.items():
        timed(arguments)  # warm the file cache
        runs = [timed(arguments) for _ in range(1 if args.quick else args.rounds)]
        wall, cpu, peak = (statistics.median(values) for values in zip(*runs, strict=True))
        results[name] = {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mb": round(peak, 1)}
        print(f"{name:10}{wall:10.2f}{cpu:10.2f}{peak:10.0f}")
    from shapes import versions

    print(json.dumps({"benchmark": "shell_start", "quick": args.quick, "results": results, "versions": versions()}))


if __name__ == "__main__":
    main()
