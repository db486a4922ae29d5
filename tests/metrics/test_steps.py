"""Measures over temperature: equal to the measures of the generated texts, and by hand."""

from __future__ import annotations

import json
import statistics

import numpy as np
import pytest

from tests.fakes import FakeModel
from thermoscope import InputError, generate, spectrum
from thermoscope.metrics.steps import GROUP_MEASURES, STEPWISE_MEASURES, step_measures
from thermoscope.metrics.table import measure_text
from thermoscope.metrics.texts import Texts


@pytest.fixture(scope="module")
def spectra():
    return spectrum(FakeModel(end_bias=3.0), ["A", "B"], seeds=range(3), max_new_tokens=20, resolution=0)


@pytest.mark.slow
def test_at_any_temperature_it_is_the_mean_over_generated_texts(spectra):
    model = FakeModel(end_bias=3.0)
    steps = step_measures(spectra)
    assert steps.exact_share == pytest.approx(1)
    for t in (0.0, 1.5, *np.random.default_rng(0).uniform(0, 1.5, 25).tolist()):
        params = spectra[0].params.replace(temperature=t)
        texts = generate(model, ["A", "B"], params, seeds=range(3), max_new_tokens=20)
        for name, mean in steps(t).items():
            if name in GROUP_MEASURES:
                continue
            values = [v for text in texts if (v := measure_text(text)[name]) is not None]
            if values:
                average = statistics.geometric_mean if STEPWISE_MEASURES[name].scale == "log" else statistics.fmean
                assert mean == pytest.approx(average(values), rel=1e-5)
            else:
                assert mean is None


def test_measures_of_a_prompts_texts_together_are_those_of_the_generated_texts(spectra, monkeypatch):
    model = FakeModel(end_bias=3.0)
    monkeypatch.setattr("thermoscope.metrics.steps._MOST_TOKENS", 600)  # so that several turns are needed
    steps = step_measures(spectra)
    assert {"distinct_1", "distinct_2", "self_bleu", "self_repetition", "agreement"} <= set(steps.functions)
    assert "compression_ratio" not in steps.functions
    for t in (0.0, 1.5, *np.random.default_rng(1).uniform(0, 1.5, 15).tolist()):
        params = spectra[0].params.replace(temperature=t)
        texts = Texts.from_samples(generate(model, ["A", "B"], params, seeds=range(3), max_new_tokens=20), length=20)
        for name, measure in GROUP_MEASURES.items():
            values = measure.of(texts)
            assert len(values) == 2
            known = values[np.isfinite(values)]
            assert steps(t)[name] == (pytest.approx(known.mean()) if len(known) else None)
    assert set(steps.functions["self_bleu"].count) <= {0, 1, 2}


def test_the_band_is_over_spectra(spectra):
    steps = step_measures(spectra, ["entropy"])
    function = steps.functions["entropy"]
    assert len(function.mean) == len(steps.borders) - 1
    t = 0.8
    piece = int(np.searchsorted(steps.borders, t)) - 1
    values = [measure_text(s.at(t))["entropy"] for s in spectra]
    assert (function.low[piece], function.high[piece]) == pytest.approx(tuple(np.quantile(values, [0.1, 0.9])))
    assert function.count[piece] == 6


def test_one_spectrum_has_no_band(spectra):
    steps = step_measures(spectra[0])
    assert set(steps.functions) == set(STEPWISE_MEASURES)
    assert set(step_measures(spectra[0], ["self_bleu"]).functions["self_bleu"].mean) == {None}
    assert set(steps.functions["tokens"].low) == {None}
    assert steps.spectra == 1
    assert steps.borders == (0.0, *(leaf.high for leaf in spectra[0].leaves))


def test_what_is_unknown_is_unknown():
    found = spectrum(FakeModel(end_bias=1000.0), "A", max_new_tokens=3)
    steps = step_measures(found)
    assert steps(0.5)["rep_4"] is None
    assert steps.functions["rep_4"].count == (0,)
    assert json.loads(steps.to_json())["measures"]["rep_4"]["mean"] == [None]


def test_bad_input(spectra):
    with pytest.raises(InputError, match="spectra must not be empty"):
        step_measures([])
    with pytest.raises(InputError, match="unknown measure 'heat'; the measures are rep_2"):
        step_measures(spectra, ["heat"])
    other = spectrum(FakeModel(), "A", temperature=(0, 1), max_new_tokens=3)
    with pytest.raises(InputError, match="must have one range of temperatures"):
        step_measures([*spectra, *other])
    with pytest.raises(InputError, match=r"must be in the range 0 to 1\.5; got 2"):
        step_measures(spectra)(2)


def test_perplexity_is_averaged_as_its_logarithm(spectra):
    function = step_measures(spectra, ["perplexity"]).functions["perplexity"]
    steps = step_measures(spectra, ["perplexity"])
    values = [measure_text(s.at(0.8))["perplexity"] for s in spectra]
    assert steps(0.8)["perplexity"] == pytest.approx(np.exp(np.log(values).mean()))
    assert np.exp(np.log(values).mean()) < np.mean(values) * 0.999
    piece = int(np.searchsorted(steps.borders, 0.8)) - 1
    assert function.low[piece] == pytest.approx(np.exp(np.quantile(np.log(values), 0.1)))
