"""How fast texts are measured: MB of UTF-8 per second of processor time, each measure and all of them.

Texts of 200 words drawn from a vocabulary by Zipf's law, in groups of eight samples of one prompt, and then all in one
group. One thread. Of the measures on n-grams the first of each n counts them, for all that come after. ``all`` includes
cutting texts into words and making columns of them; self_bleu takes at most 100 samples of a group. Embeddings and
likelihood depend on their models and are left out. Peak memory is of the texts, both sets of columns one after the
other, and the table of intervals.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time

import numpy as np

from thermoscope.metrics.ragged import Ragged
from thermoscope.metrics.registry import MEASURES
from thermoscope.metrics.texts import Texts
from thermoscope.metrics.words import word_tokens
from thermoscope.statistics.evidence import Evidence

WORDS = 200


def make(count: int) -> list[str]:
    """Texts with a full stop and a comma here and there."""
    rng = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlucmfwypvbgkqjxz"))
    words = ["".join(letters[rng.zipf(1.4, rng.integers(1, 8)) % 26]) for _ in range(20_000)]
    words[::40] = [word + "," for word in words[::40]]
    words[::23] = [word + "." for word in words[::23]]
    shares = np.cumsum(1 / np.arange(1, len(words) + 1))
    drawn = (np.searchsorted(shares, rng.random(WORDS) * shares[-1]) for _ in range(count))
    return [" ".join([words[i] for i in row.tolist()]) for row in drawn]


def measured(texts: list[str], group: int) -> dict[str, float]:
    """Seconds of processor time that each step takes."""
    seconds: dict[str, float] = {}
    start = time.process_time()

    def step(name: str) -> None:
        nonlocal start
        now = time.process_time()
        seconds[name] = now - start
        start = now

    tokens, ends = word_tokens(texts)
    step("cutting into words")
    columns = Texts(
        tokens=tokens, strings=texts, prompts=[str(i // group) for i in range(len(texts))], settings=[""] * len(texts),
        ends=Ragged(ends, tokens.starts), length=WORDS,
    )  # fmt: skip
    _ = columns.mixed, columns.strings
    step("making columns")
    for measure in MEASURES.values():
        if not measure.needs:
            measure.of(columns)
            step(measure.name)
    Evidence(columns).settings_table()
    return seconds


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: 800 texts")
    parser.add_argument("--texts", type=int, default=100_000)
    args = parser.parse_args()
    count = 800 if args.quick else args.texts
    texts = make(count)
    size = sum(len(text.encode()) for text in texts) / 1e6
    measured(texts[:8], 8)  # what is compiled, or made, once
    found: dict[str, dict[str, float]] = {}
    for name, group in (("groups of 8", 8), ("one group", count)):
        seconds = measured(texts, group)
        total = sum(seconds.values())
        seconds |= {"all": total, "all but self_bleu": total - seconds["self_bleu"]}
        for what, taken in seconds.items():
            found.setdefault(what, {})[name] = size / max(taken, 1e-6)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{count:,} texts of {WORDS} words, {size:.0f} MB; MB per second of processor time, one thread")
    print(f"{'':22}{'groups of 8':>14}{'one group':>14}")
    for name, speeds in found.items():
        print(f"{name:22}" + "".join(f"{speed:14,.0f}" for speed in speeds.values()))
    print(f"peak memory {peak:.2f} GB")
    print(json.dumps({"benchmark": "measures_speed", "quick": args.quick, "texts": count, "megabytes": round(size, 1),
                      "megabytes_per_s": {k: {n: round(s, 1) for n, s in v.items()} for k, v in found.items()},
                      "peak_gb": round(peak, 2), "load": round(os.getloadavg()[0], 1)}))  # fmt: skip


if __name__ == "__main__":
    main()
