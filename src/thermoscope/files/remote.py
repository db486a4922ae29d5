"""Folders at URLs (``s3://bucket/run``, ``memory://run``), used as ``pathlib.Path`` is; fsspec reads and writes them.

A file is put as a whole. Object stores show it whole or not at all; other file systems may be left with half a file by
a kill, which checksums then tell. There are no locks and no renames.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from thermoscope.errors import InputError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Remote:
    """A file or a folder at a URL, with those of ``Path``'s members that runs use.

    Every error of the file system or of its network is an OSError, as it is for a ``Path``.

    Attributes
    ----------
    url
        The URL.
    files, path
        The file system, and what it calls the place.
    """

    url: str
    files: AbstractFileSystem = field(repr=False, compare=False)
    path: str = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> Remote:
        return Remote(f"{self.url}/{name}", self.files, f"{self.path.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        """The last part of the URL."""
        return PurePosixPath(self.path).name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.path).stem

    def resolve(self) -> Remote:
        """Itself."""
        return self

    def exists(self) -> bool:
        """Whether there is a file, or a folder with something in it."""
        return self._kind() != ""

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self._kind() == "file"

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return self._kind() == "directory"

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: folders come with their files."""

    def iterdir(self) -> Iterator[Remote]:
        """What is in the folder; nothing if there is none."""
        with self._as_os_error():
            there = self.files.ls(self.path, detail=False) if self.is_dir() else []
        return (self / PurePosixPath(path).name for path in sorted(there))

    def glob(self, pattern: str) -> Iterator[Remote]:
        """The files below that a pattern names."""
        with self._as_os_error():
            there = self.files.glob(f"{self.path.rstrip('/')}/{pattern}")
        root = len(self.path.rstrip("/")) + 1
        return (self / path[root:] for path in sorted(map(str, there)))

    def stat(self) -> os.stat_result:
        """The size of a file, in ``st_size``; all else is 0."""
        with self._as_os_error():
            return os.stat_result((0, 0, 0, 0, 0, 0, int(self.files.size(self.path)), 0, 0, 0))

    def read_bytes(self) -> bytes:
        """The content of a file."""
        with self._as_os_error():
            return bytes(self.files.cat_file(self.path))

    def read_text(self, encoding: str) -> str:
        """The content of a file as text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes) -> None:
        """Put a file in place of what is there."""
        with self._as_os_error():
            try:
                self.files.pipe_file(self.path, content)
            except FileNotFoundError:  # a file system with folders, or no such bucket, which is never made here
                self.files.mkdir(self.path.rpartition("/")[0], create_parents=False)
                self.files.pipe_file(self.path, content)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove a file."""
        with self._as_os_error():
            if not missing_ok or self.exists():
                self.files.rm_file(self.path)

    def _kind(self) -> str:
        """What is there: "file", "directory", or nothing.

        fsspec's own ``exists``, ``isfile`` and ``isdir`` say of a file that it is missing where the network fails.
        """
        with self._as_os_error():
            try:
                return str(self.files.info(self.path)["type"])
            except (FileNotFoundError, NotADirectoryError):
                return ""

    @contextmanager
    def _as_os_error(self) -> Iterator[None]:
        """Errors of a file system's own, and of its network, as OSError with a reason in one line."""
        try:
            yield
        except Exception as error:
            why = (getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__)[:300]
            if isinstance(error, FileNotFoundError):
                raise FileNotFoundError(errno.ENOENT, why, self.url) from None
            raise OSError(getattr(error, "errno", None) or errno.EIO, why, self.url) from None


def place(given: str | Path | Remote) -> Path | Remote:
    """The folder that a path or a URL names; ``file://`` is a path.

    Raises
    ------
    InputError
        No file system of fsspec has the URL's protocol, or a package that it needs is missing.
    """
    scheme = _URL.match(given) if isinstance(given, str) else None
    if isinstance(given, Remote) or scheme is None:
        return given if isinstance(given, Remote) else Path(given)
    url = str(given)
    from fsspec.core import url_to_fs

    try:
        files, path = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"a folder's URL must be of a file system that fsspec knows; got {url!r} ({error}); install its package, "
            "such as s3fs for s3://"
        ) from None
    except Exception as error:
        raise InputError(f"{url} can't be opened ({' '.join(str(error).split())}); check the URL") from None
    if scheme[1].lower() in ("file", "local"):
        return Path(path)
    return Remote(url.rstrip("/"), files, path)


def on_disk(given: str | Path) -> Path:
    """A folder of this machine.

    Raises
    ------
    InputError
        It is a URL.
    """
    found = place(given)
    if isinstance(found, Remote):
        raise InputError(f"only runs are kept at URLs; got {found}; name a folder of this machine")
    return found


def in_words(place: Any) -> str:
    """What a reader must know before a folder at a URL is written; "" for a path."""
    if not isinstance(place, Remote):
        return ""
    return f"{place} can't be locked: make sure that no other process writes it."
