"""The audit of a real llama.cpp server that runs the bundled model, alone and behind a proxy that lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sources.llama_server import llama_server
from tests.sources.server import Handler, serving
from thermoscope.auditing.audit import Audit
from thermoscope.auditing.prompts import BEGINNINGS
from thermoscope.auditing.protocol import audit

pytest.importorskip("xllamacpp", reason="xllamacpp is for development: pip install .[dev]")
#: With which each lie shows.
LIES: dict[str, Any] = {"keep": False, "budget": 1200, "prompts": BEGINNINGS[:8]}
pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with llama_server(tmp_path_factory.mktemp("llama"), slots=8) as address:
        yield address


@pytest.fixture(scope="module")
def honest(url: str) -> Audit:
    """The audit of the server itself."""
    return audit("llama-cpp/bundled", base_url=url, keep=False, budget=1200)


@contextmanager
def proxy(url: str, change: Callable[[dict[str, Any]], dict[str, Any]], *, caches: bool = False) -> Iterator[str]:
    """A server that changes requests, and hands them on."""
    import httpx2

    kept: dict[str, Any] = {}

    def hand_on(handler: Handler, body: dict[str, Any], number: int) -> None:
        key = body["prompt"]
        if not caches or key not in kept:
            kept[key] = client.post(f"{url}/completions", json=change(body)).json()
        handler.give(kept[key])

    with httpx2.Client(timeout=60) as client, serving(hand_on) as server:
        yield server.url


def named(found: Audit, parameter: str = "temperature") -> dict[float | str, str]:
    return {row.sent: row.verdict for row in found.rows if row.parameter == parameter}


def test_its_hidden_min_p_is_found_and_what_is_sent_is_honoured(honest: Audit) -> None:
    found = honest
    assert found.engine == "llama.cpp"
    assert found.logprobs == "raw"
    assert found.honoured
    assert "refused" not in named(found).values()
    hidden = [row for row in found.rows if row.verdict == "default added"]
    assert {row.parameter for row in hidden} == {"min_p"}
    assert hidden[0].effective == pytest.approx(0.05, rel=0.15)
    empty = next(row for row in found.rows if row.sent == "nothing" and row.parameter == "temperature")
    assert isinstance(empty.effective, float)
    # the server draws its own seeds there: six standard errors are passed in less than 1 of 100,000 runs
    assert empty.low is not None
    assert empty.high is not None
    error = math.log(empty.high / empty.low) / (2 * 1.96)
    assert abs(math.log(empty.effective / 0.8)) < 6 * error
    assert named(found, "top_k") == {3: "honoured"}


def test_the_weights_at_hand_are_those_of_the_server(url: str) -> None:
    found = audit("llama-cpp/bundled", base_url=url, keep=False, reference="bundled", budget=300)
    rows = [row for row in found.rows if row.parameter == "model"]
    assert [row.verdict for row in rows] == ["honoured", "honoured"]
    assert "log-probabilities are 0.000" in rows[0].evidence
    assert "draws against it" in rows[1].evidence
    assert found.honoured


def test_the_same_model_with_weights_of_4_bits_is_not_this_precision(tmp_path: Path) -> None:
    how: dict[str, Any] = {"reference": "bundled", "send": {"temperature": 1.0}, "budget": 200}
    with llama_server(tmp_path, slots=8, weights="4 bits") as address:
        found = audit("llama-cpp/bundled", base_url=address, keep=False, **how)
    assert found.finding.startswith("Not this model or not this precision: its log-probabilities are 0.")
    assert not found.honoured


def test_penalties_limits_and_the_order_of_stages(honest: Audit) -> None:
    found = honest
    seen = {row.parameter: row for row in found.rows}
    names = ("presence_penalty", "frequency_penalty", "repetition_penalty", "max_tokens", "stop", "n")
    assert {seen[name].verdict for name in names} == {"honoured"}
    assert seen["order"].effective == "temperature last"
    assert {row.verdict for row in found.rows if row.parameter == "temperature (native)"} == {"honoured", "default"}


def clamp(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"temperature": min(body.get("temperature", 1.0), 1.0)}


def ignore(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"temperature": 0.6}


def rescale(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"temperature": 0.3 * body.get("temperature", 1.0)}


@pytest.mark.parametrize(
    ("lie", "words", "verdict"),
    [(clamp, "Clamped", "clamped"), (ignore, "Accepted but ignored", "ignored"), (rescale, "Rescaled", "rescaled")],
)
def test_a_proxy_that_lies_about_temperature_is_named(url: str, lie: Any, words: str, verdict: str) -> None:
    with proxy(url, lie) as address:
        found = audit("llama-cpp/bundled", base_url=address, **LIES)
    assert found.finding.startswith(words)
    assert named(found)[2.0] == verdict


def test_a_proxy_that_adds_top_p(url: str) -> None:
    with proxy(url, lambda body: body | {"top_p": 0.6}) as address:
        found = audit("llama-cpp/bundled", base_url=address, **LIES)
    row = next(row for row in found.rows if row.sent == "off")
    assert (row.parameter, row.verdict) == ("top_p", "changed")
    assert row.effective == pytest.approx(0.6, abs=0.06)


def test_a_proxy_that_caches(url: str) -> None:
    with proxy(url, lambda body: body, caches=True) as address:
        found = audit("llama-cpp/bundled", base_url=address, **LIES)
    assert named(found, "fresh draws") == {"yes": "cached"}
