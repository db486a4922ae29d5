"""Where a model's files are, on this machine or on the hub, and what goes wrong on the way, in one line each."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermoscope.errors import (
    ModelError,
    ModelMemoryError,
    ModelNotFoundError,
    ModelUnreachableError,
    is_out_of_memory,
)
from thermoscope.models.faults import fault

_log = logging.getLogger(__name__)

#: How long the hub may take to answer, in seconds, before what is on this machine is taken.
PATIENCE_S = 5.0


def is_there(what: Callable[[Path], bool], path: Path) -> bool:
    """Whether a path is ``what``, such as ``Path.is_dir``; a name that no path can have is not."""
    try:
        return what(path)
    except (OSError, ValueError):  # a name too long or with a null byte
        return False


@dataclass(frozen=True, slots=True)
class Where:
    """Where a model's files are: a folder or a name, a revision, and whether nothing is asked of the hub."""

    source: str
    revision: str | None
    offline: bool

    def load(self, factory: Any, **how: Any) -> Any:
        """What a class of transformers makes of the files; code that comes with them is not run."""
        return factory.from_pretrained(
            self.source, revision=self.revision, local_files_only=self.offline, trust_remote_code=False, **how
        )


def on_the_hub(name: str, revision: str | None) -> Where:
    """Ask the hub once whether it has the model; where it can't be reached, what is on this machine is taken.

    The hub's own client would try every file again and again, for half a minute, before it says so.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        HfApi().model_info(name, revision=revision, timeout=PATIENCE_S)
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise
    except HfHubHTTPError as error:  # there, but busy or out of order: its client knows how to go on
        _log.info("the hub answers with %s", first_line(error))
    except Exception as error:  # whatever the network raises
        if not is_network_fault(error):
            raise
        _log.info("the hub can't be reached; %s is taken from this machine", name)
        return Where(name, revision, offline=True)
    return Where(name, revision, offline=False)


def commit_of(name: str, revision: str | None) -> str | None:
    """The commit that the files of a model of the hub are from: its client keeps them in a folder of that name."""
    from huggingface_hub import try_to_load_from_cache

    kept = try_to_load_from_cache(name, "config.json", revision=revision)
    return Path(kept).parent.name if isinstance(kept, str) else revision


@contextlib.contextmanager
def explained(name: str, revision: str | None, dtype: str | None) -> Iterator[None]:
    """Turn what transformers and the hub raise into one line of ours."""
    at = f"{name!r}" + (f" at revision {revision!r}" if revision else "")
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # every library below has its own tree
        if is_out_of_memory(error):
            raise ModelMemoryError(
                f"out of memory while loading {at}; choose a smaller model, dtype bfloat16 or another device"
            ) from None
        if is_network_fault(error):
            raise ModelUnreachableError(
                f"the model {at} is not on this machine and the hub can't be reached; "
                "connect, give a local folder, or leave the model out for the bundled one"
            ) from None
        if _is_not_found(error):
            raise ModelNotFoundError(
                f"no model {at} here or on the hub; check the spelling, log in if private, or give a local folder"
            ) from None
        raise fault(at, error) from error


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def is_network_fault(error: BaseException) -> bool:
    """Whether the network is what failed, somewhere in the chain of causes."""
    names = {
        "ConnectError",
        "ConnectTimeout",
        "ConnectionError",
        "LocalEntryNotFoundError",
        "OfflineModeIsEnabled",
        "ProxyError",
        "ReadTimeout",
    }
    return any(type(e).__name__ in names or "couldn't connect to" in str(e) for e in _chain(error))


def _is_not_found(error: BaseException) -> bool:
    names = {"RepositoryNotFoundError", "RevisionNotFoundError", "EntryNotFoundError", "HFValidationError"}
    said = ("is not a valid model identifier", "is not a local folder", "does not appear to have a file named")
    return any(type(e).__name__ in names or any(s in str(e) for s in said) for e in _chain(error))


def first_line(error: BaseException, most: int = 200) -> str:
    """What an error says in its first line, so many characters of it, or its kind."""
    lines = str(error).strip().splitlines()
    return lines[0][:most] if lines else type(error).__name__


def content_hash(folder: Path) -> str | None:
    """The first twelve digits of the SHA-256 of the weights' files: what revision means for a local folder."""
    files = sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])
    if not files:
        return None
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as handle:
            while block := handle.read(2**20):
                digest.update(block)
    return f"sha256:{digest.hexdigest()[:12]}"
