"""What the playground's API answers, against the library itself."""

from __future__ import annotations

import asyncio
import io
import math
import shlex
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
import torch

import thermoscope
from tests.web.serving import events, parsed, served
from thermoscope import SamplingParams
from thermoscope.errors import InputError
from thermoscope.settings.stages import OPAQUE, PARAMETERS, STAGES
from thermoscope.web.jobs import Jobs
from thermoscope.web.schemas import NextToken

PROMPT = "Once upon a time"
SETTING: dict[str, Any] = {"temperature": 0.7, "top_p": 0.9, "repetition_penalty": 1.2}


@pytest.fixture(scope="module")
def model() -> thermoscope.Model:
    return thermoscope.load_model()


def test_the_state_has_every_stage_and_parameter(client: httpx.Client) -> None:
    state = client.get("/api/state").json()
    assert [stage["name"] for stage in state["stages"]] == list(SamplingParams().order)
    assert {p["name"] for stage in state["stages"] for p in stage["parameters"]} == set(PARAMETERS) - set(OPAQUE)
    assert set(state["order"]) == set(STAGES)
    assert state["models"][0]["name"] == "bundled"


def test_the_server_is_there_before_what_models_need_is_imported() -> None:
    code = "import sys, thermoscope.web.server; print('torch' in sys.modules, 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["False"] * 2


def test_a_model_is_ready_once_it_was_asked(client: httpx.Client) -> None:
    client.post("/api/next-token", json={"prompt": PROMPT}).raise_for_status()
    (model,) = client.get("/api/models").json()
    assert (model["name"], model["loading"], model["ready"]) == ("bundled", False, True)


def test_a_next_token_is_what_the_library_says(client: httpx.Client, model: thermoscope.Model) -> None:
    asked = {"prompt": PROMPT, "settings": SETTING, "top": 50, "tokens": [12, 483]}
    answer = client.post("/api/next-token", json=asked).json()
    context = [*model.encode_prompt(PROMPT), 12, 483]
    logits = model.rows(capacity=1, length=len(context)).add([context])
    setting = SamplingParams(**SETTING)
    wanted = thermoscope.probabilities(logits, setting, prompt_ids=[context[:-2]], output_ids=[context[-2:]])[0]
    for row in answer["tokens"]:
        assert row["logit"] == pytest.approx(float(logits[0, row["id"]]), abs=1e-4)
        assert row["probabilities"][-1] == pytest.approx(float(wanted[row["id"]]), abs=1e-6)
        assert row["text"] == model.decode([row["id"]])
    assert [row["rank"] for row in answer["tokens"]] == sorted(row["rank"] for row in answer["tokens"])
    assert [stage["name"] for stage in answer["stages"]] == ["model", "repetition", "temperature", "top_p"]
    assert answer["stages"][-1]["survivors"] == int((wanted > 0).sum())
    assert sum(r["probabilities"][0] for r in answer["tokens"]) + answer["stages"][0]["tail"] == pytest.approx(1)
    assert answer["pieces"] == [model.decode([12]), model.decode([483])]


def test_many_at_once_are_answered_as_each_alone(client: httpx.Client, model: thermoscope.Model) -> None:
    asked = [{"prompt": f"{PROMPT}, {number}", "settings": {"temperature": 0.5 + number / 8}} for number in range(8)]
    wrong: list[dict[str, Any]] = [{"prompt": PROMPT, "tokens": [10**6]}, {"prompt": PROMPT, "model": "other"}]

    def ask(body: dict[str, Any]) -> httpx.Response:
        return client.post("/api/next-token", json=body)

    with ThreadPoolExecutor(10) as pool:
        *answers, first, second = pool.map(ask, asked + wrong)
    assert (first.status_code, second.status_code) == (400, 400)
    for body, answer in zip(asked, answers, strict=True):
        logits = model.next_token_logits(str(body["prompt"]))
        for row in answer.json()["tokens"][:20]:
            assert row["logit"] == pytest.approx(float(logits[row["id"]]), abs=1e-4)


def test_an_answer_has_the_form_that_is_promised(client: httpx.Client) -> None:
    asked = {"prompt": PROMPT, "settings": SETTING, "tokens": [12], "top": 1000}
    answer = client.post("/api/next-token", json=asked)
    promised = NextToken.model_validate_json(answer.content, strict=True)
    assert promised.model_dump() == answer.json()  # nothing more, nothing less


def test_what_waits_together_is_answered_together() -> None:
    together: list[list[int]] = []

    def answers(numbers: list[int]) -> list[int]:
        together.append(numbers)
        if 3 in numbers:
            raise InputError("three")
        return [10 * number for number in numbers]

    async def ask() -> list[Any]:
        jobs, free = Jobs(), threading.Event()
        first = asyncio.ensure_future(jobs.short(free.wait))
        await asyncio.sleep(0)
        others = [asyncio.ensure_future(jobs.together(n, answers)) for n in range(5)]
        await asyncio.sleep(0)
        free.set()
        await first
        try:
            return await asyncio.gather(*others, return_exceptions=True)
        finally:
            jobs.shut()

    found = asyncio.run(ask())
    assert together == [[0, 1, 2, 3, 4], [0], [1], [2], [3], [4]]  # each is told of its own fault
    assert str(found.pop(3)) == "three"
    assert found == [0, 10, 20, 40]


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 1.5, 3.0])
def test_the_tail_gives_the_mass_at_any_temperature(
    client: httpx.Client, model: thermoscope.Model, temperature: float
) -> None:
    answer = client.post("/api/next-token", json={"prompt": PROMPT, "top": 20}).json()
    logits = model.next_token_logits(PROMPT).double() / temperature
    p = torch.softmax(logits, dim=0)
    listed = [row["id"] for row in answer["tokens"]]
    top = sum(math.exp(row["logit"] / temperature) for row in answer["tokens"])
    tail = sum(one["count"] * math.exp(one["logit"] / temperature) for one in answer["tail"])
    assert sum(one["count"] for one in answer["tail"]) + len(listed) == model.vocabulary
    assert tail / (top + tail) == pytest.approx(1 - float(p[listed].sum()), rel=0.02, abs=1e-9)


def test_draws_follow_the_distribution(client: httpx.Client, model: thermoscope.Model) -> None:
    counts = client.post("/api/draws", json={"prompt": PROMPT, "settings": SETTING, "draws": 1000}).json()["counts"]
    ids = model.encode_prompt(PROMPT)
    p = thermoscope.probabilities(
        model.next_token_logits(PROMPT)[None], SamplingParams(**SETTING), prompt_ids=[ids], output_ids=[[]]
    )[0].numpy()
    assert sum(number for _, number in counts) == 1000
    assert all(p[token] > 0 for token, _ in counts)
    expected = np.array([p[token] * 1000 for token, _ in counts])
    seen = np.array([number for _, number in counts])
    often = expected >= 5
    # chi-square of at most 10 cells: beyond 40 in less than one case in 10,000
    assert float((((seen - expected) ** 2 / expected)[often]).sum()) < 40


def test_a_text_comes_token_by_token_and_is_the_librarys(client: httpx.Client, model: thermoscope.Model) -> None:
    asked: dict[str, Any] = {"prompt": PROMPT, "settings": SETTING, "seed": 3, "max_new_tokens": 12}
    (wanted,) = thermoscope.generate(model, PROMPT, SamplingParams(**SETTING), seeds=[3], max_new_tokens=12)
    found = events(client, "/api/text", asked)
    tokens = [data for name, data in found if name == "token"]
    assert [token["id"] for token in tokens] == list(wanted.token_ids)
    assert "".join(token["text"] for token in tokens) == wanted.text
    assert found[-1][0] == "result"
    assert found[-1][1]["sample"]["text"] == wanted.text
    begun = events(client, "/api/text", asked | {"tokens": list(wanted.token_ids[:5]), "max_new_tokens": 7})
    assert [data["id"] for name, data in begun if name == "token"] == list(wanted.token_ids[5:])
    for result, told in ((found[-1][1], False), (begun[-1][1], True)):
        page = client.get(f"/api/results/{result['id']}/report.html").text
        assert wanted.text.split(".")[0].strip() in page
        assert ("the first 5 tokens were chosen" in page) == told


def test_settings_side_by_side_share_their_noise_or_not(client: httpx.Client) -> None:
    asked: dict[str, Any] = {
        "prompt": PROMPT, "settings": {"one": {"temperature": 0.9}, "same": {"temperature": 0.9, "top_k": 4000}},
        "max_new_tokens": 8, "seeds": 2,
    }  # fmt: skip
    found = events(client, "/api/compare", asked)
    texts = {(d["setting"], d["seed"]): d["sample"]["text"] for name, d in found if name == "text"}
    assert texts[0, 0] == texts[1, 0]
    assert texts[0, 1] == texts[1, 1]
    (comparison,) = found[-1][1]["comparisons"]
    assert len(comparison["texts"]) == 4
    page = client.get(f"/api/results/{found[-1][1]['ids'][0]}/report.html")
    assert client.get(f"/api/results/{found[-1][1]['ids'][0]}/report.html?language=xx").text == page.text
    korean = client.get(f"/api/results/{found[-1][1]['ids'][0]}/report.html?language=ko").text
    assert '<html lang="ko"' in korean and '<html lang="en"' in page.text
    assert page.status_code == 200
    assert "attachment" in page.headers["content-disposition"]
    apart = events(client, "/api/compare", asked | {"shared_noise": False})
    assert {(d["setting"], d["seed"]) for name, d in apart if name == "text"} == {(0, 0), (0, 1), (1, 2), (1, 3)}
    assert len(apart[-1][1]["comparisons"]) == 2
    reports = client.get(f"/api/results/{','.join(map(str, apart[-1][1]['ids']))}/reports.zip")
    with zipfile.ZipFile(io.BytesIO(reports.content)) as file:
        assert file.namelist() == ["1.html", "2.html"]
        assert all(PROMPT in file.read(name).decode() for name in file.namelist())
    assert client.get("/api/results/999/reports.zip").status_code == 400


@pytest.mark.parametrize("shared", [True, False])
def test_a_comparison_goes_on_from_what_stands(client: httpx.Client, shared: bool) -> None:
    asked: dict[str, Any] = {
        "prompt": PROMPT, "settings": {"one": {"temperature": 0.9}, "two": {"temperature": 1.3, "top_p": 0.9}},
        "seeds": 2, "shared_noise": shared,
    }  # fmt: skip
    whole = events(client, "/api/compare", asked | {"max_new_tokens": 9})
    first = events(client, "/api/compare", asked | {"max_new_tokens": 4})[-1][1]
    assert first["goes_on"]
    again = events(client, "/api/compare", asked | {"max_new_tokens": 9, "earlier": first["ids"]})
    ours, theirs = ([text for each in made[-1][1]["comparisons"] for text in each["texts"]] for made in (again, whole))
    assert [text["token_ids"] for text in ours] == [text["token_ids"] for text in theirs]
    assert [text["measures"] for text in ours] == [pytest.approx(text["measures"], abs=1e-4) for text in theirs]
    assert [each["effective"] for each in again[-1][1]["comparisons"]] == [
        each["effective"] for each in whole[-1][1]["comparisons"]
    ]
    told = ["".join(data["text"] for name, data in made if name == "token") for made in (again, whole)]
    assert 0 < len(told[0]) < len(told[1])
    for earlier, said in (([10**6], "not kept"), ([first["ids"][0]] * 3, "one comparison's")):
        name, data = events(client, "/api/compare", asked | {"earlier": earlier})[-1]
        assert (name, said in data["error"]) == ("error", True)


def test_a_distribution_has_a_report_where_it_is_a_prompts(client: httpx.Client, model: thermoscope.Model) -> None:
    ids = model.encode_prompt(f"{PROMPT} there was")
    start = model.encode_prompt(PROMPT)
    asked: dict[str, Any] = {"prompt": PROMPT, "tokens": ids[len(start) :], "settings": SETTING, "seed": 3}
    page = client.post("/api/next-token/report", json=asked)
    assert page.status_code == 200
    assert "attachment" in page.headers["content-disposition"]
    assert f"{PROMPT} there was" in page.text
    (first,) = model.encode_prompt("the")[-1:]
    letters = [model.encode_prompt(letter)[-1] for letter in "the"]
    assert [first] != letters
    refused = client.post("/api/next-token/report", json=asked | {"prompt": "x", "tokens": letters})
    assert refused.status_code == 400
    assert "as a prompt this text is other tokens" in refused.json()["error"]


def test_a_spectrum_grows_and_ends(client: httpx.Client, model: thermoscope.Model) -> None:
    found = events(client, "/api/spectrum", {"prompt": PROMPT, "max_new_tokens": 4})
    (wanted,) = thermoscope.spectrum(model, PROMPT, max_new_tokens=4)
    result = found[-1][1]
    assert [leaf["text"] for leaf in result["leaves"]] == [leaf.text for leaf in wanted.leaves]
    assert sorted(d["text"] for name, d in found if name == "leaf") == sorted(leaf.text for leaf in wanted.leaves)
    assert [fork["temperature"] for fork in result["forks"]] == [fork.temperature for fork in wanted.forks]


def test_the_temperature_of_a_text(client: httpx.Client, model: thermoscope.Model) -> None:
    (text,) = thermoscope.generate(model, PROMPT, SamplingParams(temperature=0.5), max_new_tokens=150)
    result = events(client, "/api/temperature", {"texts": [text.text], "prompt": PROMPT})[-1]
    assert result[0] == "result"
    assert result[1]["low"] < 0.6 < 0.9 > result[1]["temperature"]
    page = client.get(f"/api/results/{result[1]['id']}/report.html").text
    assert f"{result[1]['temperature']:.3f}" in page
    assert page.count("<polyline") == 1
    assert page.count('<tr><th scope="row">') == 5 + len(result[1]["curve"])
    name, data = events(client, "/api/temperature", {"texts": ["Hi"]})[-1]
    assert (name, "at least" in data["error"]) == ("error", True)


def test_a_setting_for_every_engine_as_a_command_and_as_python(client: httpx.Client) -> None:
    answer = client.post("/api/export", json={"prompt": "it's", "settings": SETTING}).json()
    assert {one["engine"] for one in answer["engines"]} >= {"vllm", "llama.cpp", "transformers", "ollama"}
    assert shlex.split(answer["command"]) == [
        "thermoscope", "compare", "--repetition-penalty", "1.2", "--temperature", "0.7", "--top-p", "0.9", "--", "it's",
    ]  # fmt: skip
    names: dict[str, Any] = {}
    exec(answer["python"].split("for sample")[0].replace("thermoscope.load_model()", "None"), names)
    assert names["setting"] == SamplingParams(**SETTING)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("next-token", {"prompt": ""}, "prompt"),
        ("next-token", {"prompt": "x", "top": 0}, "top"),
        ("next-token", {"prompt": "x", "settings": {"temprature": 1}}, "did you mean 'temperature'"),
        ("next-token", {"prompt": "x", "settings": {"top_p": 2}}, "top_p must be"),
        ("next-token", {"prompt": "x", "tokens": [10**9]}, "tokens must be ids"),
        ("next-token", {"prompt": "x", "model": "gpt2"}, "model must be one of bundled"),
        ("next-token", {"prompt": "word " * 600}, "context"),
        ("next-token", {"prompt": "x", "more": 1}, "more"),
        ("draws", {"prompt": "x", "draws": 10**9}, "draws"),
        ("compare", {"prompt": "x", "settings": {}}, "settings"),
        ("export", {"settings": {"order": ["nothing"]}}, "order"),
    ],
)
def test_bad_requests_are_one_line(client: httpx.Client, path: str, body: dict[str, Any], said: str) -> None:
    answer = client.post(f"/api/{path}", json=body)
    assert answer.status_code in (400, 422)
    assert said in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_errors_of_streams_are_events(client: httpx.Client) -> None:
    for path in ("text", "spectrum"):
        body = {"prompt": "x", "settings": {"top_p": 2}}
        assert events(client, f"/api/{path}", body)[-1][0] == "error"
    name, data = events(client, "/api/audit", {})[-1]
    assert (name, "needs an endpoint" in data["error"]) == ("error", True)
    name, data = events(client, "/api/recommend", {})[-1]
    assert (name, data["error"]) == ("error", "give prompts or a use case, one of them")


def test_runs_are_listed_opened_resumed_and_deleted(tmp_path: Path, model: thermoscope.Model) -> None:
    runs = tmp_path / "runs"
    with served(runs) as address, httpx.Client(base_url=address, timeout=60) as client:
        assert client.get("/api/runs").json() == []
        thermoscope.run(
            model, "creative-story", [SamplingParams(temperature=t) for t in (0.5, 1)], max_new_tokens=5,
            folder=runs / "one",
        )  # fmt: skip
        (run,) = client.get("/api/runs").json()
        assert (run["run"], run["state"]) == ("one", "complete")
        detail = client.get("/api/runs/one").json()
        assert detail["findings"]
        assert detail["command"].startswith("thermoscope measure")
        assert events(client, "/api/runs/one/resume", {})[-1] == ("result", {"run": "one", "complete": True})
        first = client.request("DELETE", "/api/runs/one", json={}).json()
        assert first["deleted"] is False
        assert (runs / "one").is_dir()
        wrong = client.request("DELETE", "/api/runs/one", json={"confirm": "yes"}).json()
        assert wrong["deleted"] is False
        assert client.request("DELETE", "/api/runs/one", json={"confirm": first["confirm"]}).json()["deleted"]
        assert not (runs / "one").exists()
        for name in ("one", "..", "%2e%2e", "a%2fb"):
            assert client.request("DELETE", f"/api/runs/{name}", json={}).status_code in (400, 404, 405)


def test_a_job_ends_when_its_page_goes(client: httpx.Client) -> None:
    asked = {"prompt": PROMPT, "settings": {str(n): {"temperature": 1 + n / 9} for n in range(6)}, "seeds": 8,
             "max_new_tokens": 400}  # fmt: skip
    with client.stream("POST", "/api/compare", json=asked) as answer:
        next(parsed(answer.iter_lines()))
    # the next job would wait for thousands of tokens if the first went on
    found = events(client, "/api/text", {"prompt": PROMPT, "max_new_tokens": 2})
    assert found[-1][0] == "result"


def test_short_requests_come_between_the_steps_of_a_job(client: httpx.Client) -> None:
    asked = {"prompt": PROMPT, "settings": {"a": {}}, "seeds": 8, "max_new_tokens": 400}
    with client.stream("POST", "/api/compare", json=asked) as answer:
        lines = parsed(answer.iter_lines())
        next(lines)
        assert client.post("/api/next-token", json={"prompt": "Another"}).status_code == 200
        assert next(lines)[0] in ("token", "progress", "text")  # it goes on


def test_jobs_wait_for_each_other_and_all_end(client: httpx.Client) -> None:
    def one(number: int) -> list[str]:
        body = {"prompt": PROMPT, "settings": {"a": {"temperature": 0.1 + number}}, "max_new_tokens": 10}
        return [name for name, _ in events(client, "/api/compare", body)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(8)))
    assert all(names[-1] == "result" for names in found)
    assert any(names[0] == "queued" for names in found)


def test_fifty_pages_at_once(client: httpx.Client) -> None:
    def one(number: int) -> int:
        body = {"prompt": f"Story number {number}", "settings": {"temperature": 0.5}}
        return client.post("/api/next-token", json=body).status_code

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(one, range(50))) == {200}
