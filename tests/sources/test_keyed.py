"""Keyed draws inside an engine's batch, with a stand-in for the engine: rows are added, moved, swapped and removed."""

from __future__ import annotations

import json
from enum import Enum, auto
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from thermoscope import SamplingParams
from thermoscope.errors import BadLogitsError, InputError
from thermoscope.sampling.draw import draw
from thermoscope.sampling.noise import Keys, prompt_key
from thermoscope.sources.keyed import SEED, SETTING, KeyedRows, check_arguments
from thermoscope.sources.vllm import Keyed

VOCABULARY = 40
PROMPT = [3, 1, 4, 1, 5]


class Direction(Enum):
    UNIDIRECTIONAL = auto()
    SWAP = auto()


def asked(setting: dict[str, Any] | None, seed: int = 0, **own: Any) -> SimpleNamespace:
    """A request's parameters as vLLM has them."""
    extra = None if setting is None else {SETTING: json.dumps(setting), SEED: seed}
    return SimpleNamespace(extra_args=extra, **own)


def logits_of(tokens: list[int]) -> torch.Tensor:
    """A model: the logits (V,) after some tokens."""
    generator = torch.Generator().manual_seed(hash(tuple(tokens)) % 2**31)
    return torch.randn(VOCABULARY, generator=generator) * 2


class Text:
    """A request in the stand-in: its parameters, its tokens, and what plain drawing gives."""

    def __init__(self, setting: dict[str, Any], seed: int) -> None:
        self.params, self.output = asked(setting, seed), []
        self.setting, self.seed = SamplingParams(**setting), seed

    def logits(self) -> torch.Tensor:
        return logits_of(PROMPT + self.output)

    def expected(self, length: int) -> list[int]:
        tokens: list[int] = []
        logprobs: list[float] = []
        for position in range(length):
            keys = Keys([(self.seed, prompt_key(PROMPT), position)])
            drawn = draw(logits_of(PROMPT + tokens)[None], [self.setting], keys,
                         prompt_ids=[PROMPT], output_ids=[tokens], drawn_logprobs=[logprobs])  # fmt: skip
            tokens.append(int(drawn.tokens[0]))
            logprobs.append(float(drawn.logprobs[0]))
        return tokens


def step(rows: KeyedRows, batch: list[Text], *, thrown_away: int | None = None) -> None:
    """One step of the engine: sample every row; the token of the row ``thrown_away`` is not kept."""
    left = rows.draw(torch.stack([text.logits() for text in batch]))
    for number, (text, row) in enumerate(zip(batch, left, strict=True)):
        assert int((row > float("-inf")).sum()) == 1
        if number != thrown_away:
            text.output.append(int(row.argmax()))


SETTINGS = (
    {"temperature": 0.8},
    {"mirostat_tau": 2.0, "mirostat_eta": 0.3},
    {"repetition_penalty": 1.4, "frequency_penalty": 0.5, "top_p": 0.9},
    {"xtc_probability": 0.5, "xtc_threshold": 0.05, "dry_multiplier": 1.0, "min_p": 0.02},
)


def test_a_text_is_the_same_whatever_happens_to_its_row() -> None:
    a, b, c, d = (Text(setting, seed) for seed, setting in enumerate(SETTINGS))
    rows = KeyedRows()
    rows.update([], [(0, a.params, PROMPT, a.output), (1, b.params, PROMPT, b.output)], [])
    step(rows, [a, b])
    step(rows, [a, b], thrown_away=1)  # as for a prompt that is read in pieces
    rows.update([], [(2, c.params, PROMPT, c.output)], [(0, 1, Direction.SWAP)])
    step(rows, [b, a, c])
    rows.update([0], [], [(2, 0, Direction.UNIDIRECTIONAL)])  # b waits; c takes its row
    step(rows, [c, a])
    b.output = list(b.output)  # it comes back with a list of its own
    rows.update([], [(2, b.params, PROMPT, b.output), (3, d.params, PROMPT, d.output)], [])
    for _ in range(6):
        step(rows, [c, a, b, d])
    rows.update([1], [(1, d.params, PROMPT, d.output)], [(1, 3, Direction.UNIDIRECTIONAL)])
    for text in (a, b, c, d):
        assert text.output == text.expected(len(text.output))
    assert [len(text.output) for text in (a, b, c, d)] == [10, 8, 8, 6]


def test_rows_of_others_are_left_as_they_are() -> None:
    ours, rows = Text({"top_k": 3}, 1), KeyedRows()
    rows.update([], [(1, ours.params, PROMPT, ours.output), (0, asked(None), PROMPT, [])], [])
    given = torch.stack([logits_of([1]), ours.logits(), logits_of([2])])
    left = rows.draw(given.clone())
    assert torch.equal(left[[0, 2]], given[[0, 2]])
    rows.update([], [(1, asked(None), PROMPT, [])], [])  # another request takes the row
    assert len(rows) == 0
    assert torch.equal(rows.draw(given.clone()), given)


def test_nan_in_a_row_of_ours_is_an_error_and_in_others_it_is_not() -> None:
    ours, rows = Text({}, 1), KeyedRows()
    rows.update([], [(1, ours.params, PROMPT, ours.output)], [])
    logits = torch.stack([torch.full((VOCABULARY,), float("nan")), ours.logits()])
    rows.draw(logits.clone())
    with pytest.raises(BadLogitsError):
        rows.draw(logits.flip(0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({SETTING: '{"temperatur": 1}'}, "did you mean 'temperature'"),
        ({SETTING: '{"temperature": -1}'}, "temperature must be at least 0; got -1"),
        ({SETTING: "{"}, "settings must be JSON"),
        ({SETTING: {"temperature": 1}}, "thermoscope must be a text of JSON"),
        ({SETTING: '{"logit_bias": {"3": 1.0}}'}, "request's own logit_bias"),
        ({SETTING: "{}", SEED: -1}, "a seed must be from 0 to 2\\^64 - 1; got -1"),
        ({SETTING: "{}", SEED: "x"}, "a seed must be a whole number"),
        ({SEED: 1}, "thermoscope_seed needs a setting"),
        ({"thermoscope_sed": 1}, "did you mean 'thermoscope_seed'"),
        ({"thermoscope_request": 5}, "must be a request of this process; got 5"),
    ],
)
def test_bad_arguments_are_refused_at_the_request(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Keyed.validate_params(SimpleNamespace(extra_args=arguments))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("top_p", 0.9), ("n", 2), ("temperature", 0.7), ("top_k", 20)])
def test_the_engines_own_sampling_beside_a_setting_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{name} of the request must be"):
        check_arguments(asked({}, **{name: value}))
    check_arguments(asked(None, **{name: value}))
    check_arguments(asked({}, temperature=0.0, top_p=1.0, top_k=0, n=1))


@pytest.mark.parametrize(
    ("speculative", "asynchronous", "said"), [(True, False, "speculative"), (False, True, "async")]
)
def test_what_breaks_it_is_refused_when_vllm_starts(speculative: bool, asynchronous: bool, said: str) -> None:
    config = SimpleNamespace(
        speculative_config=object() if speculative else None,
        scheduler_config=SimpleNamespace(async_scheduling=asynchronous),
    )
    with pytest.raises(InputError, match=said):
        Keyed(config, "cpu", False)


def test_tokens_that_are_not_known_yet_are_refused() -> None:
    ours, rows = Text({}, 1), KeyedRows()
    rows.update([], [(0, ours.params, PROMPT, ours.output)], [])
    ours.output.append(-1)
    with pytest.raises(InputError, match="no-async-scheduling"):
        rows.draw(torch.zeros(1, VOCABULARY))


def test_mirostat_without_the_records_of_its_text_is_refused() -> None:
    rows = KeyedRows()
    rows.update([], [(0, asked({"mirostat_tau": 3.0}), PROMPT, [7, 8])], [])
    with pytest.raises(InputError, match="mirostat and adaptive-p need how"):
        rows.draw(torch.zeros(1, VOCABULARY))


def test_the_processor_follows_vllm() -> None:
    config = SimpleNamespace(speculative_config=None, scheduler_config=SimpleNamespace(async_scheduling=False))
    keyed, text = Keyed(config, "cpu", False), Text({"temperature": 0.9}, 7)
    assert keyed.is_argmax_invariant() is False
    keyed.update_state(None)
    keyed.update_state(SimpleNamespace(removed=[], moved=[], added=[(0, text.params, PROMPT, text.output)]))
    left = keyed.apply(text.logits()[None])
    assert int(left.argmax()) == text.expected(1)[0]
