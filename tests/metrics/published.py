"""54 texts, and what published code measures of them.

Run as a script where ``diversity`` is installed, it prints that: ``python published.py > published.json``.
``pip install --no-deps diversity==0.3.1 nltk tqdm numpy`` is enough: of the package (Shaib et al. 2024, Apache-2.0)
only the three modules are loaded that need nothing else. It pins transformers below 5, so it can't be a development
dependency.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: What the script printed, by measure: one value per group.
FROZEN = Path(__file__).with_name("published.json")
#: Texts of a group.
SIZE = 6


def groups() -> list[list[str]]:
    """Nine groups of six texts, words apart by single spaces: ordinary, looping, and degenerate in every way."""
    rng = random.Random(17)

    def words(number: int, kinds: int) -> str:
        return " ".join(f"w{min(int(rng.paretovariate(0.8)), kinds)}" for _ in range(number))

    loop = "and so it goes on"
    letters = [
        "naïve café déjà vu",
        "日本 語 の 文章 です",
        "🙂 👩‍👩‍👧 🙂 👩‍👩‍👧 🙂",
        "ﬁne ½ Ⅷ ﬁne ½ Ⅷ",
        "e\u0301 é e\u0301 é e\u0301",
        "שלום עולם שלום עולם",
    ]
    same = words(50, 30)
    return [
        [words(60, 40) for _ in range(SIZE)],
        [words(length, 300) for length in (5, 20, 80, 200, 400, 800)],
        [f"{words(20, 50)} " + " ".join([loop] * 12) for _ in range(SIZE)],
        [same] * SIZE,
        ["", "one", "one two", "one two three", "one two three four", "one two three four five"],
        [""] * SIZE,
        ["same " * 59 + "same", "same", "same same", "other " * 59 + "other", words(60, 2), words(60, 1)],
        letters,
        [words(length, 5000) for length in (6000, 3000, 1, 4, 1500, 6000)],
    ]


def published() -> dict[str, list[float | None]]:
    """By the package: values per group, None where it fails."""
    import importlib.util

    folder = Path(importlib.util.find_spec("diversity").origin).parent  # type: ignore[union-attr, arg-type]

    def function(module: str, name: str) -> Any:
        spec = importlib.util.spec_from_file_location(module, folder / f"{module}.py")
        made = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(made)  # type: ignore[union-attr]
        return getattr(made, name)

    def of(measure: Callable[[list[str]], Any], texts: list[str]) -> float | None:
        try:
            return float(measure(texts))
        except ZeroDivisionError:
            return None

    repetition = function("self_repetition", "self_repetition_score")
    measures: dict[str, Callable[[list[str]], Any]] = {
        "self_repetition": lambda texts: repetition(texts, verbose=False),
        "ngram_diversity": function("ngram_diversity", "ngram_diversity_score"),
        "compression_ratio": function("compression", "compression_ratio"),
    }
    return {name: [of(measure, texts) for texts in groups()] for name, measure in measures.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(published(), indent=1) + "\n")
