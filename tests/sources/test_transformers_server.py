"""The real ``transformers serve``: what it honours, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sources.engine_server import engine_server, program
from thermoscope import SamplingParams, compare, generate, load_model
from thermoscope.models.load import BUNDLED
from thermoscope.sources.client import Limits
from thermoscope.sources.endpoint import Endpoint

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(
        program("transformers") is None,
        reason="transformers' extra for serving is not here (THERMOSCOPE_TRANSFORMERS names a Python)",
    ),
]
PROMPT = "Once upon a time"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with engine_server("transformers", BUNDLED) as address:
        yield address


def endpoint(url: str) -> Endpoint:
    return Endpoint(
        "transformers", str(BUNDLED), base_url=url, route="completions", limits=Limits(at_once=1), cache=None
    )


def test_greedy_text_is_ours(url: str) -> None:
    greedy = SamplingParams(temperature=0)
    there = endpoint(url).samples([PROMPT], [greedy], [0], max_new_tokens=12)[0]
    here = generate(load_model(), PROMPT, greedy, seeds=[0], max_new_tokens=12)[0]
    assert there.text == here.text
    assert there.finish_reason == "length"


def test_parameters_beyond_temperature_and_top_p_are_honoured(url: str) -> None:
    """top_k=1 leaves one token at any temperature; the server's own fields have no such parameter."""
    of = endpoint(url)
    greedy = of.samples([PROMPT], [SamplingParams(temperature=0)], [0], max_new_tokens=12)[0]
    narrow = of.samples([PROMPT], [SamplingParams(temperature=1.5, top_k=1)], range(3), max_new_tokens=12)
    assert {sample.text for sample in narrow} == {greedy.text}


def test_a_seed_gives_the_same_text_again_and_others_differ(url: str) -> None:
    of, hot = endpoint(url), SamplingParams(temperature=1.2)
    first = [sample.text for sample in of.samples([PROMPT], [hot], range(4), max_new_tokens=12)]
    assert [sample.text for sample in of.samples([PROMPT], [hot], range(4), max_new_tokens=12)] == first
    assert len(set(first)) > 1


def test_a_text_ends_before_its_stop_string(url: str) -> None:
    of, greedy = endpoint(url), SamplingParams(temperature=0)
    whole = of.samples([PROMPT], [greedy], [0], max_new_tokens=20)[0].text
    word = whole.split()[3]
    cut = of.samples([PROMPT], [greedy], [0], max_new_tokens=20, stop=[word])[0]
    assert (cut.text, cut.finish_reason) == (whole[: whole.index(word)], "stop")


def test_what_it_does_not_give_is_said(url: str) -> None:
    of = endpoint(url)
    assert of.can.logprobs == "none"
    found = compare(of, PROMPT, [0.3, 0.9], max_new_tokens=8)
    assert found.complete
    assert any("counted in words" in note for note in found.ran.notes)
    assert any("-M at_once=1" in note for note in found.ran.notes)
