"""The small run made by workers of a cluster, also by a driver that is killed with its cluster."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.runs.held import Held, model
from tests.runs.killed import case, small
from thermoscope.runs.carry_out import carry_out
from thermoscope.runs.measuring import Measuring
from thermoscope.runs.store import Store
from thermoscope.sources.base import Source
from thermoscope.sources.cluster import Cluster
from thermoscope.sources.on_ray import spread_on

TWO = Cluster(workers=2)


def carried_out(source: Source, folder: Path, **how: Any) -> Store:
    """The small run, made by a source."""
    store = Store(folder)
    carry_out(source, small(model()), store, Measuring(case()), **how)
    return store


if __name__ == "__main__":
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    with spread_on(TWO, partial(Held, Path(sys.argv[2]), 1.5)) as slow:
        carried_out(slow, Path(sys.argv[1]))
