"""Contexts that begin as earlier ones did: their logits are those of whole contexts, and only what is new is run."""

from __future__ import annotations

import pytest
import torch

import thermoscope
from tests.fakes import FakeModel
from tests.tiny import VOCABULARY, network
from thermoscope.models.prefixes import Prefixes
from thermoscope.models.rows import CachedRows, PlainRows, cache_works

TYPED = "Once upon a time there was a little girl who"


@pytest.fixture(scope="module")
def model() -> thermoscope.Model:
    return thermoscope.load_model()


def whole(model: thermoscope.Model, context: list[int]) -> torch.Tensor:
    return model.rows(capacity=1, length=len(context)).add([context])[0]


def test_typing_runs_what_is_new(model: thermoscope.Model) -> None:
    prefixes = Prefixes(model)
    contexts = [model.encode(TYPED[:end]) for end in (20, 21, 22, 27, 44)]
    before = 0
    for number, context in enumerate(contexts):
        (found,) = prefixes.logits([context])
        torch.testing.assert_close(found, whole(model, context), atol=1e-4, rtol=0)
        ran, before = prefixes.tokens_run - before, prefixes.tokens_run
        assert ran == len(context) if number == 0 else ran <= len(context) - len(contexts[number - 1]) + 2
    (found,) = prefixes.logits([contexts[0]])  # what was typed is taken back
    torch.testing.assert_close(found, whole(model, contexts[0]), atol=1e-4, rtol=0)
    assert prefixes.tokens_run == before + 1


def test_contexts_at_once_are_answered_in_their_order(model: thermoscope.Model) -> None:
    prefixes = Prefixes(model)
    known = model.encode(TYPED)
    prefixes.logits([known])
    asked = [model.encode("The dog ran away"), [*known, 5, 6], model.encode("Hi"), [*known, 7], model.encode("The cat")]
    for context, found in zip(asked, prefixes.logits(asked), strict=True):
        torch.testing.assert_close(found, whole(model, context), atol=1e-4, rtol=0)
    assert prefixes.logits([]) == []


def test_a_text_that_outgrows_its_room_is_run_whole(model: thermoscope.Model) -> None:
    prefixes = Prefixes(model)
    context = model.encode(TYPED) * 30
    prefixes.logits([context[:250]])
    (found,) = prefixes.logits([context[:260]])
    torch.testing.assert_close(found, whole(model, context[:260]), atol=1e-4, rtol=0)
    assert prefixes.tokens_run == 510


def test_no_more_is_kept_than_memory_allows(model: thermoscope.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(model), "free_bytes", lambda self: 8 * 3 * self.row_bytes(256))
    prefixes = Prefixes(model)
    for word in ("one", "two", "three", "four"):
        prefixes.logits([model.encode(f"{word} {TYPED}")])
    ran = prefixes.tokens_run
    prefixes.logits([model.encode(f"four {TYPED}")])
    assert prefixes.tokens_run == ran + 1
    prefixes.logits([model.encode(f"one {TYPED}")])
    assert prefixes.tokens_run > ran + 2  # the oldest gave way


def test_a_model_without_a_cache_runs_contexts_whole() -> None:
    model = FakeModel()
    prefixes = Prefixes(model)
    for context in ([1, 2, 3], [1, 2, 3, 4]):
        (found,) = prefixes.logits([context])
        assert torch.equal(found, model.next_logits(context))
    assert prefixes.tokens_run == 7


@pytest.mark.parametrize("kind", ["gpt2", "llama", "mistral", "gemma3"])
def test_rows_go_on_from_what_they_have(kind: str) -> None:
    rows, plain = CachedRows(network(kind), 1, 64), PlainRows(network(kind))
    assert cache_works(network(kind), VOCABULARY) is None
    context = [(7 * n) % VOCABULARY for n in range(40)]
    rows.add([context])
    for changed, kept in (([*context[:30], 3, 2, 1], 30), ([*context[:30], 3, 9], 31), (context[:12], 11)):
        torch.testing.assert_close(rows.resume(changed, kept), plain.add([changed]), atol=1e-4, rtol=1e-4)
        assert len(rows) == 1
    token = torch.tensor([4])
    torch.testing.assert_close(rows.step(token), plain.add([[*context[:12], 4]]), atol=1e-4, rtol=1e-4)
