"""Steps of fixed shape on a GPU, recorded once and played again.

A step is hundreds of short operations, and launching each of them takes the processor longer than a GPU needs for
it. A recording launches all of them at once, but on the memory and with the shapes that it was made with: rows and
columns are rounded up, and what a step is given is copied to where the recording reads it.

Shapes: R rows, N rows of a recording (N >= R), L columns: positions that a row may look at, V vocabulary.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

#: ``(tokens (N,), lengths (N,), L) -> logits (N, V)``.
Step = Callable[[Tensor, Tensor, int], Tensor]

#: Columns are powers of two, and at least so many: each number of them is a recording of its own.
_FEWEST_COLUMNS = 128
#: A recording is made by running the step so often before it, so that everything lazy has been done.
_WARM_UP = 2

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Shape:
    tokens: Tensor
    lengths: Tensor
    used: int = 0
    recording: tuple[Callable[[], None], Tensor] | None = None


class CapturedSteps:
    """Steps that are recorded for each of their rounded shapes once it has been used a few times.

    Parameters
    ----------
    step
        What to record: it may not ask the device for anything, and repeating it with the same input may not change
        what it gives.
    capacity, length
        The most rows and columns.
    device
        Where its input lies.
    after
        How many steps of a shape are run before it is recorded: fewer are not worth it.
    """

    def __init__(self, step: Step, capacity: int, length: int, device: torch.device, *, after: int) -> None:
        self._step, self._capacity, self._length, self._device, self._after = step, capacity, length, device, after
        self._shapes: dict[tuple[int, int], _Shape] = {}

    def __call__(self, tokens: Tensor, lengths: list[int]) -> Tensor:
        """Logits (R, V) after one more token per row, tokens (R,), behind so many others (R)."""
        rows = len(lengths)
        size = _rounded(rows, 1, self._capacity), _rounded(max(lengths) + 1, _FEWEST_COLUMNS, self._length)
        shape = self._shapes.get(size)
        if shape is None:
            shape = self._shapes[size] = _Shape(*torch.zeros(2, size[0], dtype=torch.int64, device=self._device))
        shape.tokens[:rows] = tokens
        # rows that only fill up look at their first position, which nobody reads before it is written
        shape.lengths.copy_(torch.tensor([*lengths, *[0] * (size[0] - rows)]))
        if shape.recording is None and shape.used >= self._after:
            shape.recording = record(lambda: self._step(shape.tokens, shape.lengths, size[1]))
            _log.info("a step of %d rows and %d positions is recorded", *size)
        shape.used += 1
        if shape.recording is None:
            return self._step(shape.tokens, shape.lengths, size[1])[:rows]
        play, logits = shape.recording
        play()
        return logits[:rows].clone()  # the next one is written over it


def record(step: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Record what a step does on the GPU: how to play it, and what it then gives, always in the same memory.

    Raises
    ------
    RuntimeError
        The step does what can't be recorded.
    """
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(_WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        logits = step()
    return graph.replay, logits


def _rounded(number: int, least: int, most: int) -> int:
    """The next power of two, between ``least`` and ``most``."""
    return min(most, max(least, 1 << (number - 1).bit_length()))
