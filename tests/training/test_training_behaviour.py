from pathlib import Path

import pytest
from training.export import export, newest
from training.trainer import Recipe, Trainer

from thermoscope import Sample, SamplingParams
from training import behaviour


@pytest.fixture
def exported(run: Path, tmp_path: Path) -> Path:
    trainer = Trainer(run, Recipe(width=64, layers=1, context=64, batch_size=4, warmup=3, precision="fp32"))
    for _ in range(10):
        trainer.train_step()
    trainer.save()
    export(run, newest(run), tmp_path / "bundled")
    return tmp_path / "bundled"


def sample(prompt: str, seed: int, ids: list[int]) -> Sample:
    each = (-1.0,) * len(ids)
    ones = (1,) * len(ids)
    return Sample(prompt, SamplingParams(), seed, "", tuple(ids), "end_of_text", each, each, each, ones, ones, 1)


def test_measures_by_hand() -> None:
    """Their last token is the end of text, which measures leave out; three tokens are too few to loop."""
    texts = [sample("a", 0, [1, 2, 3, 0]), sample("a", 1, [1, 2, 4, 0]), sample("b", 0, [5, 6] * 4 + [0])]
    measured = behaviour.measure(texts)
    assert measured["distinct_2"] == pytest.approx((3 / 4 + 2 / 7) / 2)
    assert measured["rep_4"] == pytest.approx(1 - 2 / 5)
    assert measured["loop_rate"] == 1
    assert measured["perplexity"] == pytest.approx(2.718281828)
    assert measured["ended"] == 1
    assert behaviour.measure(texts[:2])["loop_rate"] is None


def test_behaviour_of_a_tiny_model(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behaviour, "TEMPERATURES", (0.2, 1.2))
    monkeypatch.setattr(behaviour, "SHOWN_TEMPERATURES", (0.0, 1.2))
    result = behaviour.behaviour(exported, seeds=2, max_length=60)
    assert [(row["kind"], row["temperature"]) for row in result["rows"]] == [
        (kind, temperature) for temperature in (0.2, 1.2) for kind in ("stories", "explanations", "both")
    ]
    low, high = (row for row in result["rows"] if row["kind"] == "both")
    assert low["perplexity"] < high["perplexity"]
    assert low["distinct_2"] < high["distinct_2"]
    assert len(result["texts"]) == 2 * len(behaviour.SHOWN_PROMPTS)
    assert behaviour.behaviour(exported, seeds=2, max_length=60) == result
