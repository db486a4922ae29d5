"""The endpoint source against a real llama.cpp server that runs the bundled model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.llama_server import llama_server
from thermoscope import load_model, run
from thermoscope.decode.generate import generate
from thermoscope.errors import EndpointError
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint

pytest.importorskip("xllamacpp", reason="xllamacpp is for development: pip install .[dev]")
pytestmark = [pytest.mark.server, pytest.mark.slow]

PROMPT = "Once upon a time"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with llama_server(tmp_path_factory.mktemp("llama")) as address:
        yield address


def endpoint(url: str, **how: object) -> Endpoint:
    return Endpoint("llama-cpp", base_url=url, route="completions", **how)  # type: ignore[arg-type]


def test_greedy_texts_are_those_of_the_same_model_here(url: str) -> None:
    greedy = SamplingParams(temperature=0)
    theirs = endpoint(url).samples([PROMPT], [greedy], [0], max_new_tokens=30)[0]
    ours = generate(load_model(), PROMPT, greedy, max_new_tokens=30)[0]
    assert theirs.text == ours.text
    assert theirs.token_ids == ours.text_token_ids
    assert theirs.text_ends == ours.text_ends[: len(theirs.token_ids)]
    assert theirs.logprobs == pytest.approx(ours.logprobs[: len(theirs.logprobs)], abs=1e-2)


def test_log_probabilities_are_the_models_own_whatever_the_temperature(url: str) -> None:
    """First tokens of many seeds at T=2: each has the log-probability that it has at T=1."""
    hot = SamplingParams(temperature=2.0)
    model = load_model()
    own = model.next_token_logits(PROMPT).log_softmax(dim=-1)
    for sample in endpoint(url).samples([PROMPT], [hot], range(20), max_new_tokens=1):
        assert sample.logprobs[0] == pytest.approx(float(own[sample.token_ids[0]]), abs=1e-2)


def test_many_requests_are_answered_once_each(url: str, tmp_path: Path) -> None:
    settings = [SamplingParams(temperature=t) for t in (0.3, 0.8, 1.3)]
    of = endpoint(url, cache=tmp_path / "answers.sqlite", limits=Limits(at_once=8))
    samples = of.samples([PROMPT, "The dragon"], settings, range(10), max_new_tokens=8)
    assert len(samples) == 60
    assert of.usage.requests == 60
    assert {sample.finish_reason for sample in samples} <= {"length", "end_of_text"}
    assert all(len(sample.token_ids) <= 8 for sample in samples)


def test_a_stop_string_ends_a_text(url: str) -> None:
    greedy = SamplingParams(temperature=0)
    text = endpoint(url).samples([PROMPT], [greedy], [0], max_new_tokens=30)[0].text
    word = text.split()[3]
    cut = endpoint(url).samples([PROMPT], [greedy], [0], max_new_tokens=30, stop=word)[0]
    assert cut.text == text[: text.index(word)]


def test_the_server_takes_what_is_passed_on_of_thinking(url: str) -> None:
    setting = SamplingParams(temperature=0, reasoning_effort="low", thinking_budget=8)
    of = Endpoint("llama-cpp", base_url=url, route="chat")
    plain, thinking = of.samples(["Once"], [SamplingParams(temperature=0), setting], [0], max_new_tokens=5)
    assert of.fields(setting)["thinking_budget_tokens"] == 8
    assert thinking.text == plain.text  # this model does not think


def test_what_the_server_refuses_is_one_line(url: str) -> None:
    with pytest.raises(EndpointError, match=r"status 400") as caught:
        endpoint(url, extra={"grammar": "root ::= ["}).samples([PROMPT], [SamplingParams()], [0], max_new_tokens=3)
    assert "\n" not in str(caught.value)


def test_a_greedy_run_measures_what_the_same_model_here_does(url: str, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(
        'title = "x"\nobjective = "creative"\n'
        + "".join(f'[[prompts]]\ntext = "{text}"\n' for text in (PROMPT, "The dragon", "One day"))
    )
    done = [
        run(
            source,
            tmp_path / "small.toml",
            [SamplingParams(temperature=0)],
            seeds=[0],
            max_new_tokens=30,
            folder=tmp_path / name,
        )
        for name, source in (("there", endpoint(url)), ("here", load_model()))
    ]
    assert done[0].texts()["text"] == done[1].texts()["text"]
    there, here = ({row["measure"]: row["mean"] for row in one.summary().to_pylist()} for one in done)
    assert there["perplexity"] == pytest.approx(here["perplexity"], rel=0.01)
    assert there["drift"] == pytest.approx(here["drift"], abs=0.02)
    for name in ("rep_4", "distinct_2", "compression_ratio"):
        assert there[name] == here[name]
