"""Log-probability, entropy and rank of drawn tokens, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from thermoscope.decode.records import Record, records_of


def test_by_hand() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.25, 0.0], [1.0, 1.0, 1.0, 1.0]]).log() + 7
    found = records_of(logits, [0, 0, 0, 1, 0], [0, 1, 2, 3, 3])
    half, quarter, entropy = math.log(0.5), math.log(0.25), 1.5 * math.log(2)
    want = [
        Record(half, entropy, 1),
        Record(quarter, entropy, 2),
        Record(quarter, entropy, 2),  # ties share the better rank
        Record(quarter, math.log(4), 1),
    ]
    for record, expected in zip(found, want, strict=False):
        assert record == pytest.approx(expected, abs=1e-6)
    assert found[4] == pytest.approx(Record(-math.inf, entropy, 4), abs=1e-6)
    assert [type(value) for value in found[0]] == [float, float, int]


def test_no_token() -> None:
    assert records_of(torch.zeros(2, 3), [], []) == []


@given(st.lists(st.lists(st.floats(-30, 30, width=32), min_size=5, max_size=5), min_size=1, max_size=4), st.data())
def test_any_logits(rows: list[list[float]], data: st.DataObject) -> None:
    logits = torch.tensor(rows)
    drawn = data.draw(st.lists(st.tuples(st.integers(0, len(rows) - 1), st.integers(0, 4)), min_size=1, max_size=9))
    own = torch.log_softmax(logits.double(), dim=-1)
    for (row, token), record in zip(drawn, records_of(logits, *map(list, zip(*drawn, strict=True))), strict=True):
        assert record.logprob == pytest.approx(float(own[row, token]), abs=2e-5)
        assert record.entropy == pytest.approx(float(-(own[row].exp() * own[row]).sum()), abs=1e-5)
        assert record.rank == 1 + sum(value > rows[row][token] for value in rows[row])
