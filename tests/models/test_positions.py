"""Logits at every place are those of every beginning of the context."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from thermoscope import load_model
from thermoscope.models import positions
from thermoscope.models.positions import position_logits

TEXT = "Once upon a time there was a dragon who liked tea, and a king who did not."


def test_each_is_the_logits_of_the_tokens_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model()
    ids = model.encode(TEXT)
    monkeypatch.setattr(positions, "_AT_ONCE", 5 * model.vocabulary)  # in pieces of five
    pieces = list(position_logits(model, ids, 2))
    assert [start for start, _ in pieces] == list(range(2, len(ids), 5))
    found = torch.cat([logits for _, logits in pieces])
    expected = torch.cat([model.rows(capacity=1, length=n).add([ids[:n]]) for n in range(2, len(ids))])
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=1e-3)


@pytest.mark.slow
def test_a_model_without_a_network_is_stepped() -> None:
    model = load_model()
    ids = model.encode(TEXT)
    plain = SimpleNamespace(rows=model.rows, vocabulary=model.vocabulary, context_length=model.context_length)
    (_, stepped), (_, whole) = *position_logits(plain, ids, 1), *position_logits(model, ids, 1)  # type: ignore[arg-type]
    torch.testing.assert_close(stepped, whole, atol=2e-3, rtol=1e-3)


def test_a_text_longer_than_the_context_keeps_half_of_it_before_each_token() -> None:
    model = load_model()
    ids = model.encode(TEXT)
    short = SimpleNamespace(rows=model.rows, vocabulary=model.vocabulary, context_length=8)
    pieces = list(position_logits(short, ids, 1))  # type: ignore[arg-type]
    assert sum(len(logits) for _, logits in pieces) == len(ids) - 1
    start, logits = pieces[1]
    assert start == 8
    expected = model.rows(capacity=1, length=8).add([ids[4:8]])
    torch.testing.assert_close(logits[:1], expected, atol=2e-3, rtol=1e-3)


def test_one_token_has_nothing_before_it() -> None:
    model = load_model()
    assert list(position_logits(model, model.encode("A")[:1], 1)) == []
