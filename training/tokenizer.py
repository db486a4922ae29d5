"""Step 2: train a byte-level BPE tokenizer on the training text and encode all text with it.

Writes RUN/tokenizer/ (opens with transformers' AutoTokenizer) and RUN/tokens/{train,heldout}.npz:
`ids` (all documents on end, each closed by end-of-text), `starts` (N + 1 offsets), `source` and
`weight` (one per document), and `bytes` (UTF-8 length of each document).
"""

import argparse
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from training.common import (
    DEFAULT_RUN,
    END_OF_TEXT,
    BadInputError,
    batches,
    need,
    progress,
    read_json,
    read_jsonl,
    run_step,
    write_json,
)


def train_bpe(texts: list[str], vocab_size: int) -> Tokenizer:
    """Train byte-level BPE: 256 bytes, end-of-text (id 0) and merges, `vocab_size` in all.

    Digits are split one by one, so that numbers cost no merges.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, context: int = 512) -> None:
    """Save in transformers' format, end-of-text being both the first and the last token."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        unk_token=END_OF_TEXT,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    fast.save_pretrained(folder)
    # the class's lasting name: transformers 5 writes one that earlier releases and other engines don't know
    config = read_json(folder / "tokenizer_config.json")
    config.pop("backend", None)
    write_json(folder / "tokenizer_config.json", {**config, "tokenizer_class": "PreTrainedTokenizerFast"})


def encode(documents: list[dict], tokenizer: Tokenizer, what: str) -> dict[str, np.ndarray]:
    """Encode documents into the arrays that the module's docstring names."""
    end = tokenizer.token_to_id(END_OF_TEXT)
    pieces: list[np.ndarray] = []
    for group in batches([d["text"] for d in documents], 256):
        pieces += [np.array([*e.ids, end], dtype=np.uint16) for e in tokenizer.encode_batch(group)]
        progress(len(pieces), len(documents), f"{what} encoded")
    return {
        "ids": np.concatenate(pieces),
        "starts": np.cumsum([0, *map(len, pieces)]),
        "source": np.array([d["source"] for d in documents]),
        "group": np.array([d["group"] for d in documents]),
        "weight": np.array([d["weight"] for d in documents]),
        "bytes": np.array([len(d["text"].encode()) for d in documents]),
    }


def make(run: Path, vocab_size: int) -> None:
    """Train the tokenizer on RUN/text/train.jsonl, save it, encode both parts."""
    if not 300 <= vocab_size <= 65536:
        raise BadInputError(f"--vocab-size must lie in 300..65536: got {vocab_size}; 4096 is usual")
    names = ("train", "heldout")
    parts = {name: read_jsonl(need(run / "text" / f"{name}.jsonl", "prepare")) for name in names}
    # each document once, whatever its weight: the vocabulary should cover the dense prose as well
    tokenizer = train_bpe([d["text"] for d in parts["train"]], vocab_size)
    save_tokenizer(tokenizer, run / "tokenizer")
    (run / "tokens").mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, documents in parts.items():
        arrays = encode(documents, tokenizer, name)
        np.savez(run / "tokens" / f"{name}.npz", **arrays)
        weighted = int((np.diff(arrays["starts"]) * arrays["weight"]).sum())
        counts[name] = {
            "tokens": len(arrays["ids"]),
            "tokens_in_one_pass": weighted,
            "bytes_per_token": round(float(arrays["bytes"].sum() / len(arrays["ids"])), 3),
        }
    write_json(run / "tokens" / "report.json", counts)
    print(counts)


def main() -> None:
    """Read the command line and make the tokenizer."""
    parser = argparse.ArgumentParser(prog="python -m training.tokenizer", description=__doc__)
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN)
    parser.add_argument("--vocab-size", type=int, default=4096)
    args = parser.parse_args()
    make(args.run, args.vocab_size)


if __name__ == "__main__":
    run_step(main)
