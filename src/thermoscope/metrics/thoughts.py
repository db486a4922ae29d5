"""Texts with their thinking taken out, and the thinking as texts of its own, ready to be measured."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from thermoscope.metrics.texts import Texts
from thermoscope.metrics.thinking import Columns, Thinking, find_block, said_of, split


@dataclass(frozen=True, slots=True)
class Thoughts:
    """The thinking in some texts.

    Attributes
    ----------
    texts
        The thinking that is measured apart, as texts; None if there is none.
    rows
        Of each of them the place of the text that it is from.
    said
        What a reader must know of it, a sentence; None if no text holds thinking.
    """

    texts: Texts | None
    rows: tuple[int, ...]
    said: str | None


def texts_and_thoughts(
    columns: Columns,
    prompts: Sequence[str],
    settings: Sequence[Hashable],
    thinking: Thinking,
    opens: Callable[[str], bool] = lambda _: False,
    **how: Any,
) -> tuple[Texts, Thoughts]:
    """The texts that are measured, and the thinking in them.

    Parameters
    ----------
    columns
        The texts, N rows.
    prompts, settings
        Of each text its prompt and its setting.
    thinking
        What is done with thinking.
    opens
        Whether a prompt, as the model sees it, begins the thinking.
    how
        What else ``Texts`` takes.
    """
    opened = {prompt: opens(prompt) for prompt in dict.fromkeys(prompts)}
    blocks = [find_block(text, opened=opened[prompt]) for text, prompt in zip(columns.strings, prompts, strict=True)]
    measured, rows, thoughts = split(columns, blocks, thinking)
    texts = Texts(**measured.named(), prompts=prompts, settings=settings, **how)
    apart = None
    if rows:
        named: dict[str, Any] = {"prompts": [prompts[row] for row in rows], "settings": [settings[row] for row in rows]}
        apart = Texts(**thoughts.named(), **named, length=how.get("length"))
    return texts, Thoughts(apart, tuple(rows), said_of(blocks, thinking))
