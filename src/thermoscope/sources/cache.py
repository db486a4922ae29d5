"""Answers that were paid for, kept: a request that was answered once is never sent again.

One SQLite file. A row's key is a hash of everything that was sent (address, route, body, seed, and the number of the
sample where no seed is sent), so that another setting, prompt or seed is another row. Keys of servers are not in it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from thermoscope.errors import OutputError

#: Raised when what is kept changes its form: older rows are then not found.
FORM = 1


class AnswerCache:
    """Answers by what was sent.

    Parameters
    ----------
    path
        The file; made if need be. None: nothing is kept.

    Raises
    ------
    OutputError
        The file cannot be written or is not such a cache.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._base: sqlite3.Connection | None = None
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            self._base.execute("pragma journal_mode=wal")
            self._base.execute("pragma synchronous=normal")
            self._base.execute("create table if not exists answers (key blob primary key, answer blob) without rowid")
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                f"answers cannot be kept in {str(path)!r} ({error}); name another file, or delete this one"
            ) from None

    @staticmethod
    def key(url: str, body: Mapping[str, Any], sample: int) -> bytes:
        """What stands for a request: its address, all that is sent, and which of several equal requests it is."""
        sent = json.dumps([FORM, url, body, sample], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.blake2b(sent.encode(errors="surrogatepass"), digest_size=20).digest()

    def find(self, key: bytes) -> dict[str, Any] | None:
        """The answer that is kept under a key, or None."""
        if self._base is None:
            return None
        row = self._base.execute("select answer from answers where key = ?", (key,)).fetchone()
        if row is None:
            return None
        try:
            found = json.loads(zlib.decompress(row[0]))
        except (ValueError, zlib.error):
            return None  # damaged: asked again and written over
        return found if isinstance(found, dict) else None

    def keep(self, key: bytes, answer: Mapping[str, Any]) -> None:
        """Keep an answer; it is on the disk when this returns."""
        if self._base is None:
            return
        packed = zlib.compress(json.dumps(answer, ensure_ascii=False).encode(errors="surrogatepass"), 1)
        try:
            self._base.execute("insert or replace into answers values (?, ?)", (key, packed))
        except sqlite3.Error as error:
            raise OutputError(f"answers cannot be kept in {str(self.path)!r} ({error}); make room there") from None

    def close(self) -> None:
        """Release the file."""
        if self._base is not None:
            self._base.close()
            self._base = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def default_path() -> Path:
    """Where answers are kept unless said otherwise: in the user's cache."""
    from platformdirs import user_cache_path

    return user_cache_path("thermoscope") / "answers.sqlite"
