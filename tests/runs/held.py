"""The source that workers of a cluster hold in tests. It imports little, as each worker does so before it is there."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fakes import FakeModel
from thermoscope.sources.base import Batch
from thermoscope.sources.local import LocalSource


def model() -> FakeModel:
    """The model that makes all texts, here and there."""
    return FakeModel(end_bias=3.0)


class Held(LocalSource):
    """Writes down in a folder, as ``log``, which process begins which batch.

    Where the folder holds ``kill``, the process of the first worker that comes to a second piece is killed in it: it
    turns the file into ``killed``, which says who and where.
    """

    def __init__(self, folder: Path, seconds: float = 0.0) -> None:
        super().__init__(model())
        self.folder, self.seconds, self.pieces = folder, seconds, 0

    def make(self, batches: Sequence[Batch], **how: Any) -> None:
        if (self.folder / "kill").exists():
            self.pieces += 1
            if self.pieces == 2:
                with contextlib.suppress(FileNotFoundError):  # another was first
                    killed = (self.folder / "kill").rename(self.folder / "killed")
                    killed.write_text(f"{os.getpid()} {batches[0].prompt}", encoding="utf-8")
                    os.kill(os.getpid(), signal.SIGKILL)
        for batch in batches:
            with (self.folder / "log").open("a", encoding="utf-8") as file:
                file.write(f"{os.getpid()} {batch.prompt}\n")
        time.sleep(self.seconds)
        super().make(batches, **how)
