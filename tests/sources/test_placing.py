"""Pieces given to workers that fail: none is lost, none is taken twice, and memory holds what is under way."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.fakes import FakeModel
from tests.sources.simulated import SimulatedWorkers
from thermoscope.decode.progress import Progress
from thermoscope.decode.sample import Sample
from thermoscope.errors import EndpointError, InputError, ModelError
from thermoscope.settings.params import SamplingParams
from thermoscope.sources.base import Batch
from thermoscope.sources.cluster import Cluster
from thermoscope.sources.local import LocalSource
from thermoscope.sources.on_ray import cores_each, default_workers
from thermoscope.sources.placing import ATTEMPTS, Outcome, place
from thermoscope.sources.spread import Spread


def placed(workers: SimulatedWorkers, pieces: int) -> Counter[int]:
    """How often each piece was taken."""
    taken: Counter[int] = Counter()
    place(workers, pieces, lambda number: workers.submit(number, str), lambda number, _: taken.update([number]))
    return taken


def test_two_hundred_workers_that_die_make_every_piece_once() -> None:
    workers = SimulatedWorkers(200, seconds=10.0, chance_of_death=0.05, away_s=60.0)
    assert placed(workers, 8000) == Counter(range(8000))
    assert workers.deaths > 200
    assert workers.most_pending <= 400
    assert workers.ideal_s(8000) / workers.clock > 0.9


def test_all_workers_may_be_away_at_once() -> None:
    workers = SimulatedWorkers(2, seconds=1.0, chance_of_death=0.5, away_s=50.0, seed=3)
    assert placed(workers, 12) == Counter(range(12))


def test_a_piece_that_kills_its_workers_is_given_up_and_all_others_are_made() -> None:
    workers = SimulatedWorkers(3, seconds=1.0, deadly=frozenset({4}))
    taken: list[int] = []
    with pytest.raises(ModelError, match="piece 4 of 9"):
        place(workers, 9, lambda number: workers.submit(number, str), lambda number, _: taken.append(number))
    assert sorted(taken) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert workers.deaths == ATTEMPTS


def test_an_error_begins_no_further_piece_and_keeps_those_under_way() -> None:
    workers = SimulatedWorkers(2, seconds=1.0, failing={5: EndpointError("refused")})
    taken: list[int] = []
    with pytest.raises(EndpointError, match="refused"):
        place(workers, 100, lambda number: workers.submit(number, str), lambda number, _: taken.append(number))
    assert {0, 1, 2, 3, 4} <= set(taken) and len(taken) < 12


class Here:
    """Workers that are this process, each with a source of its own, the last submitted coming first."""

    def __init__(self, *sources: Any) -> None:
        self.sources, self.waiting = list(sources), []

    alive = 2

    def submit(self, number: int, function: Any, *arguments: Any) -> None:
        self.waiting.append((number, function, arguments))

    def next(self) -> Any:
        number, function, arguments = self.waiting.pop()
        source = self.sources.pop(0)
        self.sources.append(source)
        return Outcome(number, function(source, *arguments))

    def close(self) -> None:
        self.closed = True


def fake(revision: str = "1") -> LocalSource:
    model = FakeModel(end_bias=3.0)
    model.revision = revision
    return LocalSource(model)


SETTINGS = (SamplingParams(temperature=0.5, top_k=300), SamplingParams(temperature=1.0))


def test_a_spread_source_gives_what_its_workers_make() -> None:
    here, workers = fake(), Here(fake(), fake())
    batches, twins = ([Batch(p, SETTINGS, (0, 1)) for p in ("a", "b", "c", "d", "e")] for _ in range(2))
    alone: dict[int, list[Sample]] = {}
    apart: dict[int, list[Sample]] = {}
    told: list[Progress] = []
    here.make(batches, max_new_tokens=8, max_rows=4, on_batch=lambda n, s: alone.update({n: list(s)}))
    with Spread(workers) as source:
        assert (source.name, source.revision, source.can) == (here.name, "1", here.can)
        assert source.settings(SETTINGS) == SETTINGS
        assert source.new_tokens(["a"], 7) == 7
        source.make(
            twins, max_new_tokens=8, max_rows=4, on_batch=lambda n, s: apart.update({n: list(s)}),
            on_progress=told.append,
        )  # fmt: skip
    assert workers.closed
    assert apart == alone
    assert list(apart) != sorted(apart)  # they came in another order
    assert (
        [b.effects.idle(SETTINGS[0]) for b in twins]
        == [b.effects.idle(SETTINGS[0]) for b in batches]
        == [("top_k",)] * 5
    )
    assert (told[-1].finished, told[-1].tokens, told[-1].workers) == (20, told[-1].most_tokens, 2)


def test_workers_with_other_weights_are_refused() -> None:
    with Spread(Here(fake(), fake(), fake(), fake("2"))) as source, pytest.raises(ModelError, match="revision '2'"):
        source.make([Batch("a", SETTINGS, (0,)) for _ in range(3)], max_new_tokens=2, max_rows=2)


def test_workers_fit_the_machines() -> None:
    two = [{"CPU": 8, "GPU": 2}, {"CPU": 4}]
    assert default_workers(two, 0) == 2
    assert default_workers(two, 0.5) == 4
    assert cores_each(two, 2, 0) == 4
    assert cores_each(two, 3, 0) == 4
    assert cores_each(two, 2, 1) == 4
    assert cores_each([{"CPU": 8}, {"CPU": 8}], 3, 0) == 4
    with pytest.raises(InputError, match="3 workers need a core and 1 GPUs each; the cluster has 12 cores, 2 GPUs"):
        cores_each(two, 3, 1)


@pytest.mark.parametrize(
    "wrong",
    [{"address": "10.0.0.1"}, {"workers": 0}, {"workers": True}, {"gpus_per_worker": -1}, {"gpus_per_worker": 1.5}],
)
def test_a_cluster_has_rules(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="got"):
        Cluster(**wrong)
