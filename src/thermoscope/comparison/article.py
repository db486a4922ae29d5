"""The article's three experiments, as data: prompt, temperatures, and the settings that ran there.

Total length 200 tokens with the prompt counted; ``top_k=50`` because transformers' ``generate`` applied it unasked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArticleExperiment:
    """One experiment: what it shows, its prompt and its temperatures."""

    title: str
    prompt: str
    temperatures: tuple[float, ...]
    max_length: int = 200
    top_k: int = 50


EXPERIMENTS: Mapping[str, ArticleExperiment] = {
    "temperature": ArticleExperiment(
        title="temperature variations",
        prompt="What are some of the best strategies within NFL Fantasy",
        temperatures=(0.3, 0.5, 0.9),
    ),
    "creative-story": ArticleExperiment(
        title="a creative story: too low against right",
        prompt="Once upon a time, in a distant galaxy, there was a spaceship called Voyager.",
        temperatures=(0.2, 0.9),
    ),
    "technical-explanation": ArticleExperiment(
        title="a technical explanation: too high against adjusted",
        prompt="Explain how blockchain works in simple terms.",
        temperatures=(0.9, 0.7),
    ),
}
