"""The article's experiments, to the letter."""

from __future__ import annotations

from thermoscope.comparison.article import EXPERIMENTS


def test_prompts_and_settings() -> None:
    assert {name: (e.prompt, e.temperatures) for name, e in EXPERIMENTS.items()} == {
        "temperature": ("What are some of the best strategies within NFL Fantasy", (0.3, 0.5, 0.9)),
        "creative-story": (
            "Once upon a time, in a distant galaxy, there was a spaceship called Voyager.",
            (0.2, 0.9),
        ),
        "technical-explanation": ("Explain how blockchain works in simple terms.", (0.9, 0.7)),
    }


def test_length_and_the_top_k_that_nobody_asked_for() -> None:
    assert {(e.max_length, e.top_k) for e in EXPERIMENTS.values()} == {(200, 50)}
    assert all(e.title for e in EXPERIMENTS.values())
