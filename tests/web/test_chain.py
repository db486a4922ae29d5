"""The chain of stages in the page, in chromium, against the library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.report.browser import browser
from tests.web.paging import Visit

__all__ = ["browser"]
pytestmark = pytest.mark.browser

PLACE = {"prompt": "One day, a little girl named Lily found a", "tokens": [], "top": 256}
REPEATED = {"prompt": "The dog and the dog and the", "tokens": [483, 322, 259], "top": 256}
RUN = """async ([answer, setting, stages]) => {
    const chain = await import("/js/chain.js");
    return chain.run(chain.prepare(answer), setting, stages).map(({masses, ...stage}) => stage);
}"""
SETTINGS: list[dict[str, Any]] = [
    {"temperature": 0.0},
    {"temperature": 0.3},
    {"temperature": 1.9},
    {"temperature": 0.8, "dynatemp_range": 0.5, "dynatemp_exponent": 1.5},
    {"temperature": 1.3, "top_k": 7},
    {"temperature": 1.3, "top_p": 0.8},
    {"temperature": 0.9, "min_p": 0.05},
    {"temperature": 1.1, "typical_p": 0.6},
    {"temperature": 1.0, "epsilon_cutoff": 0.01},
    {"temperature": 1.2, "eta_cutoff": 0.02},
    {"temperature": 1.0, "top_a": 0.3},
    {"temperature": 1.5, "top_n_sigma": 1.2},
    {"temperature": 1.0, "mirostat_tau": 1.5},
    {"temperature": 1.0, "xtc_probability": 1.0, "xtc_threshold": 0.05},
    {"temperature": 1.4, "top_k": 20, "top_p": 0.9, "min_p": 0.02},
    {"temperature": 1.4, "top_p": 0.9, "min_p": 0.02, "order": "llama.cpp"},
]


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Iterator[Any]:
    with Visit(browser, address) as visit:
        yield visit.page


def asked(client: httpx.Client, place: dict[str, Any], setting: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/api/next-token", json={**place, "settings": setting})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def held_together(mine: list[dict[str, Any]], theirs: dict[str, Any], base: dict[str, Any]) -> None:
    """The page's stages are the library's, token by token where both list them."""
    wanted = {token["id"]: token["probabilities"] for token in theirs["tokens"]}
    assert [stage["name"] for stage in mine] == [stage["name"] for stage in theirs["stages"]]
    for at, (stage, library) in enumerate(zip(mine, theirs["stages"], strict=True)):
        for token, share in zip(base["tokens"], stage["probabilities"], strict=True):
            if token["id"] in wanted:
                assert share == pytest.approx(wanted[token["id"]][at], rel=2e-3, abs=1e-6)
        assert stage["removed_mass"] == pytest.approx(library["removed_mass"], rel=0.01, abs=1e-4)
        assert stage["entropy_nats"] == pytest.approx(library["entropy_nats"], rel=0.01, abs=1e-4)
        if library["survivors"] < 200:
            assert stage["survivors"] == library["survivors"]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_page_moves_bars_as_the_library_would(page: Any, client: httpx.Client, setting: dict[str, Any]) -> None:
    fires = {"xtc_probability": 1.0} if "xtc_probability" in setting else {}
    base = asked(client, PLACE, {"temperature": 1.0, **fires})
    theirs = asked(client, PLACE, setting)
    stages = [stage["name"] for stage in theirs["stages"][1:]]
    held_together(page.evaluate(RUN, [base, setting, stages]), theirs, base)


@pytest.mark.parametrize(
    "penalty",
    [{"repetition_penalty": 1.3}, {"presence_penalty": 0.7, "frequency_penalty": 0.4}, {"no_repeat_ngram_size": 2}],
    ids=str,
)
def test_stages_that_look_at_tokens_keep_what_the_server_said(
    page: Any, client: httpx.Client, penalty: dict[str, Any]
) -> None:
    base = asked(client, REPEATED, {"temperature": 1.0, "top_p": 0.95, **penalty})
    setting = {"temperature": 0.6, "top_p": 0.8, **penalty}
    theirs = asked(client, REPEATED, setting)
    stages = [stage["name"] for stage in theirs["stages"][1:]]
    held_together(page.evaluate(RUN, [base, setting, stages]), theirs, base)
