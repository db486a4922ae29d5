"""Prompts that are tried first: short, harmless, and with many ways to go on."""

from __future__ import annotations

#: For the completion route: beginnings of texts.
BEGINNINGS: tuple[str, ...] = (
    "Once upon a time", "The dragon", "In a quiet village", "She opened the", "Tom and his", "The capital of",
    "To make a cake, you", "When the sun", "A computer", "He wanted to", "The old man", "Science is", "My favourite",
    "One day, a little", "The cat", "Water is", "They went to", "The spaceship", "Every morning", "The king",
    "A good friend", "The best way", "At night", "The people of", "I have never", "It was a", "The red", "Her name was",
    "We found the", "In the garden there was a", "The book is about", "A small bird", "The doctor said that",
    "On the table lay", "There are many", "His father was a", "The city has", "Music is", "If you want to", "The first",
)  # fmt: skip

#: For the chat route: questions whose first word is open.
QUESTIONS: tuple[str, ...] = tuple(
    f"Name one random {thing}. Answer with that alone."
    for thing in (
        "animal", "city", "colour", "first name", "fruit", "country", "verb", "adjective", "tool", "river", "job",
        "musical instrument", "vegetable", "plant", "sport", "planet or star", "kind of food", "piece of clothing",
        "bird", "word",
    )
) + tuple(
    f"Begin a {kind} about {topic}. Write its first sentence only."
    for kind, topic in (
        ("story", "a dragon"), ("poem", "the sea"), ("story", "a lost key"), ("letter", "a journey"),
        ("joke", "a programmer"), ("story", "two sisters"), ("speech", "a bridge"), ("poem", "autumn"),
        ("tale", "a clever fox"), ("diary entry", "a storm"), ("story", "a train"), ("song", "a friend"),
        ("novel", "an island"), ("story", "a clock"), ("play", "a king"), ("poem", "silence"),
        ("story", "a market"), ("legend", "a mountain"), ("story", "a robot"), ("poem", "a city at night"),
    )
)  # fmt: skip

#: For the chat route: what takes several sentences, so that words come again.
LONG_QUESTIONS: tuple[str, ...] = tuple(
    f"Write a paragraph about {topic}."
    for topic in (
        "the sea",
        "a market",
        "a dragon",
        "winter",
        "a train",
        "bread",
        "a garden",
        "the moon",
        "a school",
        "rivers",
        "music",
        "a lost key",
        "a storm",
        "two friends",
        "a mountain",
        "dinner",
    )
)
