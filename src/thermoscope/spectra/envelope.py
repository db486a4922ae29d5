"""The upper envelope: which token a step draws at every temperature of an interval.

At temperature T > 0 a step draws ``argmax_i (l_i / T + g_i)``, which is ``argmax_i (l_i + T * g_i)``: each token is a
line in T with its logit as intercept and its noise as slope, and the drawn tokens are the lines that are uppermost
somewhere. Written in T rather than in 1/T, nothing is infinite at T = 0.

Truncation after temperature makes half-lines: a token is there from some temperature on (``spectra.halflines``).
All that is admitted at one temperature is more probable than what is not, so

- the drawn token's logit never rises with T, and its noise never falls;
- each token is drawn on one interval of temperatures, or never: the same token at both ends is drawn throughout.

Both are proved in docs/spectrum.md. Intervals are open below and closed above, ``(low, high]``. T = 0 itself is
greedy (the largest logit, ties to the lowest id) and is not decided here: at every T > 0 noise decides between
equal logits.

Shapes: R rows (contexts), M intervals, K candidate tokens in ascending order of token id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Logits as they come from the model, or after stages of the chain; the arithmetic is float64 either way.
Lines = NDArray[np.float32] | NDArray[np.float64]
#: Scores that one pass holds: about what a core's cache keeps.
_PASS_SCORES = 2**17


@dataclass(frozen=True, slots=True)
class Segment:
    """Temperatures ``(low, high]`` at which a step draws the token of one column."""

    column: int
    low: float
    high: float


class Admission(Protocol):
    """From which temperature on each token of one row is admitted.

    Must be nested: whatever is admitted at a temperature is more probable than whatever is not.
    """

    def admits(self, column: int, temperature: float) -> bool:
        """Whether a column is admitted; at temperature 0, whether it is just above."""

    def entries(self, columns: NDArray[np.int64], low: float, high: float) -> Floats:
        """From where on columns are admitted, all of which are at ``high``; ``low`` for those that are at low."""


def envelopes(
    logits: Lines, noise: Floats, rows: Sequence[int], lows: Sequence[float], highs: Sequence[float]
) -> list[list[Segment]]:
    """The envelopes of lines over some intervals.

    Parameters
    ----------
    logits : (R, K)
        Logits before temperature; -inf for tokens that cannot be drawn.
    noise : (K,) or (R, K)
        Standard Gumbel noise, the same for all rows or each its own.
    rows, lows, highs
        For each of M intervals its row and its ends, 0 <= low < high.

    Returns
    -------
    list of M lists of Segment
        In order of temperature; each list covers its interval without gap or overlap.
    """
    found: list[list[Segment]] = []
    at_once = max(1, _PASS_SCORES // logits.shape[1])
    scores = np.empty((2, min(at_once, len(rows)), logits.shape[1]))  # written over in each turn
    for start in range(0, len(rows), at_once):
        turn = slice(start, start + at_once)
        chosen = list(rows[turn])
        in_a_row = chosen == list(range(chosen[0], chosen[0] + len(chosen)))
        lines = logits[chosen[0] : chosen[0] + len(chosen)] if in_a_row else logits[chosen]
        slopes = noise if noise.ndim == 1 else noise[chosen]
        low, high = np.asarray(lows[turn]), np.asarray(highs[turn])
        at_low, at_high = scores[:, : len(chosen)]
        for at, t in ((at_low, low), (at_high, high)):
            np.multiply(slopes, t[:, None], out=at)
            at += lines
        first, last = at_low.argmax(axis=1), at_high.argmax(axis=1)
        for m, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            if a == b:
                found.append([Segment(a, float(low[m]), float(high[m]))])
                continue
            slope = slopes if slopes.ndim == 1 else slopes[m]
            # what wins between the ends passes the first winner before the high end, and is not yet passed by the
            # last winner at the low end
            candidates = (at_high[m] > at_high[m, a]) & (at_low[m] > at_low[m, b]) & (slope > slope[a])
            candidates[b] = True
            columns = np.flatnonzero(candidates)
            found.append(_sweep(lines[m], slope, columns, a, float(low[m]), float(high[m]), None))
    return found


def envelope(
    logits: Floats, noise: Floats, low: float, high: float, admission: Admission | None = None
) -> list[Segment]:
    """The envelope of lines, or half-lines, over one interval.

    Parameters
    ----------
    logits, noise : (K,)
        As in ``envelopes``.
    low, high
        The interval, 0 <= low < high.
    admission
        From where on each token is admitted; by default all are everywhere.

    Returns
    -------
    list of Segment
        In order of temperature, covering ``(low, high]`` without gap or overlap.
    """
    if admission is None:
        return envelopes(logits[None], noise, [0], [low], [high])[0]
    first = _winner(logits, noise, low, admission)
    last = _winner(logits, noise, high, admission)
    if first == last:
        return [Segment(first, low, high)]
    passes = (logits + high * noise > logits[first] + high * noise[first]) & (noise > noise[first])
    # the logit of what is drawn never rises; of equal logits the higher ids are admitted first
    passes[:last] &= logits[:last] > logits[last]
    passes[last:] &= logits[last:] >= logits[last]
    passes[last] = True
    columns = np.flatnonzero(passes)
    return _sweep(logits, noise, columns, first, low, high, admission.entries(columns, low, high))


def _winner(logits: Floats, noise: Floats, temperature: float, admission: Admission) -> int:
    """The admitted column with the largest score, or one of several: ``_sweep`` goes on to the right one."""
    scores = logits + temperature * noise
    while True:
        column = int(scores.argmax())
        if admission.admits(column, temperature):
            return column
        # all that is less probable is not admitted either; among equal logits the higher ids come first
        dropped = logits < logits[column]
        dropped[: column + 1] |= logits[: column + 1] == logits[column]
        scores[dropped] = -np.inf


def _sweep(
    logits: Lines,
    noise: Floats,
    columns: NDArray[np.int64],
    first: int,
    low: float,
    high: float,
    entries: Floats | None,
) -> list[Segment]:
    """Go up in temperature from the winner at ``low`` to the next token that overtakes it, until ``high``.

    ``columns`` are the tokens that may overtake, ``entries`` from where on they are admitted.
    """
    segments: list[Segment] = []
    current, t = first, low
    line, slope = logits[columns].astype(np.float64), noise[columns]
    while True:
        steeper = np.flatnonzero(slope > noise[current])
        if not len(steeper):
            break
        overtakes = (float(logits[current]) - line[steeper]) / (slope[steeper] - noise[current])
        if entries is not None:
            overtakes = np.maximum(overtakes, entries[steeper])
        overtakes = np.maximum(overtakes, t)
        at = float(overtakes.min())
        if not at < high:
            break
        tied = steeper[overtakes == at]
        # several at once: the highest goes on, then the steepest, then the lowest id
        best = max(tied.tolist(), key=lambda i: (line[i] + at * slope[i], slope[i], -columns[i]))
        if at > t:
            segments.append(Segment(current, t, at))
        current, t = int(columns[best]), at
    segments.append(Segment(current, t, high))
    return segments
