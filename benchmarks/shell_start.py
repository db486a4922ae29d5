"""What a user waits for at the shell on the bundled model: ``--help``, ``inspect``, ``compare``, ``spectrum``.

``compare`` is run at two temperatures, short and long; ``first compare`` is the short one where nothing has been
compiled yet (an empty ``NUMBA_CACHE_DIR`` each time). Targets are wall seconds on two quiet cores; on busy ones look at
CPU seconds.

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
import tempfile
import time

PROMPT = "Once upon a time, in a distant galaxy, there was a spaceship called Voyager."
_SHORT = ["compare", PROMPT, "-t", "0.2", "-t", "0.9", "--max-new-tokens", "60"]
COMMANDS = {
    "help": ["--help"],
    "inspect": ["inspect", PROMPT],
    "compare": _SHORT,
    "first compare": _SHORT,
    "long compare": ["compare", PROMPT, "-t", "0.2", "-t", "0.9", "--max-new-tokens", "200"],
    "spectrum": ["spectrum", "Once upon a time", "--max-new-tokens", "60"],
}
TARGETS = {"inspect": 2.5, "compare": 3.0, "first compare": 8.0}


def timed(arguments: list[str], *, first: bool = False) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory (MB) of one run of the command; ``first`` with nothing compiled."""
    with tempfile.TemporaryDirectory() as empty:
        return _timed(arguments, {**os.environ, "NUMBA_CACHE_DIR": empty} if first else None)


def _timed(arguments: list[str], variables: dict[str, str] | None) -> tuple[float, float, float]:
    script = "import sys; from thermoscope.cli.app import main; sys.argv[0] = 'thermoscope'; main()"
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.DEVNULL, env=variables)
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
    print(f"{'command':14}{'wall s':>10}{'CPU s':>10}{'peak MB':>10}{'target s':>10}")
    for name, arguments in COMMANDS.items():
        first = name.startswith("first")
        timed(arguments, first=first)  # warm the file cache
        runs = [timed(arguments, first=first) for _ in range(1 if args.quick else args.rounds)]
        wall, cpu, peak = (statistics.median(values) for values in zip(*runs, strict=True))
        results[name] = {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mb": round(peak, 1)}
        print(f"{name:14}{wall:10.2f}{cpu:10.2f}{peak:10.0f}{TARGETS.get(name, ''):>10}")
    from shapes import versions

    print(json.dumps({"benchmark": "shell_start", "quick": args.quick, "results": results, "versions": versions()}))


if __name__ == "__main__":
    main()
