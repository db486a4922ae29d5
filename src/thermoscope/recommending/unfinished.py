"""A round that was interrupted, read as far as it goes: its prompts that are whole, measured in memory."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow

from thermoscope.metrics.table import group_table, group_values, text_values
from thermoscope.runs.measure import stored_texts
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.run import Run


class UnfinishedRun(Run):
    """A run of which some prompts are whole.

    Parameters
    ----------
    folder
        Its folder.
    measuring
        How its texts are measured.
    """

    def __init__(self, folder: Path, measuring: Measuring) -> None:
        super().__init__(folder)
        self._measuring = measuring

    @property
    def whole_prompts(self) -> int:
        """How many prompts have all their texts."""
        chunks = list(self.plan.chunks())
        missing = {chunk.prompt for chunk in chunks if not self._store.has(chunk)}
        return len({chunk.prompt for chunk in chunks} - missing)

    @property
    def manifest(self) -> dict[str, Any]:
        """What a complete run would say beside its tables."""
        return {"notes": [], "tokens": sum(self._store.texts()["tokens"].to_pylist())}

    def groups(self) -> pyarrow.Table:
        """One row per prompt and setting, as of a complete run but for what needs a reference."""
        return self._groups

    @cached_property
    def _groups(self) -> pyarrow.Table:
        texts, _ = stored_texts(self.plan, self._store, self._measuring)
        table = group_table(texts, group_values(texts, text_values(texts)))
        place = {prompt: i for i, prompt in enumerate(self.plan.prompts)}
        numbers = pyarrow.array([place[prompt] for prompt in table["prompt"].to_pylist()], pyarrow.int32())
        return table.append_column("prompt_id", numbers)
