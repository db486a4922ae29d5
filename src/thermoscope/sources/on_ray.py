"""Workers on a Ray cluster: actors that hold a source. Ray places them, and starts them again where one dies."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from thermoscope.errors import InputError, ModelError, ThermoscopeError
from thermoscope.sources.base import Source
from thermoscope.sources.cluster import Cluster
from thermoscope.sources.placing import Outcome
from thermoscope.sources.spread import Spread


def spread_on(cluster: Cluster, opening: Callable[[], Source]) -> Spread:
    """A source that the workers of a cluster hold, each of which calls ``opening`` once.

    Raises
    ------
    InputError
        Ray is not installed, or the cluster can't be reached or has less than is asked for.
    ThermoscopeError
        What ``opening`` raised on a worker.
    """
    workers = RayWorkers(cluster, opening)
    try:
        return Spread(workers)
    except BaseException:
        workers.close()
        raise


class Holder:
    """What runs on a worker: a source that is opened when it is first needed, in the worker's own process.

    Parameters
    ----------
    opening
        Gives the source.
    """

    def __init__(self, opening: Callable[[], Source]) -> None:
        self._opening = opening
        self._source: Source | None = None

    def ready(self) -> None:
        """Nothing: that it returns tells that the worker is there."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> tuple[Any, ThermoscopeError | None]:
        """What ``function(source, *arguments)`` gives, and the error that it raised on purpose."""
        try:
            if self._source is None:
                self._source = self._opening()
            return function(self._source, *arguments), None
        except ThermoscopeError as error:
            return None, error


class RayWorkers:
    """Workers on a Ray cluster; they are ``Workers``.

    Parameters
    ----------
    cluster
        Where, and how many.
    opening
        Gives a worker's source. It is pickled, so that only clusters of one's own are used.

    Raises
    ------
    InputError
        Ray is not installed, or the cluster can't be reached or has less than is asked for.
    """

    def __init__(self, cluster: Cluster, opening: Callable[[], Source]) -> None:
        try:
            import ray
        except ModuleNotFoundError:
            raise InputError("a run on a cluster needs the package ray; pip install 'thermoscope[ray]'") from None
        self._ray: Any = ray
        self._joined = _join(cluster.address)
        try:
            nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            number = cluster.workers or default_workers(nodes, cluster.gpus_per_worker)
            cores = cores_each(nodes, number, cluster.gpus_per_worker)
            actor = self._ray.remote(Holder).options(
                num_cpus=cores, num_gpus=cluster.gpus_per_worker, max_restarts=-1, max_task_retries=0
            )
            self._actors: list[Any] = [actor.remote(opening) for _ in range(number)]
        except BaseException:
            self._leave()
            raise
        self._load: dict[int, int] = {}
        #: What is under way: for each reference the worker and the number of the piece, None while a worker is awaited.
        self._pending: dict[Any, tuple[int, int | None]] = {}
        self._gone = "none could be started"
        for worker in range(number):
            self._await(worker)

    @property
    def alive(self) -> int:
        """How many are there; those that Ray starts again count once they are back."""
        return len(self._load)

    def submit(self, number: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Let the least busy worker call a function; errors as in ``next``."""
        while not self._load:
            self._step(None)
        worker = min(self._load, key=self._load.__getitem__)
        self._load[worker] += 1
        self._pending[self._actors[worker].call.remote(function, *arguments)] = (worker, number)

    def next(self) -> Outcome:
        """Wait until a piece is made, has failed, or is lost; errors as in ``Workers``."""
        while True:
            outcome = self._step(None)
            if outcome is not None:
                return outcome

    def close(self) -> None:
        """Stop the workers, and leave the cluster unless this process was part of it before."""
        for actor in self._actors:
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._ray.kill(actor)
        self._pending.clear()
        self._leave()

    def _step(self, timeout_s: float | None) -> Outcome | None:
        """Wait for one reference; None if it only says that a worker is there, or gone."""
        if not self._pending:
            raise ModelError(f"no worker is left: {self._gone}; the same command goes on where it was")
        ready, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=timeout_s)
        worker, number = self._pending.pop(ready[0])
        errors = self._ray.exceptions
        try:
            value = self._ray.get(ready[0])
        except errors.RayTaskError as error:  # a defect, not an error on purpose
            self._load[worker] -= 1
            return Outcome(number or 0, error=error.cause or error)
        except errors.RayError as error:
            if number is None:  # Ray does not start it again
                self._gone = " ".join(str(error).split())[:300]
                return None
            if self._load.pop(worker, None) is not None:
                self._await(worker)
            return Outcome(number, lost=True)
        if number is None:
            self._load[worker] = 0
            return None
        self._load[worker] -= 1
        made, failed = value
        return Outcome(number, made, failed)

    def _await(self, worker: int) -> None:
        """Give a worker pieces once it answers; Ray repeats this call while it starts the worker again."""
        call = self._actors[worker].ready.options(max_task_retries=-1)
        self._pending[call.remote()] = (worker, None)

    def _leave(self) -> None:
        if self._joined:
            self._ray.shutdown()


def _join(address: str) -> bool:
    """Connect this process to a cluster, or start one on this machine; False if it belonged to one before.

    Raises
    ------
    InputError
        It can't be reached.
    """
    import ray

    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that is started here reports to nobody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address != "ray":
            with warnings.catch_warnings(action="ignore"):  # the error says the same
                ray.init(address, **quiet)
            return True
        try:
            ray.init("auto", **quiet)
        except ConnectionError:
            ray.init("local", include_dashboard=False, **quiet)
    except (ConnectionError, ImportError, RuntimeError, ValueError, AssertionError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"the Ray cluster {address} can't be reached ({said}); start one with ray start --head, or name its "
            "address; where the cluster asks for a token, set RAY_AUTH_MODE=token"
        ) from None
    return True


def default_workers(nodes: Sequence[Mapping[str, float]], gpus: float) -> int:
    """One worker for each GPUs that it takes, else one for each machine.

    Parameters
    ----------
    nodes
        By machine what it has: "CPU", "GPU".
    gpus
        GPUs of each worker.
    """
    if gpus:
        return max(1, sum(int(node.get("GPU", 0) / gpus + 1e-9) for node in nodes))
    return max(1, sum(node.get("CPU", 0) >= 1 for node in nodes))


def cores_each(nodes: Sequence[Mapping[str, float]], workers: int, gpus: float) -> int:
    """The most cores that each of so many workers can have, none spread over two machines.

    Parameters
    ----------
    nodes, gpus
        As in ``default_workers``.
    workers
        How many there are to be.

    Raises
    ------
    InputError
        There is not enough for so many.
    """
    most = int(max((node.get("CPU", 0) for node in nodes), default=0))

    def fit(cores: int) -> int:
        return sum(
            min(int(node.get("CPU", 0)) // cores, int(node.get("GPU", 0) / gpus + 1e-9) if gpus else workers)
            for node in nodes
        )

    for cores in range(most, 0, -1):
        if fit(cores) >= workers:
            return cores
    each = f"a core and {gpus:g} GPUs" if gpus else "a core"
    has = f"{sum(node.get('CPU', 0) for node in nodes):g} cores, {sum(node.get('GPU', 0) for node in nodes):g} GPUs"
    raise InputError(f"{workers} workers need {each} each; the cluster has {has}; choose fewer workers")
