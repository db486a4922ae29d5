"""How many rows are in flight: measured with a clock that the test turns."""

from __future__ import annotations

import gc

import pytest

from tests.fakes import FakeModel
from thermoscope import SamplingParams, generate
from thermoscope.decode import batch


class Timed(FakeModel):
    """A model whose step takes so many seconds for so many rows, and which has room for ``holds`` rows."""

    seconds: dict[int, float]
    holds = 1000

    def free_bytes(self) -> int:
        return 2 * self.holds * self.row_bytes(1)

    def row_bytes(self, length: int) -> int:
        return 1000


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Timed:
    made, now, asked = Timed(), [0.0], []
    first = made.rows

    def rows(*, capacity: int, length: int):
        asked.append(capacity)
        return first(capacity=capacity, length=length)

    def clock() -> float:  # between two looks lies one step
        now[0] += made.seconds[asked[-1]]
        return now[0]

    made.rows, made.asked = rows, asked  # type: ignore[method-assign, attr-defined]
    monkeypatch.setattr(batch.time, "perf_counter", clock)
    return made


@pytest.mark.parametrize(
    ("seconds", "texts", "holds", "rows"),
    [
        ({}, 64, 1000, 64),  # nothing to measure
        ({}, 7, 1000, 7),
        ({}, 500, 30, 30),
        ({}, 500, 0, 1),
        ({64: 1.0, 128: 1.9}, 500, 1000, 64),  # 5 % faster is not worth it
        ({64: 1.0, 128: 1.5, 256: 2.9}, 500, 1000, 128),
        ({64: 1.0, 128: 1.5, 256: 2.0}, 500, 1000, 256),
        ({64: 1.0, 128: 1.5, 256: 2.0}, 200, 1000, 200),
        ({64: 1.0, 128: 1.5}, 100, 1000, 100),
        ({64: 1.0, 128: 1.5}, 500, 90, 90),
    ],
)
def test_rows_in_flight(model: Timed, seconds: dict[int, float], texts: int, holds: int, rows: int) -> None:
    model.seconds, model.holds = seconds, holds
    assert batch.rows_in_flight(model, 20, texts) == rows
    measured = list(model.asked)  # type: ignore[attr-defined]
    assert measured.count(64) <= 1
    assert batch.rows_in_flight(model, 20, texts) == rows
    assert model.asked == measured, "once for each model"  # type: ignore[attr-defined]


def test_texts_do_not_depend_on_it(model: Timed) -> None:
    params, seeds = SamplingParams(temperature=1.0), range(100)
    want = generate(model, "a", params, seeds=seeds, max_new_tokens=3, max_rows=256)
    for slow in (1.9, 1.5):
        fresh = Timed()
        batch._of(fresh).update({64: 64.0, 128: 128 / slow})
        assert generate(fresh, "a", params, seeds=seeds, max_new_tokens=3) == want


class Unhashable(FakeModel):
    """A model that is compared by what it holds, as a dataclass is."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return False


@pytest.mark.parametrize("room", [1, 2, 8, None])
def test_models_with_few_positions_and_without_a_hash_are_timed(room: int | None) -> None:
    model = Unhashable()
    model.context_length = room
    longest = []
    first = model.rows

    def rows(*, capacity: int, length: int):
        longest.append(length)
        return first(capacity=capacity, length=length)

    model.rows = rows  # type: ignore[method-assign]
    assert 64 <= batch.rows_in_flight(model, room or 20, 65) <= 65
    assert all(length <= (room or 11) for length in longest)
    assert bool(longest) == (room != 1)


def test_what_was_measured_is_forgotten_with_the_model() -> None:
    model = Unhashable()
    batch.rows_in_flight(model, 20, 65)
    key = id(model)
    assert key in batch._measured
    del model
    gc.collect()
    assert key not in batch._measured
