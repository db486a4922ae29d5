"""Log-probability, entropy and rank of drawn tokens, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from tests.fakes import FakeModel
from thermoscope import SamplingParams, generate
from thermoscope.decode.records import TokenRecord, records_of, tempered_of
from thermoscope.sampling import passes


def test_by_hand() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.25, 0.0], [1.0, 1.0, 1.0, 1.0]]).log() + 7
    found = records_of(logits, [0, 0, 0, 1, 0], [0, 1, 2, 3, 3])
    half, quarter, entropy = math.log(0.5), math.log(0.25), 1.5 * math.log(2)
    want = [
        TokenRecord(half, entropy, 1),
        TokenRecord(quarter, entropy, 2),
        TokenRecord(quarter, entropy, 2),  # ties share the better rank
        TokenRecord(quarter, math.log(4), 1),
    ]
    for record, expected in zip(found, want, strict=False):
        assert record == pytest.approx(expected, abs=1e-6)
    assert found[4] == pytest.approx(TokenRecord(-math.inf, entropy, 4), abs=1e-6)
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


def test_tempered_entropies_are_scipys() -> None:
    rows = torch.randn(3, 500, generator=torch.Generator().manual_seed(4)) * 3
    rows[1, 100:] = -math.inf
    settings = [SamplingParams(temperature=t) for t in (0, 0.3, 1, 1.7, 1e-40, 1e6)]
    owners = [row for row in range(3) for _ in settings]
    own = records_of(rows, owners, [0] * len(owners))
    found = tempered_of(rows, owners, settings * 3, own)
    for row, setting, record, value in zip(owners, settings * 3, own, found, strict=True):
        t = setting.temperature
        want = 0.0 if t < 1e-9 else entropy(torch.softmax(rows[row].double() / t, dim=-1).numpy())
        assert value == pytest.approx(want, abs=2e-5)
        assert t != 1 or value == record.entropy


def test_other_devices_give_the_same_tempered_entropies(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.randn(2, 300, generator=torch.Generator().manual_seed(5)) * 4
    rows[0, 7:] = -math.inf
    arguments = (rows, torch.tensor([0, 1, 1]), torch.tensor([0.5, 0.5, 1.5], dtype=torch.float64))
    found = []
    for compiled in (True, False):
        monkeypatch.setattr(passes, "compiled_for", lambda _, compiled=compiled: compiled)
        found.append(passes.tempered_entropies(*arguments))
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)


def test_a_temperature_that_changes_at_every_step_has_no_entropy() -> None:
    rows, settings = torch.randn(1, 9), [SamplingParams(temperature=0.7, dynatemp_range=0.2)]
    assert math.isnan(tempered_of(rows, [0], settings, records_of(rows, [0], [0]))[0])


@pytest.mark.parametrize("extra", [{}, {"top_k": 3}, {"min_p": 0.2}])
def test_the_loop_records_it_before_truncation(extra: dict[str, float]) -> None:
    """Du et al. 2025 draw from the tempered distribution as it is."""
    model = FakeModel()
    for sample in generate(model, "A", [SamplingParams(temperature=t, **extra) for t in (0.4, 1.3)], max_new_tokens=9):
        assert len(sample.tempered_entropies) == len(sample.token_ids)
        rows = model.rows(capacity=1, length=30)
        logits = rows.add([model.encode_prompt("A")])
        for token, value in zip(sample.token_ids, sample.tempered_entropies, strict=True):
            p = torch.softmax(logits[0].double() / sample.params.temperature, dim=-1)
            assert value == pytest.approx(entropy(p.numpy()), abs=1e-5)
            logits = rows.step(torch.tensor([token]))
