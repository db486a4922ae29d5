"""Runs whose texts come from an endpoint: made, kept, resumed, measured and reported as any other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runs.killed import CASE, PROMPTS
from tests.sources.server import Handler, answer, good, serving
from tests.tiny_cli import environment
from thermoscope import Endpoint, Limits, SamplingParams, open_run, open_source, render, run
from thermoscope.errors import EndpointError, InputError, RunError
from thermoscope.models import names
from thermoscope.ran.facts import facts
from thermoscope.ran.of_run import what_ran
from thermoscope.sources import client
from thermoscope.sources import open as open_module


@pytest.fixture(autouse=True)
def own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(open_module, "default_path", lambda: tmp_path / "answers.sqlite")
    monkeypatch.setattr(client, "FIRST_WAIT_S", 0.001)
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(CASE)


def endpoint(url: str, **how: Any) -> Endpoint:
    return Endpoint("vllm", "m", base_url=url, limits=Limits(at_once=4, timeout_s=5), **how)


def made(source: Endpoint, **how: Any) -> Any:
    given: dict[str, Any] = {"seeds": range(3), "max_new_tokens": 9, "folder": "kept"} | how
    return run(source, "small.toml", {"temperature": [0.2, 0.9]}, **given)


def test_a_run_is_made_measured_and_reported() -> None:
    with serving(good) as server:
        done = made(endpoint(server.url))
        assert sum(server.asked.values()) == len(PROMPTS) * 2 * 3
        assert made(endpoint(server.url)).complete
        assert sum(server.asked.values()) == len(PROMPTS) * 2 * 3
    texts = done.texts().to_pylist()
    assert [row["text"] for row in texts] == [f" {p} {t} {s}" for p in PROMPTS for t in (0.2, 0.9) for s in range(3)]
    summary = {(row["measure"], row["temperature"]): row for row in done.summary().to_pylist()}
    # exp of the mean of 0, 0.5, 1, ... over three to five tokens of each prompt's text, geometric mean over prompts
    words = [len(prompt.split()) + 2 for prompt in PROMPTS]
    log_perplexity = sum(0.5 * sum(range(n)) / n for n in words) / len(words)
    assert summary["perplexity", 0.2]["mean"] == pytest.approx(2.718281828**log_perplexity, rel=1e-6)
    assert summary["entropy", 0.2]["mean"] is None
    told = dict(facts(what_ran(done.manifest, "kept")))
    assert told["seeds"] == "0 to 2; independent for every setting"
    assert told["model"] == "vllm/m, behind an endpoint"
    assert told["requests"] == "36 requests, 0 answers kept from before"
    assert "torch" not in done.manifest["versions"]
    for form in ("html", "md", "json"):
        page = str(render(done, form))
        assert "vllm/m" in page
        assert "same noise" not in page
    assert f"--model vllm/m --base-url={server.url} --chat" in done.command


def test_what_failed_is_asked_again_and_nothing_else() -> None:
    broken = True

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        if broken and body["messages"][-1]["content"] == "Snow":
            handler.give({"error": "no"}, 500)
        else:
            handler.give(answer(body))

    with serving(behave) as server:
        with pytest.raises(EndpointError, match="the same command goes on from there"):
            made(endpoint(server.url))
        half = open_run("kept")
        assert not half.complete
        assert {"One day", "The fox", "A king"} <= {row["prompt"] for row in half.texts().to_pylist()}
        answered = {key for key in server.asked if "Snow" not in key}
        before = server.asked.copy()
        broken = False
        assert made(endpoint(server.url, cache=Path("answers"))).complete
        kept_whole = [key for key in answered if any(f'"{p}"' in key for p in ("One day", "The fox", "A king"))]
        assert all(server.asked[key] == before[key] == 1 for key in kept_whole)


@pytest.mark.slow
def test_a_kill_asks_nothing_twice(tmp_path: Path) -> None:
    """Killed at the tenth answer: what was answered stands in the cache or in the folder."""
    process: subprocess.Popen[bytes] | None = None

    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        handler.give(answer(body))
        if process is not None and sum(handler.server.asked.values()) >= 10:
            process.send_signal(signal.SIGKILL)

    code = (
        "import sys; from pathlib import Path; from thermoscope import Endpoint, Limits, run; "
        "run(Endpoint('vllm', 'm', base_url=sys.argv[1], limits=Limits(at_once=1), cache=Path('answers')), "
        "'small.toml', {'temperature': [0.2, 0.9]}, seeds=range(3), max_new_tokens=9, folder='kept')"
    )
    with serving(behave) as server:
        process = subprocess.Popen([sys.executable, "-c", code, server.url], env=environment(), cwd=tmp_path)
        assert process.wait(timeout=120) == -signal.SIGKILL
        process = None
        done = made(endpoint(server.url, cache=Path("answers")))
        # the answer that was on its way when the process was killed may have to be asked for again
        again = [key for key, number in server.asked.items() if number > 1]
        assert len(again) <= 1
        assert len(server.asked) == done.plan.texts == 36


def test_a_server_without_tokens_is_counted_in_words_and_says_so() -> None:
    def behave(handler: Handler, body: dict[str, Any], number: int) -> None:
        handler.give(answer(body, logprobs=None))

    with serving(behave) as server:
        done = made(endpoint(server.url))
    assert any("counted in words" in note for note in done.manifest["notes"])
    summary = {row["measure"]: row for row in done.summary().to_pylist()}
    assert summary["perplexity"]["mean"] is None
    assert summary["rep_4"]["mean"] is not None
    Path("kept/manifest.json").unlink()
    with serving(behave) as server:
        source = endpoint(server.url)
        with pytest.raises(RunError, match="other chat options, engine arguments or another address"):
            made(source)
        assert not server.asked


def test_it_is_resumed_by_its_own_words() -> None:
    with serving(good) as server:
        made(open_source("vllm/m", base_url=server.url, system="Be brief.", chat_options={"enable_thinking": False}))
        done = open_run("kept")
        assert "--system='Be brief.'" in done.command.replace("'--system=Be brief.'", "--system='Be brief.'")
        Path("kept/texts/00003.parquet").unlink()
        Path("kept/manifest.json").unlink()
        again = open_run("kept").resume()
        assert again.complete
        assert again.plan == done.plan
        bodies = [json.loads(key) for key in server.asked]
        assert {body["messages"][0]["content"] for body in bodies} == {"Be brief."}
        assert all(body["chat_template_kwargs"] == {"enable_thinking": False} for body in bodies)


def test_settings_that_the_server_lacks_and_models_own_are_refused_beforehand() -> None:
    with serving(good) as server:
        with pytest.raises(InputError, match="vllm does not have xtc_probability"):
            run(endpoint(server.url), "small.toml", [SamplingParams(xtc_probability=0.5)], folder="kept")
        with pytest.raises(InputError, match="device is for a model that runs here; vllm/m does not"):
            open_source("vllm/m", base_url=server.url, device="cpu")
        with pytest.raises(InputError, match="at_once is an option of endpoints; bundled runs here"):
            open_source("bundled", options={"at_once": 3})
        assert not server.asked
    assert not Path("kept").exists()


def test_messages_go_as_they_are_and_need_the_chat_route() -> None:
    talk = '[{"role": "system", "content": "Rhyme."}, {"role": "user", "content": "Hello"}]'
    with serving(good) as server:
        made(endpoint(server.url), prompts=[talk], seeds=[0])
        assert all(json.loads(key)["messages"] == json.loads(talk) for key in server.asked)
        with pytest.raises(InputError, match="messages need the chat route"):
            made(endpoint(server.url, route="completions"), prompts=[talk], folder="other")


def test_from_the_shell(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(good) as server:
        monkeypatch.setitem(names.ENDPOINTS, "vllm", server.url)
        asked = ("measure", "--use-case", "small.toml", "-t", "0.2,0.9", "--seeds", "3", "--model", "vllm/m")
        ran = cli(*asked, "-M", "prompt_price=1", "-M", "completion_price=2", "--run", "kept")
        assert ran.code == 0, ran.err
        assert "independent for every setting" in " ".join(ran.out.split())
        assert "36 requests" in ran.out
        again = cli(*asked, "--run", "other", "--json")
        assert "36 answers were kept from before; -M cache=false asks again" in again.err
        assert json.loads(again.out)["shared_noise"] is False
        assert sum(server.asked.values()) == 36
        report = cli("report", "kept", "-o", "page.html")
        assert report.code == 0, report.err
        assert "same noise" not in Path("page.html").read_text()
        for options, says in (
            (("--max-rows", "4"), "--max-rows is for a model that runs here; vllm/m does not"),
            (("--params", "model"), "--params model is for a model that runs here"),
            (("-M", "at_one=3"), "-M at_one is unknown for an endpoint (did you mean 'at_once'?)"),
        ):
            refused = cli(*asked, *options)
            assert (refused.code, refused.out) == (2, "")
            assert says in refused.err
            assert refused.err.count("\n") == 1
