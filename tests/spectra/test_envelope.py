"""The envelope against brute force: every token's score at many temperatures, in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from thermoscope.spectra.envelope import Floats, Segment, envelope, envelopes

#: Nearer than this to a breakpoint rounding decides.
NEAR = 1e-9


class From:
    """Tokens admitted from given temperatures on."""

    def __init__(self, entries: Floats) -> None:
        self.entry = entries

    def admits(self, column: int, temperature: float) -> bool:
        return bool(self.entry[column] <= temperature)

    def entries(self, columns: NDArray[np.int64], low: float, high: float) -> Floats:
        return np.maximum(self.entry[columns], low)


def brute(logits: Floats, noise: Floats, t: float, entries: Floats | None = None) -> int:
    scores = logits + t * noise
    if entries is not None:
        scores = np.where(entries <= t, scores, -np.inf)
    return int(scores.argmax())


def drawn(segments: list[Segment], t: float) -> int:
    (found,) = [s.column for s in segments if s.low < t <= s.high]
    return found


def nested(logits: Floats, generator: np.random.Generator, high: float) -> Floats:
    """Entries that go up as probability goes down; of equal logits the higher ids come first, or all together."""
    order = np.lexsort((-np.arange(len(logits)), -logits))
    entries = np.empty(len(logits))
    steps = generator.choice([0.0, 0.0, high / 4, high / 3, high], size=len(logits)) * generator.choice([1.0, 0.37])
    steps[0] = 0.0
    entries[order] = steps.cumsum()
    if generator.random() < 0.5:  # as min_p does it
        for value in np.unique(logits):
            entries[logits == value] = entries[logits == value].min()
    return entries


def case(generator: np.random.Generator) -> tuple[Floats, Floats, float, float]:
    """Lines with ties, parallels, identical lines and many through one point; random ones; tangents of a parabola."""
    k = int(generator.integers(1, 13))
    kind = generator.random()
    if kind < 0.5:
        logits = generator.integers(-3, 4, size=k).astype(float)
        noise = generator.integers(-3, 4, size=k).astype(float)
    elif kind < 0.7:  # each is uppermost around its own place
        place = generator.random(k) * 3
        logits, noise = -(place**2), 2 * place
    else:
        logits, noise = generator.normal(size=k) * 3, generator.gumbel(size=k)
    if generator.random() < 0.2:
        logits[generator.integers(k) :] = -np.inf
        logits[0] = 0.0
    low = float(generator.choice([0.0, 0.05, 0.5, 1.0]))
    return logits, noise, low, low + float(generator.choice([1e-3, 0.5, 1.5, 10.0]))


def mismatches(segments: list[Segment], logits: Floats, noise: Floats, ts: list[float], entries=None) -> list[float]:
    """Temperatures off every breakpoint where the envelope has another token than brute force."""
    breaks = np.array([s.low for s in segments] + [s.high for s in segments])
    off = [t for t in ts if np.abs(breaks - t).min() > NEAR]
    if entries is not None:
        off = [t for t in off if np.abs(entries - t).min() > NEAR]
    found = [(t, drawn(segments, t), brute(logits, noise, t, entries)) for t in off]
    if entries is not None:  # identical lines that enter apart: noise has 52 bits, so no two tokens have such
        found = [(t, a, b) for t, a, b in found if (logits[a], noise[a]) != (logits[b], noise[b])]
    return [t for t, a, b in found if a != b]


@pytest.mark.slow
@pytest.mark.parametrize("halves", [False, True], ids=["lines", "half-lines"])
def test_ten_thousand_cases_have_no_mismatch(halves):
    generator = np.random.default_rng(5)
    checked = several = 0
    for number in range(10_000):
        logits, noise, low, high = case(generator)
        entries = nested(logits, generator, high) if halves else None
        segments = envelope(logits, noise, low, high, None if entries is None else From(entries))
        inner = [s.high for s in segments[:-1]]
        ts = [low + (high - low) * u for u in generator.random(8)]
        ts += [t + d for t in inner for d in (-3 * NEAR, 3 * NEAR)]
        ts = [t for t in ts if low < t <= high]
        assert mismatches(segments, logits, noise, ts, entries) == [], number
        checked += len(ts)
        several += len(segments) > 2
    assert checked > 80_000
    assert several > 800  # cases with three tokens or more


def test_breakpoints_are_where_two_tokens_score_the_same():
    generator = np.random.default_rng(6)
    for _ in range(500):
        logits, noise = generator.normal(size=40) * 3, generator.gumbel(size=40)
        for before, after in zip(segments := envelope(logits, noise, 0.0, 3.0), segments[1:], strict=False):
            a, b = (logits[s.column] + before.high * noise[s.column] for s in (before, after))
            assert a == pytest.approx(b, abs=1e-12)
            assert logits[after.column] < logits[before.column]
            assert noise[after.column] > noise[before.column]


finite = st.floats(-20, 20).map(lambda x: round(x, 2))


@given(
    lines=st.lists(st.tuples(finite, finite), min_size=1, max_size=20),
    low=st.floats(0, 2),
    width=st.floats(1e-6, 5),
    seed=st.none() | st.integers(0, 1000),
)
def test_segments_cover_the_interval_without_gap_or_overlap(lines, low, width, seed):
    logits, noise = (np.array(values) for values in zip(*lines, strict=True))
    high = low + width
    admission = None if seed is None else From(nested(logits, np.random.default_rng(seed), high))
    segments = envelope(logits, noise, low, high, admission)
    assert segments[0].low == low
    assert segments[-1].high == high
    assert all(s.low < s.high for s in segments)
    assert all(a.high == b.low for a, b in itertools.pairwise(segments))
    columns = [s.column for s in segments]
    assert len(set(columns)) == len(columns)  # each token on one interval


def test_one_token_wins_alone():
    assert envelope(np.array([1.0]), np.array([0.3]), 0.0, 2.0) == [Segment(0, 0.0, 2.0)]


def test_by_hand():
    """Lines 2, 1 + T and 3T - 1 (T = 1 and T = 1: all three meet); and 1.5 + 0.1T, which is under them."""
    logits, noise = np.array([2.0, 1.0, -1.0, 1.5]), np.array([0.0, 1.0, 3.0, 0.1])
    assert envelope(logits, noise, 0.0, 4.0) == [Segment(0, 0.0, 1.0), Segment(2, 1.0, 4.0)]
    late = From(np.array([0.0, 0.0, 2.5, 0.0]))
    assert envelope(logits, noise, 0.0, 4.0, late) == [Segment(0, 0.0, 1.0), Segment(1, 1.0, 2.5), Segment(2, 2.5, 4.0)]


def test_equal_logits_are_decided_by_noise_above_zero():
    assert envelope(np.array([1.0, 1.0, 1.0]), np.array([0.2, 0.9, 0.5]), 0.0, 1.0) == [Segment(1, 0.0, 1.0)]


def test_identical_lines_go_to_the_lowest_id():
    assert envelope(np.array([0.0, 1.0, 1.0]), np.array([0.0, 2.0, 2.0]), 0.0, 1.0)[0].column == 1


def test_a_batch_of_intervals_is_each_by_itself():
    generator = np.random.default_rng(7)
    logits = generator.normal(size=(5, 3000)) * 4
    own, shared = generator.gumbel(size=(5, 3000)), generator.gumbel(size=3000)
    rows = generator.integers(0, 5, size=200).tolist()
    lows = generator.random(200).tolist()
    highs = [low + 1.0 for low in lows]
    for noise in (own, shared):
        batch = envelopes(logits, noise, rows, lows, highs)
        for row, low, high, segments in zip(rows, lows, highs, batch, strict=True):
            assert segments == envelope(logits[row], noise[row] if noise.ndim == 2 else noise, low, high)
    assert max(map(len, batch)) > 2


def test_no_interval_no_envelope():
    assert envelopes(np.zeros((1, 3)), np.zeros(3), [], [], []) == []
