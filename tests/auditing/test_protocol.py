"""Whole audits of servers that do what they are asked, and of servers that lie."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.auditing.fake import Change, FakeClient, endpoint
from tests.sources.server import Handler, serving
from thermoscope.auditing.audit import Audit
from thermoscope.auditing.prompts import BEGINNINGS
from thermoscope.auditing.protocol import audit
from thermoscope.errors import InputError


def audited(client: FakeClient, **how: Any) -> Audit:
    return audit(endpoint(client), keep=False, **how)


def verdicts(found: Audit, parameter: str = "temperature") -> dict[float | str, str]:
    return {row.sent: row.verdict for row in found.rows if row.parameter == parameter}


@pytest.mark.slow
@pytest.mark.parametrize("spread", [2.2, 4.0])
def test_an_honest_server_is_called_honest(spread: float, honest: Audit) -> None:
    """At one wrong call in a hundred audits, two in five would have a probability of 0.001."""
    first = honest if spread == 2.2 else audited(FakeClient(spread=spread))
    found = [first, *(audited(FakeClient(seed=seed, spread=spread)) for seed in range(1, 5))]
    assert sum(not one.honoured for one in found) <= 1
    assert verdicts(first) == {0.3: "honoured", 0.7: "honoured", 1.0: "honoured", 1.5: "honoured", 2.0: "honoured",
                               "nothing": "default"}  # fmt: skip
    assert verdicts(first, "seed") == {77: "honoured"}
    assert first.logprobs == "raw"
    assert 1700 <= first.requests <= 2100
    assert all(row.low <= row.sent * 1.5 and row.high >= row.sent / 1.5 for row in first.rows
               if row.parameter == "temperature" and isinstance(row.sent, float))  # fmt: skip


def clamp(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"temperature": min(body.get("temperature", 1.0), 1.0)}


def ignore(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"temperature": 0.8}


def rescale(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"temperature": 0.3 * body.get("temperature", 1.0)}


def freeze(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"temperature": 0.0}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lie", "expected", "words"),
    [
        (clamp, {0.3: "honoured", 0.7: "honoured", 1.0: "honoured", 1.5: "clamped", 2.0: "clamped"}, "Clamped"),
        (ignore, dict.fromkeys((0.3, 0.7, 1.0, 1.5, 2.0), "ignored"), "Accepted but ignored: temperature"),
        (rescale, dict.fromkeys((0.3, 0.7, 1.0, 1.5, 2.0), "rescaled"), "Rescaled"),
        (freeze, dict.fromkeys((0.3, 0.7, 1.0, 1.5, 2.0), "ignored"), "Accepted but ignored: temperature"),
    ],
)
def test_a_lie_about_temperature_is_named(lie: Change, expected: Mapping[float, str], words: str) -> None:
    found = audited(FakeClient(lie))
    seen = verdicts(found)
    assert {t: seen[t] for t in expected} == expected
    assert found.finding.startswith(words)
    assert not found.honoured


def test_a_truncation_that_was_switched_off_is_found() -> None:
    found = audited(FakeClient(lambda body: body | {"top_p": 0.9}, spread=4.0))
    row = next(row for row in found.rows if row.parameter == "top_p" and row.sent == "off")
    assert row.verdict == "changed"
    assert row.effective == pytest.approx(0.9, abs=0.05)


def test_truncations_that_are_dropped_are_ignored() -> None:
    dropped = ("top_k", "top_p", "min_p")
    found = audited(FakeClient(lambda body: {k: v for k, v in body.items() if k not in dropped}))
    assert {row.parameter: row.verdict for row in found.rows if row.parameter in dropped} == dict.fromkeys(
        dropped, "ignored"
    )


def test_a_hidden_default_is_no_disobedience() -> None:
    found = audited(FakeClient(lambda body: {"min_p": 0.1, **body}))
    rows = [row for row in found.rows if row.parameter == "min_p" and row.sent == "nothing"]
    assert {row.verdict for row in rows} == {"default added"}
    assert rows[0].effective == pytest.approx(0.1, rel=0.6)
    assert found.honoured
    assert not found.strict
    assert "min_p (0.1" in found.finding


def test_where_prompts_leave_little_open_a_hidden_truncation_is_not_taken_for_a_temperature() -> None:
    found = audited(FakeClient(lambda body: {"min_p": 0.2, **body}, spread=6.0))
    assert found.honoured
    assert any(row.verdict == "default added" for row in found.rows)


def test_a_cache_is_recognised() -> None:
    found = audited(FakeClient(caches=True))
    assert verdicts(found, "fresh draws") == {"yes": "cached"}
    assert "repeats earlier answers" in found.finding


def test_a_seed_that_is_ignored() -> None:
    found = audited(FakeClient(lambda body: {k: v for k, v in body.items() if k != "seed"}))
    assert verdicts(found, "seed") == {77: "ignored"}


def test_log_probabilities_that_follow_the_temperature() -> None:
    found = audited(FakeClient(tempered=True))
    assert found.logprobs == "tempered"
    assert found.honoured


def test_a_refused_temperature() -> None:
    found = audited(FakeClient(refuse=lambda body: "too hot" if body.get("temperature", 1) > 1.8 else None))
    assert verdicts(found)[2.0] == "refused"
    assert verdicts(found)[1.5] == "honoured"
    assert found.honoured
    assert not found.strict


def test_without_log_probabilities() -> None:
    assert set(verdicts(audited(FakeClient(ignore, silent=True))).values()) == {"ignored"}
    found = audited(FakeClient(silent=True))
    assert verdicts(found)[0.3] == "honoured"
    assert verdicts(found)[2.0] == "honoured"
    assert any("no log-probabilities" in line for line in found.could_not_see)


def test_one_setting_alone() -> None:
    found = audited(FakeClient(ignore), send={"temperature": 0.3}, budget=600)
    assert verdicts(found) == {0.3: "changed"}
    assert audited(FakeClient(), send={"temperature": 0.3}, budget=600).honoured


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    how: dict[str, Any] = {"cache": tmp_path / "answers.sqlite", "budget": 200, "prompts": BEGINNINGS[:8]}
    one = audit(endpoint(FakeClient()), **how)
    again = FakeClient()
    two = audit(endpoint(again), **how)
    assert not again.asked
    assert two.rows == one.rows
    assert two.requests == 0


def test_bad_input() -> None:
    with pytest.raises(InputError, match="an audit is of an endpoint; got 'gpt2'"):
        audit("gpt2")
    with pytest.raises(InputError, match="at least 200 requests; got 3"):
        audited(FakeClient(), budget=3)


@pytest.mark.server
def test_a_server_that_is_busy_or_hangs_up_gives_the_same_verdicts(tmp_path: Path) -> None:
    """Every eleventh request is turned away, every thirteenth dropped; then the audit is repeated from its answers."""
    behind, lock, asked = FakeClient(), threading.Lock(), itertools.count(1)
    how: dict[str, Any] = {"budget": 200, "prompts": BEGINNINGS[:10]}

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        turn = next(asked)
        if turn % 11 == 0:
            handler.give({"error": "busy"}, 429, retry_after="0")
        elif turn % 13 == 0:
            handler.hang_up()
        else:
            with lock:
                found = behind._answer(body)
            handler.give(found)

    with serving(behave) as server:
        where: dict[str, Any] = {"base_url": server.url, "cache": tmp_path / "answers.sqlite"}
        found = audit("vllm/fake", **where, **how)
        before = next(asked)
        again = audit("vllm/fake", **where, **how)
        assert next(asked) == before + 1
    direct = audited(FakeClient(), **how)
    seeded = [row for row in direct.rows if row.sent != "nothing"]
    assert [(row.parameter, row.verdict) for row in found.rows if row.sent != "nothing"] == [
        (row.parameter, row.verdict) for row in seeded
    ]
    assert again.rows == found.rows
    assert again.requests == 0
