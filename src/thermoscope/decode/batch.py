"""How many rows are in flight when nobody says: what memory holds, and no more than make tokens come faster.

A text does not depend on it: its tokens are drawn from its own logits, setting and seed.
"""

from __future__ import annotations

import logging
import time
from weakref import finalize

import torch

from thermoscope.models.base import Model

_log = logging.getLogger(__name__)

#: The most rows in flight, whatever is measured.
_MOST_ROWS = 256
#: Up to so many rows nothing is measured: that many are worth it on any processor.
_FEW_ROWS = 64
#: How much faster twice as many rows must be: they take twice the memory, and long texts more of the time.
_FASTER = 1.1
#: Tokens of the rows that are timed, before their steps.
_CONTEXT = 8
_STEPS = 3

#: Tokens per second by number of rows, by the ``id`` of a model, which need not be hashable.
_measured: dict[int, dict[int, float]] = {}


def rows_that_fit(model: Model, length: int) -> int:
    """How many rows of up to ``length`` tokens half of the free memory holds; at least 1, at most 256."""
    return max(1, min(_MOST_ROWS, model.free_bytes() // 2 // model.row_bytes(length)))


def rows_in_flight(model: Model, length: int, texts: int) -> int:
    """How many rows of up to ``length`` tokens are worth having in flight for so many texts.

    At most what half of the free memory holds, 256 and the number of texts. Above 64, steps of 64, 128 and 256 rows are
    timed, once for each model: twice as many rows are taken if their tokens come a tenth faster.
    """
    most = max(1, min(texts, rows_that_fit(model, length)))
    rows = _FEW_ROWS
    if model.context_length == 1:  # there is no step to time
        return min(rows, most)
    while rows < most and _rate(model, min(2 * rows, _MOST_ROWS)) > _FASTER * _rate(model, rows):
        rows *= 2
    return min(rows, most)


def _rate(model: Model, rows: int) -> float:
    """Tokens per second of steps of so many rows, the fastest of a few; measured once for each model."""
    known = _of(model)
    if rows not in known:
        room = model.context_length or _CONTEXT + _STEPS
        steps = max(1, min(_STEPS, room - 1))
        context = max(1, min(_CONTEXT, room - steps))
        batch = model.rows(capacity=rows, length=context + steps)
        batch.add([[token % model.vocabulary for token in range(row, row + context)] for row in range(rows)])
        tokens, times = torch.arange(rows, device=model.device) % model.vocabulary, []
        for _ in range(steps):
            start = time.perf_counter()
            float(batch.step(tokens)[0, 0])  # asked for, so that a device has done it
            times.append(time.perf_counter() - start)
        known[rows] = rows / min(times)
        _log.info("%d rows at a time: %.0f tokens/s", rows, known[rows])
    return known[rows]


def _of(model: Model) -> dict[int, float]:
    """What has been measured of a model; forgotten with it."""
    known = _measured.get(id(model))
    if known is None:
        known = _measured[id(model)] = {}
        finalize(model, _measured.pop, id(model), None)
    return known
