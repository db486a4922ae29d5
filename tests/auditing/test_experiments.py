"""Penalties, the order of stages, limits and other routes, on servers that honour them and servers that do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.auditing.fake import FakeClient, endpoint
from tests.auditing.made import draws_of, places
from thermoscope.auditing.audit import Audit, AuditRow
from thermoscope.auditing.native import NATIVE
from thermoscope.auditing.protocol import audit
from thermoscope.auditing.repetition import Repeated, fitted
from thermoscope.auditing.truncations import _order
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.answers import Answer, AnswerToken, read_answer

PENALTIES = ("presence_penalty", "frequency_penalty", "repetition_penalty")


def audited(client: FakeClient, **how: Any) -> Audit:
    return audit(endpoint(client), keep=False, **how)


def row(found: Audit, parameter: str) -> AuditRow:
    return next(one for one in found.rows if one.parameter == parameter)


def dropping(*names: str) -> FakeClient:
    return FakeClient(lambda body: {k: v for k, v in body.items() if k not in names})


def test_penalties_are_read_with_intervals(honest: Audit) -> None:
    for name, sent in (("presence_penalty", 1.5), ("frequency_penalty", 1.0)):
        found = row(honest, name)
        assert found.verdict == "honoured"
        assert found.low is not None
        assert found.high is not None
        assert found.low - 0.5 < sent < found.high + 0.5
    assert row(honest, "repetition_penalty").verdict == "honoured"


def test_penalties_that_are_dropped_are_ignored() -> None:
    found = audited(dropping(*PENALTIES))
    assert {row(found, name).verdict for name in PENALTIES} == {"ignored"}
    assert found.finding.startswith("Accepted but ignored: presence_penalty")


def test_another_penalty_than_the_one_sent_is_named() -> None:
    found = audited(FakeClient(lambda body: body | {"presence_penalty": 0.25 * body.get("presence_penalty", 0)}))
    assert row(found, "presence_penalty").verdict in ("changed", "ignored")


def test_a_penalty_that_nobody_asked_for_is_found() -> None:
    found = audited(FakeClient(lambda body: {"repetition_penalty": 1.3, **body}))
    hidden = row(found, "some penalty")
    assert (hidden.sent, hidden.verdict) == ("nothing", "default added")
    assert found.honoured


def test_the_order_of_stages(honest: Audit) -> None:
    assert row(honest, "order").effective == "temperature first"
    rng = np.random.default_rng(0)
    logprobs = places(20, 200, rng)
    plain = draws_of(logprobs, rng, 5, temperature=2.0)
    last = logprobs.copy()
    before = np.cumsum(np.exp(logprobs), axis=1) - np.exp(logprobs)
    last[before >= 0.5] = -1e9  # top_p first, then the temperature
    drawn = draws_of(last, rng, 5, temperature=2.0)
    listed = type(drawn)(plain.logprobs, drawn.counts, drawn.beyond)
    assert _order(listed, plain, applied=True)[0] == "temperature last"
    assert _order(draws_of(logprobs, rng, 5, temperature=2.0), plain, applied=False)[0] is None


def test_limits_that_are_honoured(honest: Audit) -> None:
    assert [row(honest, name).verdict for name in ("max_tokens", "stop", "n")] == ["honoured"] * 3


@pytest.mark.parametrize("name", ["stop", "n"])
def test_what_is_dropped_is_ignored(name: str) -> None:
    found = audited(dropping(name), budget=200)
    assert row(found, name).verdict == "ignored"
    assert name in found.finding


def test_a_limit_that_is_ignored() -> None:
    found = audited(FakeClient(lambda body: body | {"max_tokens": max(body["max_tokens"], 24)}), budget=200)
    assert row(found, "max_tokens").verdict == "ignored"


def test_log_probabilities_that_never_come() -> None:
    found = audited(FakeClient(silent=True), budget=400)
    assert row(found, "logprobs").verdict == "ignored"
    assert row(found, "frequency_penalty").verdict in ("honoured", "can't be told")


def test_a_route_that_does_otherwise() -> None:
    def lie(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"temperature": 0.7} if "messages" in body else body

    found = audited(FakeClient(lie))
    assert {one.verdict for one in found.rows if one.parameter == "temperature"} <= {"honoured", "default"}
    assert {one.verdict for one in found.rows if one.parameter == "temperature (chat)"} == {"ignored", "default"}


def text(tokens: list[int], logits: Any) -> Answer:
    top = tuple((b" w%d" % n, float(logits[n])) for n in range(len(logits)))
    listed = tuple(AnswerToken(n, b" w%d" % n, float(logits[n]), top) for n in tokens)
    return Answer("", "length", listed, None, None)


def test_a_penalty_by_hand() -> None:
    """Two tokens of equal probability, one of them there before: after a penalty of ln 3 it comes once in four."""
    half = np.log(np.array([0.5, 0.5]))
    texts = [text([0, 1], half)] * 3 + [text([0, 0], half)]
    found = fitted(Repeated.of(texts, [""] * 4, "presence"))
    assert found is not None
    assert found.places == 4
    assert found.value == pytest.approx(np.log(3), abs=1e-3)
    assert found.evidence(0.0) == pytest.approx(2 * (3 * np.log(1.5) + np.log(0.5)), abs=1e-3)
    assert fitted(Repeated.of([text([0], half)], [""], "presence")) is None


def test_the_interval_of_a_penalty_covers() -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(40):
        texts = []
        for _ in range(8):
            logits, drawn = np.log(rng.dirichlet(np.ones(8))), [0]
            for _ in range(25):
                weights = np.exp(logits - 1.0 * np.isin(np.arange(8), drawn))
                drawn.append(int(rng.choice(8, p=weights / weights.sum())))
            texts.append(text(drawn, logits))
        found = fitted(Repeated.of(texts, [""] * 8, "presence"))
        assert found is not None
        inside += found.low <= 1.0 <= found.high
    assert inside >= 32  # of 40 at 95 %; fewer with a probability of 0.0001


@pytest.mark.parametrize(
    ("engine", "answer"),
    [
        ("llama.cpp", {"content": " a", "completion_probabilities": [
            {"token": " a", "logprob": -1.0, "top_logprobs": [{"token": " a", "logprob": -1.0}]}]}),
        ("Ollama", {"response": " a", "logprobs": [
            {"token": " a", "logprob": -1.0, "top_logprobs": [{"token": " a", "logprob": -1.0}]}]}),
    ],
)  # fmt: skip
def test_native_routes_speak_of_the_same_things(engine: str, answer: Mapping[str, Any]) -> None:
    native = NATIVE[engine]
    fields = native.fields(SamplingParams(temperature=0.5))
    assert fields["temperature"] == 0.5
    body = native.body("m", "Once", fields, 3, 20, 7)
    options = body.get("options", body)
    assert (options["temperature"], options["seed"]) == (0.5, 7)
    assert body["prompt"] == "Once"
    read = read_answer(native.as_openai(answer), "x")
    assert read.text == " a"
    assert read.tokens is not None
    assert read.tokens[0].top == ((b" a", -1.0),)
