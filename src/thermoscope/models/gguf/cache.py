"""Dequantised weights kept for the next time, in the user's cache folder, by what the file holds.

A file is written aside and renamed, so that an interrupt leaves none that is cut short; one that can't be read is
removed and made again. Together they take at most ``MOST_BYTES``: those that were not used for longest go first.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from thermoscope._version import __version__

if TYPE_CHECKING:
    from torch import Tensor

_log = logging.getLogger(__name__)

#: What all files together may take, and one alone.
MOST_BYTES, MOST_BYTES_EACH = 4 * 10**9, 2 * 10**9
_MAPPED = 50 * 10**6


def folder() -> Path:
    """Where the files are: ``$THERMOSCOPE_CACHE/gguf``, or the system's folder for what can be made again."""
    import platformdirs

    base = os.environ.get("THERMOSCOPE_CACHE") or platformdirs.user_cache_dir("thermoscope")
    return Path(base) / "gguf"


def cached(digest: str, dtype: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Weights from the cache, or as ``make`` gives them, which are then kept if they are small enough."""
    from safetensors import SafetensorError

    path = folder() / f"{digest[:32]}-{dtype}-{__version__}.safetensors"
    try:
        state = _read(path)
    except FileNotFoundError:
        pass
    except (SafetensorError, OSError, ValueError) as error:
        _log.info("the cached weights %s can't be read and are made again (%s)", path, error)
        with contextlib.suppress(OSError):
            path.unlink()
    else:
        with contextlib.suppress(OSError):
            os.utime(path)  # used now
        return state
    state = make()
    _keep(path, state)
    return state


def entries() -> list[tuple[Path, int]]:
    """The files that are kept with their sizes in bytes, the last used first."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder().glob("*.safetensors"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, path, status.st_size))
    return [(path, size) for _, path, size in sorted(found, reverse=True)]


def _read(path: Path) -> dict[str, Tensor]:
    """The weights of a file, copied out of it.

    It is mapped anew every ``_MAPPED`` bytes: what was read of a map counts as memory of this process while it lasts.
    """
    from safetensors import safe_open

    state: dict[str, Tensor] = {}
    names: list[str] | None = None
    while names is None or names:
        copied = 0
        with safe_open(path, framework="pt") as file:
            if names is None:  # the largest at the end, which is read first: beside it there is nothing yet
                names = sorted(file.keys(), key=lambda name: math.prod(file.get_slice(name).get_shape()))
            while names and copied < _MAPPED:
                name = names.pop()
                state[name] = file.get_tensor(name).clone()
                copied += state[name].nbytes
    return state


def _keep(path: Path, state: Mapping[str, Tensor]) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    size = sum(tensor.numel() * tensor.itemsize for tensor in state.values())
    if size > MOST_BYTES_EACH:
        _log.info("weights of %.1f GB are not cached (the limit is %.1f GB)", size / 1e9, MOST_BYTES_EACH / 1e9)
        return
    aside = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = 0
        for old, taken in entries():
            kept += taken
            if kept + size > MOST_BYTES:
                old.unlink()
        save_file(dict(state), aside)
        aside.replace(path)
    except (OSError, SafetensorError) as error:  # a full or read-only disk: it works without a cache
        _log.info("the weights are not cached: %s", error)
        with contextlib.suppress(OSError):
            aside.unlink()
