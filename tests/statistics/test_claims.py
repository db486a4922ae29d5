"""Claims: verdicts from intervals, by hand; which temperatures stand for the article's; what is not tested, and why."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from thermoscope.settings.params import SamplingParams
from thermoscope.statistics.claims import Contrast, judge
from thermoscope.statistics.evidence import Cube


class Made:
    """Evidence with values made by hand: P prompts x S seeds, the same noise at every temperature."""

    def __init__(self, temperatures: list[float], **means: list[float]) -> None:
        self.settings: list[Any] = [SamplingParams(temperature=t) for t in temperatures]
        noise = np.random.default_rng(0).normal(size=(12, 8, 1)) * 0.01
        own = np.random.default_rng(1).normal(size=(12, 8, len(temperatures))) * 0.01
        scales = {"reference_distance": "log", "rep_4": "share", "drift": "linear"}
        self.cubes = {
            name: Cube(name, np.array(values) + noise + own, scales[name], "", "")  # type: ignore[arg-type]
            for name, values in means.items()
        }


def verdicts(made: Made, objective: str = "creative", reference: str = "") -> dict[str, str]:
    return {claim.name: claim.verdict for claim in judge(made, objective, reference)}  # type: ignore[arg-type]


FIVE = [0.2, 0.3, 0.5, 0.9, 1.2]


def test_the_articles_world() -> None:
    made = Made(
        FIVE,
        rep_4=[0.6, 0.5, 0.3, 0.1, 0.05],
        drift=[-0.3, -0.2, -0.1, 0.3, 0.5],
        reference_distance=[5.0, 4.0, 2.0, 1.0, 5.2],
    )
    assert verdicts(made) == {
        "low repeats": "holds",
        "middle balances": "holds",
        "high drifts": "holds",
        "too low is as bad as too high": "holds",
        "0.7 beats 0.9": "not tested",
    }


def test_a_world_where_they_do_not_hold() -> None:
    made = Made(
        FIVE,
        rep_4=[0.1, 0.1, 0.3, 0.5, 0.6],
        drift=[0.1, 0.1, 0.1, -0.3, -0.5],
        reference_distance=[9.0, 4.0, 2.0, 1.0, 2.0],
    )
    found = verdicts(made)
    assert {found[n] for n in ("low repeats", "high drifts", "too low is as bad as too high")} == {"does not hold"}


def test_what_cannot_be_told_is_called_so() -> None:
    made = Made(FIVE, rep_4=[0.2] * 5, drift=[0.0] * 5, reference_distance=[2.0] * 5)
    assert {v for name, v in verdicts(made).items() if name != "0.7 beats 0.9"} == {"can't be told"}


def test_effects_and_n_are_those_of_paired_differences() -> None:
    made = Made(FIVE, rep_4=[0.6, 0.5, 0.3, 0.1, 0.05], drift=[0.0] * 5)
    claim = judge(made, "creative", "the use case has no reference")[0]  # type: ignore[arg-type]
    contrast = claim.contrasts[0]
    values = made.cubes["rep_4"].values
    assert contrast.effect == pytest.approx((values[:, :, 1] - values[:, :, 3]).mean())
    assert (contrast.a, contrast.b, contrast.units, contrast.texts) == (0.9, 0.3, 12, 96)
    assert contrast.low is not None and contrast.high is not None
    assert contrast.low < contrast.effect < contrast.high
    json.dumps(claim.to_dict(), allow_nan=False)


def test_explanations() -> None:
    made = Made([0.3, 0.5, 0.7, 0.9], rep_4=[0.1] * 4, drift=[0.0] * 4, reference_distance=[2, 2, 1.0, 3.0])
    found = verdicts(made, "technical")
    assert found["0.7 beats 0.9"] == "holds"
    assert found["too low is as bad as too high"] == "not tested"


def test_why_a_claim_is_not_tested() -> None:
    def reasons(made: Made, reference: str = "") -> list[str]:
        return [claim.reason for claim in judge(made, "creative", reference)]  # type: ignore[arg-type]

    far = Made([0.6, 1.4], rep_4=[0.1, 0.1], drift=[0.0, 0.0])
    assert reasons(far)[0] == "the run has no temperature near 0.9; add T=0.9"
    bare = Made(FIVE, rep_4=[0.1] * 5, drift=[0.0] * 5)
    assert reasons(bare, "the use case has no reference")[3] == "the use case has no reference"
    assert reasons(bare)[4] == "it is about explanations; measure a use case such as technical-explanation"
    between = Made([0.2, 0.4, 0.9], rep_4=[0.1] * 3, drift=[0.0] * 3)
    assert reasons(between)[0] == "2 settings of the run are equally near T=0.3: T=0.2 and T=0.4; add T=0.3"
    coarse = Made([0.41, 0.9], rep_4=[0.1] * 2, drift=[0.0] * 2)
    assert reasons(coarse)[1] == "the run has no temperature near 0.3; add T=0.3"
    grid = Made([0.3, 0.9, 0.9], rep_4=[0.1] * 3, drift=[0.0] * 3)
    grid.settings = [SamplingParams(temperature=0.3), *(SamplingParams(temperature=0.9, top_k=k) for k in (None, 5))]
    assert reasons(grid)[0] == (
        "2 settings of the run are equally near T=0.9: T=0.9 top_k off and T=0.9 top_k=5; vary the temperature alone"
    )
    near = Made([0.26, 0.34, 0.9], rep_4=[0.1] * 3, drift=[0.0] * 3)
    assert reasons(near)[0].endswith("T=0.26 and T=0.34; add T=0.3")
    same = Made([0.4], rep_4=[0.1], drift=[0.0])
    assert reasons(same)[1] == "the run's nearest temperature to 0.5 and 0.3 is the same; add T=0.5 and T=0.3"
    grid = Made([0.9] * 9, rep_4=[0.1] * 9, drift=[0.0] * 9)
    grid.settings = [SamplingParams(temperature=0.9, top_k=k) for k in range(1, 10)]
    assert reasons(grid)[2].startswith("9 settings of the run are equally near T=0.9: T=0.9 top_k=1, T=0.9 top_k=2,")
    assert reasons(grid)[2].endswith("T=0.9 top_k=6 and 3 more; vary the temperature alone")


@pytest.mark.parametrize(
    ("claimed", "bounds", "low", "high", "verdict"),
    [
        ("above", (0.0,), 0.1, 0.3, "holds"),
        ("above", (0.0,), -0.1, 0.3, "can't be told"),
        ("above", (0.0,), -0.3, -0.1, "does not hold"),
        ("below", (1.0,), 0.2, 0.9, "holds"),
        ("below", (1.0,), 1.1, 2.0, "does not hold"),
        ("within", (0.5, 2.0), 0.6, 1.9, "holds"),
        ("within", (0.5, 2.0), 0.4, 1.9, "can't be told"),
        ("within", (0.5, 2.0), 2.1, 3.0, "does not hold"),
        ("above", (0.0,), None, None, "can't be told"),
    ],
)
def test_verdicts(claimed: Any, bounds: tuple[float, ...], low: float | None, high: float | None, verdict: str) -> None:
    assert Contrast("rep_4", 0.9, 0.3, claimed, bounds, 0.2, low, high, 12, 96).verdict == verdict
