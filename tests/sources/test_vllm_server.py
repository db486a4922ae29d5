"""The real vLLM: the same greedy texts, ids and log-probabilities as ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sources.engine_server import engine_server, program
from thermoscope import SamplingParams, generate, load_model
from thermoscope.models.load import BUNDLED
from thermoscope.sources.endpoint import Endpoint

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(program("vllm") is None, reason="vLLM is not here (THERMOSCOPE_VLLM names a Python)"),
]
PROMPT = "Once upon a time"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with engine_server("vllm", BUNDLED) as address:
        yield address


def endpoint(url: str) -> Endpoint:
    return Endpoint("vllm", str(BUNDLED), base_url=url, route="completions", cache=None)


def test_greedy_texts_and_log_probabilities_are_ours(url: str) -> None:
    greedy = SamplingParams(temperature=0)
    there = endpoint(url).samples([PROMPT], [greedy], [0], max_new_tokens=12)[0]
    here = generate(load_model(), PROMPT, greedy, seeds=[0], max_new_tokens=12)[0]
    assert there.text == here.text
    assert there.logprobs == pytest.approx(here.logprobs, abs=1e-3)


def test_log_probabilities_do_not_depend_on_the_temperature(url: str) -> None:
    """They are the model's own: a token that is drawn at another temperature has the same."""
    of = endpoint(url)
    cold, hot = (of.samples([PROMPT], [SamplingParams(temperature=t)], [3], max_new_tokens=1)[0] for t in (0.01, 0.5))
    if cold.text == hot.text:
        assert cold.logprobs == pytest.approx(hot.logprobs, abs=1e-4)


def test_a_seed_gives_the_same_text_again(url: str) -> None:
    of, hot = endpoint(url), SamplingParams(temperature=1.2)
    first = [sample.text for sample in of.samples([PROMPT], [hot], range(6), max_new_tokens=12)]
    assert [sample.text for sample in of.samples([PROMPT], [hot], range(6), max_new_tokens=12)] == first
    assert len(set(first)) > 1
