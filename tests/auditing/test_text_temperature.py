"""Texts of known settings, and texts that the model did not write."""

from __future__ import annotations

import json

import pytest

from thermoscope import InputError, SamplingParams, generate, load_model, temperature_of
from thermoscope.models.base import Model

PROMPT = "Once upon a time"
SETTINGS = [
    SamplingParams(temperature=0.3),
    SamplingParams(temperature=1.5),
    SamplingParams(min_p=0.05),
    SamplingParams(top_k=20),
]
PROSE = (
    "The committee approved the amended schedule of fees on 14 March 2019, subject to clause 7(b) of the lease. "
    "Notwithstanding the foregoing, the lessee shall indemnify the lessor against any liability arising from the use "
    "of the premises, except where such liability results from gross negligence. Payment falls due within thirty days "
    "of the invoice; interest accrues thereafter at four per cent per annum above the base rate of the central bank. "
    "Disputes are referred to arbitration in Geneva under the rules in force at the date of the request."
)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model()


@pytest.fixture(scope="module")
def texts(model: Model) -> dict[SamplingParams, list[str]]:
    """Four texts of 150 tokens at each setting."""
    made = [generate(model, PROMPT, SETTINGS, seeds=[seed], max_new_tokens=150) for seed in range(4)]
    return {setting: [samples[n].text for samples in made] for n, setting in enumerate(SETTINGS)}


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS[:2])
def test_a_plain_temperature_is_found(
    model: Model, texts: dict[SamplingParams, list[str]], setting: SamplingParams
) -> None:
    found = temperature_of(texts[setting][:3], model, prompt=PROMPT)
    cold = setting.temperature < 1
    assert found.truncation == ("can't be told" if cold else "none")  # the cold one kept within top_k 50
    assert found.low <= setting.temperature <= found.high
    assert found.high / found.low < 1.7
    assert found.author == "possible"
    assert ("can't be told" if cold else "no truncation seen") in found.finding
    assert found.rivals == (() if cold else ("top_p",))  # a hot text has tokens that were not drawn: as many as these
    assert ("(top_p can't be ruled out)" in found.finding) is not cold


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "family", "value"), [(SETTINGS[2], "min_p", 0.05), (SETTINGS[3], "top_k", 20)])
def test_a_truncation_is_found_with_the_temperature(
    model: Model, texts: dict[SamplingParams, list[str]], setting: SamplingParams, family: str, value: float
) -> None:
    found = temperature_of(texts[setting], model, prompt=PROMPT)
    assert found.truncation == family
    assert found.value == pytest.approx(value, rel=0.2)
    assert found.temperature == pytest.approx(1.0, abs=0.15)
    assert family in found.finding


def test_a_text_of_another_author_is_not_the_models(model: Model) -> None:
    found = temperature_of(PROSE, model)
    assert found.author == "unlikely"
    assert found.finding.startswith("bundled is not the author")


@pytest.mark.slow
def test_the_curve_shows_where_the_temperature_changed(model: Model) -> None:
    cold = generate(model, PROMPT, SamplingParams(temperature=0.4), seeds=[3], max_new_tokens=128)[0]
    before = PROMPT + cold.text
    hot = generate(model, before, SamplingParams(temperature=1.6), seeds=[1], max_new_tokens=128)[0]
    curve = temperature_of(cold.text + hot.text, model, prompt=PROMPT).curve
    assert [window.start for window in curve] == list(range(0, 32 * len(curve), 32))
    assert len(curve) >= 5
    assert curve[0].high < curve[-1].low


def test_it_is_the_same_each_time_and_as_json(model: Model, texts: dict[SamplingParams, list[str]]) -> None:
    text = texts[SETTINGS[1]][0]
    one, two = temperature_of([text], model, prompt=PROMPT), temperature_of(text, model, prompt=PROMPT)
    assert one == two
    assert json.loads(one.to_json())["temperature"] == one.temperature


@pytest.mark.parametrize("text", ["", "Hi", "é"])
def test_too_little_text_is_refused(model: Model, text: str) -> None:
    with pytest.raises(InputError, match="at least 10 tokens"):
        temperature_of(text, model)
