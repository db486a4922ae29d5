"""Measure held-out text written by people: the reference statistics of the bundled use cases.

Takes RUN/text/heldout.jsonl (what step 1 held out), tokenizes it with a model and cuts every document into windows of
50, 100 and 200 tokens. Windows of different documents of one source stand beside each other eight at a time, in place
of eight samples of one prompt: less alike than samples of one prompt can be, which is said in the file. Writes
FOLDER/NAME.reference.json for each use case: means, standard deviations, quantiles and counts, and no text.
"""

import argparse
import json
import math
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from thermoscope import load_model
from thermoscope.metrics.ragged import Ragged
from thermoscope.metrics.registry import MEASURES
from thermoscope.metrics.scoring import score
from thermoscope.metrics.table import group_values, text_values
from thermoscope.metrics.texts import Texts
from thermoscope.models.base import Model
from thermoscope.statistics.reference import FORMAT, tokenizer_id
from training.common import DEFAULT_RUN, need, progress, read_jsonl, run_step, write_json

LENGTHS, GROUP, QUANTILES = (50, 100, 200), 8, (0.05, 0.25, 0.5, 0.75, 0.95)
#: Groups of sources, as sources.toml names them, that each use case is held against.
USE_CASES = {"creative-story": ("TinyStories", "other stories"), "technical-explanation": ("explanations",)}


def windows(model: Model, documents: Sequence[dict[str, Any]], length: int) -> list[tuple[str, list[int]]]:
    """(source, token ids) of whole windows, ordered so that neighbours are of different documents of one source."""
    by_source: dict[str, list[list[list[int]]]] = {}
    for document in documents:
        ids = model.encode(document["text"])
        cut = [ids[i : i + length] for i in range(0, len(ids) - length + 1, length)]
        by_source.setdefault(document["source"], []).append(cut)
    return [
        (source, window)
        for source, cuts in sorted(by_source.items())
        for turn in zip_longest(*cuts)
        for window in turn
        if window is not None
    ]


def statistics(model: Model, documents: Sequence[dict[str, Any]], length: int, most: int) -> dict[str, Any]:
    """Mean, standard deviation and quantiles of every measure over windows of one length, or over groups of them."""
    chosen = windows(model, documents, length)
    chosen = [chosen[i * len(chosen) // most] for i in range(most)] if len(chosen) > most else chosen
    texts = [model.decode(ids) for _, ids in chosen]
    scored = score(model, [""] * len(texts), texts, on_progress=lambda done, all_: progress(done, all_, "windows read"))
    numbers: dict[str, int] = {}
    groups = []
    for source, _ in chosen:
        count = numbers[source] = numbers.get(source, -1) + 1
        groups.append(f"{source} {count // GROUP}")
    columns = Texts(
        tokens=Ragged.of([ids for _, ids in chosen], np.int64), strings=texts, prompts=groups,
        settings=[""] * len(texts), logprobs=scored.logprobs, entropies=scored.entropies, length=length,
    )  # fmt: skip
    of_texts = text_values(columns)
    of_groups = group_values(columns, of_texts)
    whole = columns.groups == GROUP
    found: dict[str, Any] = {"tokens": length, "windows": len(chosen), "groups": int(whole.sum()), "mean": {}, "sd": {}}
    found["quantiles"] = {}
    for m in MEASURES.values():
        values = (
            of_texts[m.name] if m.level == "text" else of_groups[m.name][whole] if m.level == "group" else m.of(columns)
        )
        values = np.log(values[values > 0]) if m.scale == "log" else values
        values = values[np.isfinite(values)]
        if len(values):
            found["mean"][m.summary_name] = round(float(values.mean()), 6)
            found["sd"][m.summary_name] = round(float(values.std(ddof=1)), 6) if len(values) > 1 else 0.0
            shown = np.exp(np.quantile(values, QUANTILES)) if m.scale == "log" else np.quantile(values, QUANTILES)
            found["quantiles"][m.summary_name] = {
                str(q): round(float(v), 6) for q, v in zip(QUANTILES, shown, strict=True)
            }
    return found


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m training.reference", description=__doc__)
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN, help="folder that all steps work in")
    parser.add_argument("--model", default=None, help="model that reads the text (the bundled one unless given)")
    parser.add_argument("--folder", type=Path, default=Path("src/thermoscope/usecases"))
    parser.add_argument("--most", type=int, default=1200, help="the most windows of one length")
    args = parser.parse_args()
    documents = read_jsonl(need(args.run / "text" / "heldout.jsonl", "prepare"))
    model = load_model(args.model)
    for name, groups in USE_CASES.items():
        own = [document for document in documents if document["group"] in groups]
        found = [statistics(model, own, length, args.most) for length in LENGTHS]
        write_json(args.folder / f"{name}.reference.json", {
            "format": FORMAT,
            "source": f"held-out text ({', '.join(groups)}; docs/model_attribution.md), {len(own)} documents",
            "groups": f"{GROUP} windows of different documents of one source in place of {GROUP} samples of one prompt",
            "perplexity": "mean and sd are of its logarithm; the first token is read after an end-of-text token",
            "model": model.name,
            "revision": model.revision,
            "tokenizer": tokenizer_id(model),
            "windows": found,
        })  # fmt: skip
        shown = found[LENGTHS.index(100)]
        print(json.dumps({"use case": name, "documents": len(own), "windows of 100": shown["windows"],
                          "perplexity": round(math.exp(shown["mean"]["perplexity"]), 2),
                          "rep_4": shown["mean"]["rep_4"], "self_bleu": shown["mean"]["self_bleu"]}))  # fmt: skip


if __name__ == "__main__":
    run_step(main)
