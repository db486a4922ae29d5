"""Where a run is made, by name: what ``--on`` takes."""

from __future__ import annotations

from dataclasses import dataclass

from thermoscope.errors import InputError


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Ray cluster, and how much of it is used.

    Attributes
    ----------
    address
        "ray": the cluster that this machine belongs to ($RAY_ADDRESS, or one that was started here), else one on this
        machine alone. "ray://HEAD:10001": the Ray client's port of a cluster elsewhere.
    workers
        How many processes hold the model. By default one for each GPUs that ``gpus_per_worker`` says, else one for
        each machine.
    gpus_per_worker
        GPUs of each worker; a fraction lets workers share one.

    Raises
    ------
    InputError
        A value breaks its rule.
    """

    address: str = "ray"
    workers: int | None = None
    gpus_per_worker: float = 0

    def __post_init__(self) -> None:
        if not isinstance(self.address, str) or not (self.address == "ray" or self.address.startswith("ray://")):
            raise InputError(f"a cluster must be ray or ray://HEAD:10001; got {self.address!r}; write one of these")
        count = self.workers
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise InputError(f"workers must be a whole number of at least 1; got {count!r}; choose one")
        gpus = self.gpus_per_worker
        if isinstance(gpus, bool) or not isinstance(gpus, int | float) or not 0 <= gpus <= 1024:
            raise InputError(f"gpus_per_worker must be a number from 0 to 1024; got {gpus!r}; choose one")
        if gpus > 1 and gpus != int(gpus):
            raise InputError(f"gpus_per_worker above 1 must be a whole number; got {gpus!r}; choose one")


def cluster_of(executor: Cluster | str | None) -> Cluster | None:
    """The cluster that an argument names; None is this process.

    Raises
    ------
    InputError
        It names none.
    """
    return Cluster(executor) if isinstance(executor, str) else executor
