"""What every measure keeps to."""

from __future__ import annotations

import numpy as np
import pytest

from tests.contracts.documents import measures_page
from tests.handmade import sample
from thermoscope.metrics.registry import MEASURES, TEXT_MEASURES
from thermoscope.metrics.table import measure_text
from thermoscope.metrics.texts import Texts
from thermoscope.report.records.measures import shown

ROWS = [[], ["a"], [" x"] * 60, ["é", "漢", "🙂", "\ud800"], [f" w{i % 7}" for i in range(5000)], list("abcabdabe")]


@pytest.mark.parametrize("name", MEASURES)
def test_an_entry_is_whole(name: str) -> None:
    measure = MEASURES[name]
    assert measure.name == name
    assert measure.direction
    assert measure.source
    assert measure.meaning
    assert not measure.meaning.endswith(".")
    assert "\n" not in measure.meaning
    assert (measure.summary_name in shown()) == (measure.shown is not None)
    assert f"| `{name}` |" in measures_page()


def test_no_two_measures_have_one_place_in_reports() -> None:
    places = [m.shown for m in MEASURES.values() if m.shown is not None]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("name", MEASURES)
def test_degenerate_texts_are_within_bounds_or_unknown(name: str) -> None:
    texts = Texts.from_samples([sample(row, seed=i, prompt=str(i // 2)) for i, row in enumerate(ROWS)])
    values = MEASURES[name].of(texts)
    assert len(values) == {"text": len(ROWS), "group": 3, "setting": 1}[MEASURES[name].level]
    known = values[~np.isnan(values)]
    least, most = MEASURES[name].bounds
    assert ((known >= least - 1e-12) & (known <= most + 1e-12)).all()


@pytest.mark.parametrize("name", TEXT_MEASURES)
def test_a_text_measures_the_same_alone_and_among_others(name: str) -> None:
    samples = [sample(row, seed=i, logprob=-0.5 * i) for i, row in enumerate(ROWS)]
    texts = Texts.from_samples(samples, length=100_000)
    together = texts.in_given_order(MEASURES[name].of(texts))
    alone = [measure_text(s)[name] for s in samples]
    np.testing.assert_allclose(together, [np.nan if v is None else v for v in alone], rtol=1e-12)


@pytest.mark.parametrize("name", [n for n, m in MEASURES.items() if m.level != "text"])
def test_the_order_of_samples_makes_no_difference(name: str) -> None:
    rows = [[f" {(i * k) % 13}" for i in range(40)] for k in (1, 3, 5, 7)]
    samples = [sample(row, seed=k) for k, row in enumerate(rows)]
    forth, back = (MEASURES[name].of(Texts.from_samples(s)) for s in (samples, samples[::-1]))
    # deflate finds what it has seen before: in which order it sees it changes the bytes by a few per cent
    np.testing.assert_allclose(forth, back, rtol=0.05 if name == "compression_ratio" else 1e-12)
