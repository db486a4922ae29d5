"""Files of a run that are read only if they are as they were written."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermoscope.errors import RunError
from thermoscope.files.remote import Remote

if TYPE_CHECKING:
    import pyarrow


def sha256_of(content: bytes) -> str:
    """The checksum of a file's content."""
    return hashlib.sha256(content).hexdigest()


def signed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the checksum of its other fields."""
    rest = {name: value for name, value in record.items() if name != "sha256"}
    return {**rest, "sha256": sha256_of(json.dumps(rest, sort_keys=True).encode())}


def parquet_bytes(table: pyarrow.Table) -> bytes:
    """A table as the content of a Parquet file."""
    import pyarrow.parquet

    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def verified(path: Path | Remote, sha256: str | None) -> bytes:
    """The content of a file, if it has the checksum that it was written with; None if none was kept.

    Raises
    ------
    RunError
        It can't be read, or was changed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise damaged(path, str(error.strerror)) from None
    if sha256 is not None and sha256_of(content) != sha256:
        raise damaged(path, "it was changed since it was written")
    return content


def table_of(path: Path | Remote, sha256: str | None) -> pyarrow.Table:
    """The table of a Parquet file; parameters and errors as in ``verified``."""
    import pyarrow
    import pyarrow.parquet

    source = pyarrow.BufferReader(verified(path, sha256))
    try:
        # a thread of Arrow that lets go of our bytes while Python ends would abort it (apache/arrow#34314)
        return pyarrow.parquet.ParquetFile(source).read(use_threads=False)
    except (OSError, pyarrow.ArrowException) as error:
        raise damaged(path, " ".join(str(error).split())) from None


def damaged(path: Path | Remote, why: str) -> RunError:
    """A file of a run that can't be read; all but the plan can be made again."""
    fix = "choose another run" if path.name == "plan.json" else "repeat the run's measure command, which makes it again"
    return RunError(f"{path} can't be read ({why}); {fix}")
