from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.sources.server import Behaviour, Handler, answer, good, serving, slow, text_of
from thermoscope import compare
from thermoscope.errors import EndpointError, InputError
from thermoscope.settings.params import SamplingParams
from thermoscope.sources import client
from thermoscope.sources.base import Batch
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint, Prices

COLD, WARM = SamplingParams(temperature=0.2), SamplingParams(temperature=0.9)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_WAIT_S", 0.001)


def endpoint(url: str, **how: Any) -> Endpoint:
    how.setdefault("limits", Limits(at_once=8, timeout_s=5.0))
    return Endpoint(how.pop("kind", "vllm"), how.pop("model", "m"), base_url=url, **how)


def made(of: Endpoint, number: int = 3, **how: Any) -> list[Any]:
    how = {"max_new_tokens": 5} | how
    return of.samples(["one", "two"], [COLD, WARM], list(range(number)), **how)


def expected(number: int = 3) -> list[str]:
    return [f" {p} {t:g} {s}" for p in ("one", "two") for t in (0.2, 0.9) for s in range(number)]


@pytest.mark.parametrize("route", ["chat", "completions"])
def test_texts_come_in_the_order_of_prompts_settings_and_seeds(route: Any) -> None:
    with serving(good) as server:
        samples = made(endpoint(server.url, route=route))
    assert [sample.text for sample in samples] == expected()
    first = samples[0]
    assert (first.prompt, first.params, first.seed, first.finish_reason) == ("one", COLD, 0, "end_of_text")
    assert first.logprobs == (0.0, -0.5, -1.0)
    assert first.text_ends == (4, 8, 10)
    assert len(set(first.token_ids)) == 3
    assert first.token_ids[0] == samples[1].token_ids[0]  # the same word
    assert (first.entropies, first.ranks, first.prompt_tokens) == ((), (), 3)


def test_every_neutral_value_is_sent() -> None:
    bodies: list[dict[str, Any]] = []

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        bodies.append(body)
        handler.give(answer(body))

    with serving(behave) as server:
        endpoint(server.url, system="Be brief.").samples(["x"], [COLD], [7], max_new_tokens=9, stop="END")
    (body,) = bodies
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "x"}]
    assert {n: body[n] for n in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")} == {
        "temperature": 0.2, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0,
    }  # fmt: skip
    assert (body["seed"], body["max_tokens"], body["stop"], body["model"]) == (7, 9, ["END"], "m")


def test_how_much_a_model_thinks_varies_and_is_sent() -> None:
    bodies: list[dict[str, Any]] = []

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        bodies.append(body)
        handler.give(answer(body))

    settings = [SamplingParams(reasoning_effort=level, thinking_budget=64) for level in ("low", "high")]
    with serving(behave) as server:
        samples = endpoint(server.url).samples(["x"], settings, [7], max_new_tokens=9)
    assert [sample.params for sample in samples] == settings
    assert sorted(body["reasoning_effort"] for body in bodies) == ["high", "low"]
    assert {body["thinking_token_budget"] for body in bodies} == {64}


def test_a_parameter_that_the_engine_lacks_is_refused_before_anything_is_asked() -> None:
    with serving(good) as server:
        with pytest.raises(InputError, match=r"vllm does not have xtc_probability .*; leave it out"):
            endpoint(server.url).samples(["x"], [SamplingParams(xtc_probability=0.5)], [0], max_new_tokens=3)
        assert not server.asked


def test_an_order_that_differs_there_is_noted() -> None:
    with serving(good) as server:
        of = endpoint(server.url)
        of.samples(["x"], [SamplingParams(temperature=0.7, top_p=0.9, min_p=0.1)], [0], max_new_tokens=3)
    assert any("order differs at vllm: runs min_p before top_p" in note for note in of.notes)


def test_without_tokens_texts_are_counted_in_words() -> None:
    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        found = answer(body)
        del found["choices"][0]["logprobs"], found["usage"]
        handler.give(found)

    with serving(behave) as server:
        of = endpoint(server.url)
        sample = of.samples(["ab cd"], [COLD], [0], max_new_tokens=5)[0]
    assert len(sample.token_ids) == len(sample.text_ends) == 6  # ab, cd, 0, ., 2, 0
    assert sample.logprobs == ()
    assert any("counted in words" in note for note in of.notes)


def test_log_probabilities_of_an_unknown_kind_are_not_used() -> None:
    with serving(good) as server:
        of = endpoint(server.url, kind="openai-api")
        sample = of.samples(["x"], [COLD], [0], max_new_tokens=5)[0]
    assert sample.logprobs == ()
    assert len(sample.token_ids) == 3
    assert any("not used" in note for note in of.notes)


def busy_first(handler: Handler, body: dict[str, Any], number: int) -> None:
    if number <= 2:
        handler.give({"error": {"message": "slow down"}}, 429, Retry_After="0.01")
    else:
        handler.give(answer(body))


def broken_first(handler: Handler, body: dict[str, Any], number: int) -> None:
    if number == 1:
        handler.give({"error": "out of order"}, 500)
    elif number == 2:
        handler.raw(b'{"choices": [{"te')
    else:
        handler.give(answer(body))


def half_first(handler: Handler, body: dict[str, Any], number: int) -> None:
    content = json.dumps(answer(body)).encode()
    if number == 1:
        handler.raw(content[:20], length=len(content))
        handler.hang_up()
    else:
        handler.raw(content)


def no_answer_first(handler: Handler, body: dict[str, Any], number: int) -> None:
    if number == 1:
        handler.hang_up()
    else:
        handler.give(answer(body))


def not_an_object_first(handler: Handler, body: dict[str, Any], number: int) -> None:
    handler.give([1, 2] if number == 1 else {"choices": []} if number == 2 else answer(body))


@pytest.mark.parametrize("behaviour", [busy_first, broken_first, half_first, no_answer_first, not_an_object_first])
def test_what_goes_wrong_once_or_twice_is_repeated(behaviour: Behaviour) -> None:
    with serving(behaviour) as server:
        of = endpoint(server.url)
        samples = made(of)
    assert [sample.text for sample in samples] == expected()
    assert of.usage.requests == 12
    assert of.usage.retries >= 12


def test_fewer_requests_are_under_way_when_the_server_is_busy() -> None:
    async def run() -> tuple[float, float]:
        gate = client.Gate(16)
        gate.shrink()
        gate.shrink()
        low = gate.limit
        for _ in range(200):
            gate.grow()
        return low, gate.limit

    assert asyncio.run(run()) == (4.0, 16.0)


def test_no_more_than_allowed_are_under_way() -> None:
    with serving(slow(0.02)) as server:
        made(endpoint(server.url, limits=Limits(at_once=3)), 4)
        assert 1 < server.most <= 3


def always(status: int, found: Any, **headers: str) -> Behaviour:
    return lambda handler, body, number: handler.give(found, status, **headers)


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (always(401, {"error": {"message": "bad key"}}), r"refuses the key \(status 401: bad key\); set VLLM_API_KEY"),
        (always(400, {"error": "top_k is unknown"}), r"refuses the request \(status 400: top_k is unknown\)"),
        (always(404, {"detail": "no model m"}), r"refuses the request \(status 404: no model m\)"),
        (always(307, {}, location="http://elsewhere.example/v1"), r"redirects to .http://elsewhere.example/v1.; "),
        (always(500, {"error": "out of order"}), r"fails \(status 500: out of order\) \(\d+ requests"),
        (lambda h, b, n: h.raw(b"<html>hello</html>"), r"does not answer with a JSON object, but '<html>hello</html>'"),
        (lambda h, b, n: h.give({"ok": True}), "answers without choices"),
        (lambda h, b, n: h.give(answer(b, text=None, message=None)), "answers without a text"),
        (lambda h, b, n: h.give(answer(b, finish_reason="content_filter")), "for the reason 'content_filter'"),
        (slow(3.0), r"did not answer within 0.2 s"),
    ],
)  # fmt: skip
def test_what_never_works_is_one_line(behaviour: Behaviour, says: str) -> None:
    with serving(behaviour) as server, pytest.raises(EndpointError, match=says) as caught:
        made(endpoint(server.url, limits=Limits(at_once=8, timeout_s=0.2), route="completions"))
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_one_line_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(EndpointError, match=r"no answer from http://127.0.0.1:9/v1 .*start the server, or"):
        made(endpoint("http://127.0.0.1:9/v1"))
    assert time.monotonic() - start < 30  # not every request in turn


def test_the_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "secret-7231")
    seen: list[str | None] = []

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        seen.append(handler.headers["authorization"])
        handler.give(answer(body))

    with serving(behave) as server:
        of = endpoint(server.url, cache=tmp_path / "answers.sqlite")
        samples = of.samples(["x"], [COLD], [0], max_new_tokens=3)
    assert seen == ["Bearer secret-7231"]
    assert "7231" not in repr((samples, of.notes, of.name, of.usage))
    assert all(b"7231" not in path.read_bytes() for path in tmp_path.iterdir())


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    with serving(good) as server:
        first = made(endpoint(server.url, cache=path))
        again = endpoint(server.url, cache=path)
        assert made(again) == first
        assert again.usage.cached == 12
        assert again.usage.requests == 0
        assert len(made(endpoint(server.url, cache=path), 4)) == 16  # one more seed
        assert sum(server.asked.values()) == 16
        made(endpoint(server.url, cache=path), max_new_tokens=6)  # another length is another request
        assert sum(server.asked.values()) == 28


@pytest.mark.slow
def test_what_was_answered_before_a_failure_is_kept_and_handed_over(tmp_path: Path) -> None:
    """Half of the requests fail for good; once the server is mended, only these are asked again."""
    mended = False

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        if body["seed"] % 2 and not mended:
            handler.give({"error": "no"}, 500)
        else:
            handler.give(answer(body))

    finished: list[int] = []
    with serving(behave) as server:
        with pytest.raises(EndpointError, match=r"requests? failed, \d+ answered and kept; the same command goes on"):
            of = endpoint(server.url, cache=tmp_path / "a", limits=Limits(at_once=1))
            of.make(
                [Batch("one", (COLD, WARM), tuple(range(8))), Batch("two", (COLD, WARM), tuple(range(8)))],
                max_new_tokens=9,
                on_sample=lambda _, place, sample: finished.append(place),
            )
        mended = True
        before = server.asked.copy()
        samples = made(endpoint(server.url, cache=tmp_path / "a"), 8)
    assert [sample.text for sample in samples] == expected(8)
    answered = {key for key, number in before.items() if json.loads(key)["seed"] % 2 == 0 and number}
    assert len(finished) == len(answered) > 0
    assert all(server.asked[key] == before[key] for key in answered)


def test_what_is_kept_and_damaged_is_asked_again(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "answers.sqlite"
    with serving(good) as server:
        first = made(endpoint(server.url, cache=path))
        with sqlite3.connect(path) as base:
            base.execute("update answers set answer = x'00'")
        assert made(endpoint(server.url, cache=path)) == first
        assert sum(server.asked.values()) == 24


def test_tokens_and_cost_are_counted() -> None:
    with serving(good) as server:
        of = endpoint(server.url, prices=Prices(prompt=1.0, completion=10.0))
        made(of)
    assert (of.usage.prompt_tokens, of.usage.completion_tokens) == (36, 36)
    assert of.usage.cost == pytest.approx((36 * 1 + 36 * 10) / 1e6)


def test_the_server_is_asked_for_its_model() -> None:
    with serving(good) as server:
        assert endpoint(server.url, model=None).name == "vllm/only-model"


def test_it_works_inside_a_running_event_loop() -> None:
    async def inside(url: str) -> list[Any]:
        return made(endpoint(url))

    with serving(good) as server:
        assert [sample.text for sample in asyncio.run(inside(server.url))] == expected()


def test_unknown_providers_routes_and_addresses_are_one_line() -> None:
    with pytest.raises(InputError, match=r"unknown provider 'vlm' \(did you mean 'vllm'\?\)"):
        Endpoint("vlm", "m")
    with pytest.raises(InputError, match="openrouter has no completions route; it has chat"):
        Endpoint("openrouter", "m", route="completions")
    with pytest.raises(InputError, match="openai-api has no default address; give one with --base-url"):
        Endpoint("openai-api", "m")
    with pytest.raises(InputError, match="a system message is for the chat route"):
        Endpoint("vllm", "m", route="completions", system="x")


def test_a_unicode_text_is_whole() -> None:
    with serving(good) as server:
        sample = endpoint(server.url).samples(["日本 🚀 é"], [COLD], [0], max_new_tokens=5)[0]
    assert sample.text == text_of({"prompt": "日本 🚀 é", "temperature": 0.2, "seed": 0})
    assert sample.text_ends[-1] == len(sample.text)


def thinking_apart(content: list[str] | None, message: dict[str, Any], reason: str = "stop") -> Behaviour:
    """A server that takes the thinking out of a text; ``content`` are the tokens that it gives."""

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        listed = None if content is None else {"content": [{"token": t, "logprob": -1.0} for t in content]}
        handler.give({"choices": [{"finish_reason": reason, "logprobs": listed, "message": message}]})

    return behave


RAW = ["<think>", "\nhm", "\n", "</think>", "\n\n", "Hi", "<|im_end|>"]


@pytest.mark.parametrize(
    ("content", "message", "reason", "text", "tokens"),
    [
        (RAW, {"content": "Hi", "reasoning_content": "hm"}, "stop", "<think>\nhm\n</think>\n\nHi", 7),
        (RAW[1:], {"content": "\n\nHi", "reasoning": "\nhm\n"}, "stop", "\nhm\n</think>\n\nHi", 6),
        (RAW[:2], {"content": None, "reasoning": "hm"}, "length", "<think>\nhm", 2),
        (RAW[1:2], {"content": "", "reasoning_content": "hm"}, "length", "<think>\nhm", 1),
        (None, {"content": "Hi", "reasoning_content": "hm"}, "stop", "<think>hm</think>Hi", None),
        (None, {"content": "", "reasoning_content": "hm"}, "length", "<think>hm", None),
        (["Hi"], {"content": "Hi", "reasoning_content": "hm"}, "stop", "<think>hm</think>Hi", None),
    ],
)
def test_thinking_that_comes_apart_stands_before_the_text(
    content: list[str] | None, message: dict[str, Any], reason: str, text: str, tokens: int | None
) -> None:
    with serving(thinking_apart(content, message, reason)) as server:
        sample = endpoint(server.url).samples(["x"], [COLD], [0], max_new_tokens=9)[0]
        found = compare(endpoint(server.url), "x", [0.5], max_new_tokens=9)
    assert sample.text == text
    assert sample.text_ends[-1] == len(text)
    if tokens is not None:
        assert len(sample.token_ids) == len(sample.logprobs) == tokens
    assert found.texts[0].answer.text == ("" if reason == "length" else "Hi")
    assert "1 of 1 text holds thinking" in found.reading[0]
