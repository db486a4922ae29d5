"""``compare`` with a model behind an endpoint, from Python and from the shell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sources.server import Handler, answer, good, serving
from thermoscope import compare, render
from thermoscope.errors import InputError, PromptError
from thermoscope.models import names
from thermoscope.ran.facts import facts
from thermoscope.sources import client
from thermoscope.sources import open as open_module
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(open_module, "default_path", lambda: tmp_path / "answers.sqlite")
    monkeypatch.setattr(client, "FIRST_WAIT_S", 0.001)


def endpoint(url: str) -> Endpoint:
    return Endpoint("vllm", "m", base_url=url, limits=Limits(at_once=4, timeout_s=5))


def test_texts_are_compared_and_nothing_is_claimed_of_shared_noise() -> None:
    with serving(good) as server:
        found = compare(endpoint(server.url), "Once upon", [0.2, 0.9], seeds=range(2), max_new_tokens=9)
    assert [text.sample.text for text in found.texts] == [f" Once upon {t:g} {s}" for t in (0.2, 0.9) for s in (0, 1)]
    assert found.complete
    first = found.texts[0].measures
    assert first["perplexity"] == pytest.approx(2.117, abs=0.001)  # exp of the mean of 0, 0.5, 1 and 1.5
    assert (first["entropy"], first["tokens"]) == (None, 4)
    assert found.texts[2].shared_tokens == 2
    told = dict(facts(found.ran))
    assert told["seeds"] == "0, 1; independent for every setting"
    assert told["model"] == "vllm/m, behind an endpoint"
    assert told["requests"] == "4 requests, 0 answers kept from before"
    assert not found.ran.shared_noise
    for form in ("html", "md", "json"):
        assert "Once upon" in str(render(found, form))


def test_texts_that_came_are_compared_where_others_failed() -> None:
    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        if body["seed"] == 1:
            handler.give({"error": "no"}, 500)
        else:
            handler.give(answer(body))

    with serving(behave) as server:
        found = compare(endpoint(server.url), "Once upon", [0.2, 0.9], seeds=range(2), max_new_tokens=9)
    assert [text.sample.seed for text in found.texts] == [0, 0]
    assert not found.complete
    assert any("2 requests failed, 2 answered and kept" in note for note in found.ran.notes)


def test_what_an_endpoint_cannot_know_is_refused_in_one_line() -> None:
    with serving(good) as server:
        with pytest.raises(InputError, match="max_length counts the prompt's tokens, which vllm/m does not give"):
            compare(endpoint(server.url), "x", [0.2], max_length=50)
        with pytest.raises(PromptError, match="a prompt must be a text that is not empty"):
            compare(endpoint(server.url), "", [0.2])
        assert not server.asked


def test_from_the_shell(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(good) as server:
        monkeypatch.setitem(names.ENDPOINTS, "vllm", server.url)
        asked = ("compare", "Once upon", "-t", "0.2,0.9", "--max-new-tokens", "9", "--model", "vllm/m")
        ran = cli(*asked, "--json")
        assert ran.code == 0
        record = json.loads(ran.out)
        assert [text["text"] for text in record["texts"]] == [" Once upon 0.2 0", " Once upon 0.9 0"]
        again = cli(*asked, "-M", "at_once=2", "-M", "prompt_price=1", "-M", "completion_price=2")
        assert "0 requests, 2 answers kept from before" in again.out
        assert f"--model vllm/m --base-url={server.url} --chat" in " ".join(again.out.replace("\\\n", "").split())
        assert sum(server.asked.values()) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--device", "cpu"), "--device is for a model that runs here; vllm/m does not; leave it out"),
        (("--max-length", "9"), "--max-length is for a model that runs here"),
        (("-M", "at_one=3"), "-M at_one is unknown for an endpoint (did you mean 'at_once'?)"),
        (("-M", "at_once=0"), "-M at_once must be requests at a time, a whole number from 1 to 1000; got 0"),
        (("-M", "cache=maybe"), "-M cache must be true or false"),
        (("--params", "model"), "--params model is for a model that runs here"),
        (("--xtc-probability", "0.5"), "vllm does not have xtc_probability"),
    ],
)
def test_options_that_do_not_fit_are_one_line(
    cli: Callable[..., Any], options: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(good) as server:
        monkeypatch.setitem(names.ENDPOINTS, "vllm", server.url)
        ran = cli("compare", "x", "-t", "0.5", "--model", "vllm/m", *options)
        assert (ran.code, ran.out) == (2, "")
        assert says in ran.err
        assert ran.err.count("\n") == 1
        assert not server.asked


def test_a_server_that_is_not_there_is_one_line(cli: Callable[..., Any]) -> None:
    ran = cli("compare", "x", "-t", "0.5", "--model", "vllm/m", "--base-url", "http://127.0.0.1:9/v1")
    assert ran.code == 2
    assert "no answer from http://127.0.0.1:9/v1" in ran.err
    assert ran.err.strip().count("\n") == 0
