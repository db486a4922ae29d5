"""Runs on a real Ray cluster of two workers: the same folder, whoever makes it and whoever dies meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from tests.recommending.made import answer
from tests.runs.held import Held, model
from tests.runs.killed import PROMPTS, make
from tests.runs.on_cluster import TWO, carried_out
from tests.runs.test_run import same
from thermoscope.decode.progress import Progress
from thermoscope.errors import InputError
from thermoscope.runs.store import Store
from thermoscope.sources.cluster import Cluster
from thermoscope.sources.on_ray import spread_on
from thermoscope.sources.spread import Spread

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.filterwarnings("ignore::Warning")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A cluster of two cores on this machine, which belongs to this process meanwhile."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the two workers write down, and are told."""
    return tmp_path_factory.mktemp("orders")


@pytest.fixture(scope="module")
def two(cluster: None, orders: Path) -> Iterator[Spread]:
    """Two workers, which all tests of this module share: each takes seconds to start."""
    with spread_on(TWO, partial(Held, orders)) as source:
        yield source


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The run as this process makes it."""
    return make(str(tmp_path_factory.mktemp("here")))


def halved(store: Store, folder: Path) -> Path:
    """The folder of a run as a kill leaves it when half of the texts are there."""
    shutil.copytree(store.folder, folder)
    for path in (folder / "manifest.json", *sorted((folder / "texts").glob("*.parquet"))[3:]):
        path.unlink()
    return folder


def test_two_workers_make_the_same_folder_and_each_goes_on_with_the_others(
    two: Spread, here: Store, tmp_path: Path
) -> None:
    told: list[Progress] = []
    there = carried_out(two, tmp_path / "there", on_progress=told.append)
    assert same(there, here)
    assert same(carried_out(two, halved(here, tmp_path / "begun here")), here)
    assert told[-1].finished == 72 and 1 <= told[-1].workers <= 2
    assert same(make(str(halved(there, tmp_path / "begun there"))), here)


def test_a_killed_workers_pieces_are_made_again(two: Spread, orders: Path, here: Store, tmp_path: Path) -> None:
    (orders / "log").unlink(missing_ok=True)
    (orders / "kill").touch()
    store = carried_out(two, tmp_path / "run")
    assert same(store, here)
    process, _, lost = (orders / "killed").read_text(encoding="utf-8").partition(" ")
    begun = (orders / "log").read_text(encoding="utf-8").splitlines()
    assert {line.partition(" ")[2] for line in begun} == set(PROMPTS)
    again = [line for line in begun if line.endswith(f" {lost}")]  # the killed one had not written it down
    assert len(again) == 1
    assert not again[0].startswith(f"{process} ")


def test_a_cluster_that_dies_leaves_a_folder_that_another_goes_on_with(here: Store, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    driver = subprocess.Popen(
        [sys.executable, "-m", "tests.runs.on_cluster", str(folder), str(tmp_path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 200  # nothing is timed: a busy machine takes long to start a cluster
    while len(list(folder.glob("texts/*.parquet"))) < 2 and driver.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    everything = psutil.Process(driver.pid).children(recursive=True)
    for process in everything:
        process.kill()
    driver.kill()
    _, said = driver.communicate()
    psutil.wait_procs(everything, timeout=10)
    left = list(folder.glob("texts/*.parquet"))
    assert 2 <= len(left) < len(PROMPTS), said.decode()
    before = {path: path.stat().st_mtime_ns for path in left}
    assert same(make(str(folder)), here)
    assert {path: path.stat().st_mtime_ns for path in left} == before  # what was there is not made again


def test_more_than_the_cluster_has_is_refused(cluster: None) -> None:
    with pytest.raises(InputError, match="choose fewer workers"):
        spread_on(Cluster(workers=3), model)
    with pytest.raises(InputError, match="0 GPUs"):
        spread_on(Cluster(workers=1, gpus_per_worker=1), model)


def test_a_recommendation_made_by_two_workers_is_that_of_one_process(two: Spread, tmp_path: Path) -> None:
    there = answer(tmp_path / "there", two, max_rows=16)
    here = answer(tmp_path / "here", model(), max_rows=16)
    assert there.verdict == here.verdict == "picked"
    assert (there.setting, there.in_set, there.confirmed) == (here.setting, here.in_set, here.confirmed)
    names = sorted(path.relative_to(tmp_path / "here") for path in (tmp_path / "here").rglob("*.parquet"))
    assert names == sorted(path.relative_to(tmp_path / "there") for path in (tmp_path / "there").rglob("*.parquet"))
    assert all(pq.read_table(tmp_path / "there" / one).equals(pq.read_table(tmp_path / "here" / one)) for one in names)
