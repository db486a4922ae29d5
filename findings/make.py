"""Makes the runs that the rules are tested on, and the tables of what they show.

Runs are kept in ``runs/findings`` and gone on with; a model that is not installed is left out, which is said. SmolLM2:
``thermoscope models get smollm2``. Any other model: ``--model NAME``, may be given again.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from findings.rules import LARGEST, LENGTH, RULES, SEEDS, SETTINGS, SUM_LENGTH, SUMS, Rule, Task
from thermoscope import Run, load_model, run, spectrum
from thermoscope.models import smollm2
from thermoscope.usecases.load import load

RUNS = Path("runs/findings")
TABLES = Path(__file__).parent / "tables"
#: Measures that the curves show.
CURVES = ("rep_4", "perplexity", "self_bleu", "reference_distance", "score")
#: Prompts, tokens and the upper end of the spectra.
SPECTRA, TOKENS, HIGH, STEP = 12, 20, 1.5, 0.1
_FIELDS = ("model", "says", "a", "b", "measure", "mean_a", "mean_b", "kind", "effect", "low", "high", "clear",
           "prompts", "texts")  # fmt: skip


def sums() -> Path:
    """A file of sums with their answers."""
    rng = random.Random(7)
    numbers = range(2, LARGEST + 1)
    pairs = rng.sample([(a, b) for a in numbers for b in numbers], SUMS)
    path = RUNS / "sums.jsonl"
    lines = [{"prompt": f"What is {a} plus {b}? Answer with the number only.", "answer": str(a + b)} for a, b in pairs]
    text = "\n".join(map(json.dumps, lines))
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
    return path


def made(model: Any, name: str, task: Task) -> Run:
    """The run of a task, gone on with where it is not whole."""
    where: dict[Task, Any] = {"stories": "creative-story", "explanations": "technical-explanation"}
    how: dict[str, Any] = {"max_new_tokens": LENGTH}
    if task == "sums":
        how = {"max_new_tokens": SUM_LENGTH, "scorer": r"regex:\b{answer}\b"}
    print(f"{name}, {task}", flush=True)
    return run(
        model, where[task] if task != "sums" else sums(), SETTINGS[task], seeds=SEEDS, folder=RUNS / name / task,
        on_progress=_shown(), **how,
    )  # fmt: skip


def _shown() -> Any:
    told = 0

    def tell(state: Any) -> None:
        nonlocal told
        if state.most_tokens and (share := int(10 * state.tokens / state.most_tokens)) > told:
            told = share
            print(f"  {10 * share} %", flush=True)

    return tell


def decided(name: str, rule: Rule, found: Run) -> dict[str, Any]:
    """One rule on one model: both means, the effect with its interval, and whether it is clear at once with all others."""
    means = {row["label"]: row for row in found.summary().to_pylist() if row["measure"] == rule.measure}
    row = next(
        row for row in found.differences().to_pylist()
        if row["measure"] == rule.measure and {row["label_a"], row["label_b"]} == {rule.a, rule.b}
    )  # fmt: skip
    effect, low, high, band = row["effect"], row["low"], row["high"], (row["band_low"], row["band_high"])
    neutral = 1.0 if row["kind"] == "ratio" else 0.0
    if row["label_a"] == rule.a:  # the table has b - a, and b / a
        turn = (lambda x: 1 / x) if row["kind"] == "ratio" else (lambda x: -x)
        effect, low, high, band = turn(effect), turn(high), turn(low), (turn(band[1]), turn(band[0]))
    clear = "higher" if band[0] > neutral else "lower" if band[1] < neutral else "open"
    return dict(zip(_FIELDS, (
        name, rule.says, rule.a, rule.b, rule.measure, means[rule.a]["mean"], means[rule.b]["mean"], row["kind"],
        effect, low, high, clear, row["units"], row["texts"],
    ), strict=True))  # fmt: skip


def steps(model: Any, name: str) -> dict[str, Any]:
    """How far apart in temperature texts change: from spectra of stories."""
    prompts = [prompt.text for prompt in load("creative-story").prompts][:SPECTRA]
    print(f"{name}, spectra", flush=True)
    found = spectrum(model, prompts, temperature=(0.0, HIGH), max_new_tokens=TOKENS)
    starts = [number * 0.01 for number in range(1, round((HIGH - STEP) * 100))]
    same = [one.leaf(t).high >= t + STEP for one in found for t in starts]
    first = [one.forks[0].temperature for one in found if one.forks]
    return {
        "model": name, "prompts": len(found), "tokens": TOKENS, "texts": median(len(one.leaves) for one in found),
        "same_after_step": sum(same) / len(same), "first_change": median(first),
    }  # fmt: skip


def curves(name: str, task: Task, found: Run) -> Iterator[dict[str, Any]]:
    """Means by temperature alone, with intervals."""
    for row in found.summary().to_pylist():
        if (
            row["measure"] in CURVES
            and row["label"].startswith("T=")
            and " " not in row["label"]
            and row["mean"] is not None
        ):
            yield {"model": name, "task": task} | {
                key: row[key] for key in ("measure", "temperature", "mean", "low", "high", "units", "texts")
            }


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """A small table, numbers to six digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({key: f"{x:.6g}" if isinstance(x, float) else x for key, x in row.items()})


def main() -> None:
    """Make what is missing, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], help="one more model, by name or path")
    asked = parser.parse_args()
    names = ["bundled", *(["smollm2"] if smollm2.find() else []), *asked.model]
    if smollm2.find() is None:
        print("SmolLM2 is not installed and is left out: thermoscope models get smollm2", flush=True)
    RUNS.mkdir(parents=True, exist_ok=True)
    TABLES.mkdir(exist_ok=True)
    rules: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    widths: list[dict[str, Any]] = []
    for given in names:
        model = load_model(None if given == "bundled" else given)
        name = Path(given).stem
        for task in SETTINGS:
            if task == "sums" and given == "bundled":
                continue  # it was trained on stories and explanations, and knows no sums
            found = made(model, name, task)
            rules += [decided(name, rule, found) for rule in RULES if rule.task == task]
            points += curves(name, task, found)
        widths.append(steps(model, name))
    order = {rule.says: number for number, rule in enumerate(RULES)}
    write(TABLES / "rules.csv", sorted(rules, key=lambda row: order[row["says"]]))  # of one rule in the models' order
    write(TABLES / "curves.csv", points)
    write(TABLES / "steps.csv", widths)
    print(f"tables are in {TABLES}; python findings/write.py makes the document of them")


if __name__ == "__main__":
    main()
