"""Files written whole or not at all: under another name, flushed to the disk, then renamed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from thermoscope.files.remote import Remote

#: What is added to the name of a file while it is written.
PART = ".part"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` once the block ends well; else what was there stays.

    A link stays a link. A pipe, a terminal or a device is written as it is, as is a file in a folder where no other
    can be made.

    Raises
    ------
    OSError
        It can't be written.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    part = target.with_name(target.name + PART)
    try:
        file = part.open("wb")
    except PermissionError:
        if not target.exists():
            raise
        with target.open("wb") as file:
            yield file
        return
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_whole(path: Path | Remote, content: str | bytes) -> None:
    """Write a file, text as UTF-8; errors as in ``replacing``."""
    data = content if isinstance(content, bytes) else content.encode()
    if isinstance(path, Remote):
        path.write_bytes(data)
        return
    with replacing(path) as file:
        file.write(data)
