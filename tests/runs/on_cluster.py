"""Sources that workers of a cluster hold in tests, and a run by a driver that is killed with its cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.fakes import FakeModel
from tests.runs.killed import case, small
from thermoscope.runs.carry_out import carry_out
from thermoscope.runs.measure import Measuring
from thermoscope.runs.store import Store
from thermoscope.sources.base import Batch, Source
from thermoscope.sources.cluster import Cluster
from thermoscope.sources.local import LocalSource
from thermoscope.sources.on_ray import spread_on

TWO = Cluster(workers=2)


class SlowSource(LocalSource):
    """Takes its time for each batch, and writes down which process begins which."""

    def __init__(self, log: Path, seconds: float) -> None:
        super().__init__(FakeModel(end_bias=3.0))
        self.log, self.seconds = log, seconds

    def make(self, batches: Sequence[Batch], **how: Any) -> None:
        for batch in batches:
            with self.log.open("a", encoding="utf-8") as file:
                file.write(f"{os.getpid()} {batch.prompt}\n")
        time.sleep(self.seconds)
        super().make(batches, **how)


class KilledSource(SlowSource):
    """The same, whose process is killed in its second piece: once, whichever worker comes to one first."""

    def make(self, batches: Sequence[Batch], **how: Any) -> None:
        self.pieces = getattr(self, "pieces", 0) + 1
        if self.pieces == 2:
            with contextlib.suppress(FileExistsError), self.log.with_name("killed").open("x", encoding="utf-8") as file:
                file.write(f"{os.getpid()} {batches[0].prompt}")
                file.flush()
                os.kill(os.getpid(), signal.SIGKILL)
        super().make(batches, **how)


def fake_source() -> LocalSource:
    return LocalSource(FakeModel(end_bias=3.0))


def endless_source() -> LocalSource:
    return LocalSource(FakeModel())


def carried_out(source: Source, folder: Path, **how: Any) -> Store:
    """The small run, made by a source."""
    store = Store(folder)
    carry_out(source, small(FakeModel(end_bias=3.0)), store, Measuring(case()), **how)
    return store


if __name__ == "__main__":
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    with spread_on(TWO, partial(SlowSource, Path(sys.argv[2]), 1.5)) as slow:
        carried_out(slow, Path(sys.argv[1]))
