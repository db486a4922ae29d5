"""Step 1: clean the texts, keep each document once, hold 1 % of each source out by document.

Reads every .txt file of a folder (documents separated by a line <|endoftext|>), writes
RUN/text/train.jsonl and RUN/text/heldout.jsonl with one {source, group, weight, text} per line,
and RUN/text/report.json with the counts.
"""

import argparse
import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from training.clean import clean_document, identity, normalise, shingles, split_documents
from training.common import DEFAULT_RUN, BadInputError, progress, run_step, write_json, write_text
from training.sources import find_sources

Document = dict[str, Any]


def read_documents(folder: Path, counts: dict[str, Counter]) -> list[Document]:
    """Read, clean and deduplicate all sources; the first source that has a document keeps it."""
    documents: list[Document] = []
    seen: set[str] = set()
    sources = find_sources(folder)
    for done, source in enumerate(sources, 1):
        for raw in split_documents(source.path.read_text(encoding="utf-8")):
            text = clean_document(raw, whole=source.whole)
            names = identity(text)
            reason = "dropped" if not text else "kept elsewhere" if names & seen else "kept"
            counts[source.name][reason] += 1
            if reason == "kept":
                seen |= names
                documents.append({"source": source.name, "group": source.group, "weight": source.weight, "text": text})
        progress(done, len(sources), "sources read")
    return documents


def hold_out(documents: list[Document], share: float, seed: int) -> list[Document]:
    """Choose `share` of each source (at least one document of ten), by a hash of seed and text.

    A hash, not a position: the choice stays when texts are added to a source or removed from it.
    """
    by_source: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        by_source[document["source"]].append(document)

    def rank(document: Document) -> bytes:
        return hashlib.sha256(f"{seed} {normalise(document['text'])}".encode()).digest()

    chosen = []
    for members in by_source.values():
        count = max(round(share * len(members)), 1 if len(members) >= 10 else 0)
        chosen += sorted(members, key=rank)[:count]
    return chosen


def without_overlap(documents: list[Document], heldout: list[Document], limit: float) -> list[Document]:
    """Drop the documents that share more than `limit` of their 13-word runs with a held-out one.

    This finds what normalised texts miss: editions with other cuts, quotations, near copies.
    """
    held = {id(document) for document in heldout}
    known: set[int] = set().union(*(shingles(document["text"]) for document in heldout))
    kept = []
    for done, document in enumerate(documents, 1):
        if id(document) not in held:
            own = shingles(document["text"])
            if not own or len(own & known) <= limit * len(own):
                kept.append(document)
        if done % 1000 == 0 or done == len(documents):
            progress(done, len(documents), "compared with held-out text")
    return kept


def prepare(folder: Path, run: Path, *, share: float = 0.01, seed: int = 0, limit: float = 0.1) -> dict:
    """Write RUN/text/{train,heldout}.jsonl and report.json; return the report."""
    if not 0 < share < 0.5:
        raise BadInputError(f"--heldout must lie between 0 and 0.5: got {share}; 0.01 is 1 %")
    if not folder.is_dir():
        raise BadInputError(f"--text must be a folder: {folder} is none; name a folder of .txt files")
    counts: dict[str, Counter] = defaultdict(Counter)
    documents = read_documents(folder, counts)
    heldout = hold_out(documents, share, seed)
    train = without_overlap(documents, heldout, limit)
    report: dict[str, Any] = {
        "seed": seed,
        "share": share,
        "overlapping_dropped": len(documents) - len(heldout) - len(train),
        "sources": {name: dict(counter) for name, counter in counts.items()},
    }
    for name, part in (("train", train), ("heldout", heldout)):
        report[name] = {"documents": len(part), "bytes": sum(len(d["text"].encode()) for d in part)}
        lines = (json.dumps(document, ensure_ascii=False) for document in part)
        write_text(run / "text" / f"{name}.jsonl", "\n".join(lines) + "\n")
    write_json(run / "text" / "report.json", report)
    return report


def main() -> None:
    """Read the command line and prepare the texts."""
    parser = argparse.ArgumentParser(prog="python -m training.prepare", description=__doc__)
    parser.add_argument("--text", type=Path, default=Path("../shared/corpus"), help="folder of .txt files")
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN, help="folder that all steps work in")
    parser.add_argument("--heldout", type=float, default=0.01, help="share of each source to hold out")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    report = prepare(args.text, args.run, share=args.heldout, seed=args.seed)
    print(json.dumps({key: report[key] for key in ("train", "heldout", "overlapping_dropped")}))


if __name__ == "__main__":
    run_step(main)
