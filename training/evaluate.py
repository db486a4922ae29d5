"""Step 5: held-out bits per byte of the exported model against Kneser-Ney 5-grams.

Two baselines over the same tokens: one 5-gram model trained on the whole training text, as the
model was, and one trained on each group's text alone (a harder opponent where that group is a small
part of the mixture). Also checks that the float16 files lose nothing against the float32
checkpoint. Writes RUN/evaluation.json.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from training.checkpoint import load
from training.common import DEFAULT_RUN, keep_freed_memory, need, run_step, write_json
from training.export import newest, open_checkpoint
from training.heldout import bits_per_byte, document_nll
from training.kneser_ney import KneserNey
from training.stream import Corpus


def by_document(nll_nats: np.ndarray, corpus: Corpus) -> np.ndarray:
    """Sum per-token values over each document: (N,)."""
    return np.add.reduceat(nll_nats, corpus.starts[:-1])


def baselines(train: Corpus, heldout: Corpus, vocab_size: int, order: int = 5) -> dict[str, dict[str, float]]:
    """Bits per byte by group of a model of all training text, and of each group's own."""
    whole = KneserNey(train.ids, vocab_size, order).nll(heldout.ids)
    result = {"all text": bits_per_byte(by_document(whole, heldout), heldout), "own group": {}}
    for group in sorted(set(heldout.group.tolist())):
        ids = [train.document(index) for index in np.flatnonzero(train.group == group)]
        if ids:
            own = KneserNey(np.concatenate(ids), vocab_size, order).nll(heldout.ids)
            result["own group"][group] = bits_per_byte(by_document(own, heldout), heldout)[group]
    return result


def evaluate(run: Path, folder: Path, checkpoint: Path) -> dict:
    """Measure the exported files, the checkpoint they come from, and the baselines."""
    train, heldout = Corpus(run, "train"), Corpus(run, "heldout")
    exported = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    half = bits_per_byte(document_nll(exported, heldout, "fp32"), heldout)
    full = bits_per_byte(document_nll(open_checkpoint(run, checkpoint), heldout, "fp32"), heldout)
    kneser_ney = baselines(train, heldout, exported.config.vocab_size)
    state = load(checkpoint)
    recipe = state["recipe"]
    return {
        "step": state["step"],
        "tokens_seen": state["step"] * recipe["batch_size"] * recipe["context"],
        "cpu_seconds": state["seconds"],
        "recipe": recipe,
        "train_tokens": len(train.ids),
        "tokens_in_one_pass": int((np.diff(train.starts) * train.weight).sum()),
        "heldout_documents": len(heldout.weight),
        "heldout_bytes": {g: int(heldout.bytes[heldout.group == g].sum()) for g in set(heldout.group.tolist())},
        "parameters": exported.num_parameters(),
        "files_bytes": sum(file.stat().st_size for file in folder.iterdir()),
        "model": half,
        "float32": full,
        "half_precision_change": half["all"] / full["all"] - 1,
        "kneser_ney": kneser_ney,
        "below": {
            name: {group: 1 - half[group] / value for group, value in values.items()}
            for name, values in kneser_ney.items()
        },
    }


def main() -> None:
    """Read the command line and evaluate."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN)
    parser.add_argument("--model", type=Path, default=Path("src/thermoscope/models/bundled"))
    parser.add_argument("--checkpoint", type=Path, help="default: the newest decayed one")
    args = parser.parse_args()
    need(args.model / "config.json", "export")
    keep_freed_memory()
    result = evaluate(args.run, args.model, args.checkpoint or newest(args.run))
    write_json(args.run / "evaluation.json", result)
    print(f"{'group':<16}{'model':>8}{'5-gram':>8}{'below':>8}{'own':>8}{'below':>8}   bits per byte, held out")
    for group, value in result["model"].items():
        line = f"{group:<16}{value:>8.4f}"
        for name in ("all text", "own group"):
            if group in result["kneser_ney"][name]:
                line += f"{result['kneser_ney'][name][group]:>8.4f}{result['below'][name][group]:>8.1%}"
        print(line)
    print(f"float16 against float32: {result['half_precision_change']:+.4%}")


if __name__ == "__main__":
    run_step(main)
